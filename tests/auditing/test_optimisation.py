"""White-box inversion: it goes further than its decoder, also where gradients are masked."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from obfnet.auditing.adapters import subject_of
from obfnet.auditing.attacks.backward import backward
from obfnet.auditing.attacks.label_only import LabelOnly
from obfnet.auditing.attacks.match import matching
from obfnet.auditing.attacks.optimisation import Optimisation
from obfnet.auditing.attacks.spread import spread_of
from obfnet.auditing.evidence import collect
from obfnet.auditing.leakage import leakage
from obfnet.auditing.subject import Subject
from obfnet.errors import NotMeasurableError


class Twisted(nn.Module):
    """Turned and bent three times: no sample is lost, but 60 pairs do not teach the way back."""

    def __init__(self, rounds=3):
        super().__init__()
        draw = torch.Generator().manual_seed(1)
        self.turns = [
            torch.linalg.qr(torch.randn(64, 64, generator=draw))[0] for _ in range(rounds)
        ]

    def forward(self, samples):
        values = (samples.flatten(1) - 0.3) * 2
        for turn in self.turns:
            values = values @ turn
            values = values + 0.45 * torch.sin(2 * values)
        return values.view_as(samples)


class Quantised(nn.Module):
    """Clipped and rounded; with or without the gradient of what was rounded."""

    def __init__(self, inner, straight_through):
        super().__init__()
        self.inner, self.straight_through = inner, straight_through

    def forward(self, samples):
        values = self.inner(samples)
        rounded = (values * 4).clamp(-8, 8).round() / 4
        return values + (rounded - values).detach() if self.straight_through else rounded


@pytest.fixture(scope="module")
def evidence_of(infnet, digits, splits, tiny):
    few = replace(tiny, pairs=60, optimised=32, steps=300)

    def make(transform, **changes):
        effort = replace(few, **changes)
        return collect(subject_of(transform), infnet, digits, splits, effort)

    return make


def attacked(evidence):
    """Leakages of the decoder alone and of the whole attack, and the attack."""
    attack, floor = Optimisation(), LabelOnly()(evidence, 0)
    whole = attack(evidence, 0)
    judged = evidence.evaluation.take(np.arange(len(whole.samples)))
    start = attack._start.reconstruct(judged.released, judged.answers).clip(0, 1)
    errors = ((start - judged.originals) ** 2).reshape(len(start), -1).mean(1)
    alone = 1 - errors.mean() / floor.errors[: len(errors)].mean()
    return float(alone), leakage(whole, floor, 0).value, attack


def test_it_undoes_what_a_decoder_cannot_learn(evidence_of):
    alone, whole, _ = attacked(evidence_of(Twisted()))
    assert alone < 0.75
    assert whole > alone + 0.1


def test_rounding_with_a_straight_through_gradient_hides_nothing(evidence_of):
    alone, whole, attack = attacked(evidence_of(Quantised(Twisted(), True)))
    assert whole > alone + 0.1
    assert not attack._gradients.masked


def test_masked_gradients_are_replaced(evidence_of):
    alone, whole, attack = attacked(evidence_of(Quantised(Twisted(), False)))
    assert attack._gradients.masked
    assert whole > alone + 0.01


def test_noise_is_averaged_over(evidence_of):
    class Noisy(nn.Module):
        def forward(self, samples):
            return samples + 0.3 * torch.randn_like(samples)

    with torch.random.fork_rng():
        torch.manual_seed(0)
        alone, whole, attack = attacked(evidence_of(Noisy(), steps=150))
    assert attack._gradients.random
    assert whole > alone


def test_a_codebook_gives_no_more_than_to_its_decoder(evidence_of, codebook):
    _, whole, attack = attacked(evidence_of(codebook, pairs=2000, steps=100))
    assert whole < 0.05
    assert not attack._gradients.random


def test_it_needs_gradients(infnet, digits, splits, tiny):
    closed = Subject("closed", lambda samples: 1 - samples)
    with pytest.raises(NotMeasurableError, match="gradients"):
        Optimisation()(collect(closed, infnet, digits, splits, tiny), 0)


def test_the_same_seed_gives_the_same_answer(evidence_of):
    evidence = evidence_of(nn.Identity(), steps=40, seeds=2)
    one, other = (Optimisation()(evidence, 5).samples for _ in range(2))
    assert np.array_equal(one, other)


def test_rows_of_a_table_are_matched_by_nearness():
    rows = torch.eye(3)
    match = matching(rows.repeat(20, 1).numpy())
    near = 0.8 * rows[[0]] + 0.2 * rows[[1]]
    assert match(near, rows[[0]]) < match(near, rows[[1]]) < match(near, rows[[2]])


def test_small_signals_count_as_much_as_large_ones():
    released = np.random.default_rng(0).random((100, 2)).astype(np.float32) * [1, 0.02]
    match = matching(released.astype(np.float32))
    zero = torch.zeros(1, 2)
    large, small = (match(zero, torch.tensor([row])) for row in ([1.0, 0.0], [0.0, 0.02]))
    assert float(large) == pytest.approx(float(small), rel=0.3)


def test_the_spread_has_the_covariance_of_the_errors(evidence_of):
    train = evidence_of(nn.Identity()).known.train
    draw = np.random.default_rng(0)
    direction = draw.standard_normal(64).astype(np.float32)
    errors = draw.standard_normal((20_000, 1)).astype(np.float32) * direction
    moves = spread_of(train, errors.reshape(-1, 1, 8, 8))(torch.randn(500, 64))
    along = (moves @ torch.from_numpy(direction / np.linalg.norm(direction))).square().mean()
    assert float(along / moves.square().sum(1).mean()) > 0.9


def test_a_constant_transform_has_nothing_masked(evidence_of):
    class Constant(nn.Module):
        def forward(self, samples):
            return samples * 0 + 0.5

    assert not backward(evidence_of(Constant()).known, 0).masked
