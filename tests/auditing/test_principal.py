"""Principal components: as many as there are, orthonormal, and the way back."""

import numpy as np
import pytest
import torch

from obfnet.auditing.attacks.convolutional import ConvolutionalDecoder
from obfnet.auditing.attacks.kernel import KernelRidge
from obfnet.auditing.attacks.mlp import MlpDecoder
from obfnet.auditing.attacks.nearest import NearestPairs
from obfnet.auditing.effort import Effort
from obfnet.auditing.evidence import Evidence, Known, Pairs
from obfnet.auditing.principal import principal
from obfnet.auditing.subject import raw
from obfnet.specs import SampleSpec


def rows(count, size, rank, seed=0):
    generator = torch.Generator().manual_seed(seed)
    codes = torch.randn(count, rank, generator=generator)
    basis = torch.randn(rank, size, generator=torch.Generator().manual_seed(99))
    return codes @ basis / rank**0.5


def test_rows_of_low_rank_come_back():
    some = rows(200, 50, 7) + 3
    found = principal(some, 20, 0)
    assert len(found.deviations) == 7
    assert torch.allclose(found.restore(found(some)), some, atol=1e-4)


def test_the_greatest_directions_are_found():
    some = rows(300, 40, 40)
    found = principal(some, 5, 0)
    exact = torch.linalg.svdvals(some - some.mean(0))[:5] / 299**0.5
    assert torch.allclose(found.deviations, exact, rtol=0.02)
    assert torch.allclose(found.directions.T @ found.directions, torch.eye(5), atol=1e-5)
    assert torch.allclose(found(some).std(0), found.deviations, rtol=0.02)


@pytest.mark.parametrize("attack", [MlpDecoder, ConvolutionalDecoder, NearestPairs, KernelRidge])
def test_samples_too_long_for_a_dense_map(attack):
    """No matrix of 4,800 x 4,800 is solved, and what has low rank still comes back."""
    shape = (3, 40, 40)
    samples = rows(500, 4_800, 6).clamp(-3, 3).reshape(-1, *shape).numpy()

    def pairs(part):
        zeros = np.zeros(len(samples[part]), np.int64)
        return Pairs(samples[part], -samples[part], zeros, zeros, {})

    effort = Effort("few", (), (), (), pairs=300, mixtures=0, evaluated=100, steps=4, batch=64)
    train, held, judged = pairs(slice(300)), pairs(slice(300, 400)), pairs(slice(400, 500))
    known = Known(
        train, train.take(np.zeros(0, np.int64)), held, SampleSpec(shape, -3, 3), "plain", 2,
        effort, raw(), None,
    )  # fmt: skip
    found = attack()(Evidence(known, judged), 0)
    assert found.errors.mean() < 0.3 * np.square(judged.originals).mean()
