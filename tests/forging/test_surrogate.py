"""A stand-in learns from answers alone, and its agreement is measured on what it never saw."""

import numpy as np
import pytest
import torch
from torch import nn

import obfnet
from obfnet.bundling.onnx_export import export_onnx
from obfnet.errors import QueryBudgetError, SpecError
from obfnet.forging.loop import Schedule
from obfnet.forging.optimised import optimise_rows
from obfnet.forging.surrogate import Surrogate, distil
from obfnet.nets.mnist import mlp_infnet
from obfnet.nets.probes import COUNT
from obfnet.nets.terms import Terms
from obfnet.serving import Settings, running
from onnx_files import repository

SCHEDULE = Schedule(epochs=20, batch=32, rate=2e-3)


def student():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))


@pytest.fixture(scope="module")
def live(infnet, digits, tmp_path_factory):
    """URL of the digits' InfNet behind a real server."""
    content = export_onnx(infnet.module, digits.samples[:17])
    folder = repository(tmp_path_factory.mktemp("models"), infnet=content)
    with running(Settings(folder, port=0)) as url:
        yield f"{url}/v2/models/infnet"


def test_a_live_model_gets_gradients(live, infnet, digits, splits):
    remote = obfnet.freeze(live)
    samples = digits.samples[splits.train]
    stand_in = distil(remote, student, samples, SCHEDULE, seed=0)
    assert isinstance(stand_in, Surrogate)
    assert stand_in.infnet == remote.digest
    assert stand_in.measured == round(0.1 * len(samples))
    assert remote.queries == 3 * COUNT + len(samples)
    assert stand_in.agreement > 0.9
    unseen = digits.samples[splits.test]
    assert (stand_in.predict(unseen) == infnet.predict(unseen)).mean() > 0.88
    rows = optimise_rows(stand_in, digits.spec, 10, seed=0).rows[:, 0]
    # Moved from noise, half of them reach the InfNet itself: far from all, and far from chance.
    reached = np.exp(remote.log_probabilities(rows.numpy()))[np.arange(10), np.arange(10)]
    assert reached.mean() > 0.3
    stand_in.verify()


def test_it_repeats_itself_and_the_seed_counts(infnet, digits, splits):
    short = Schedule(epochs=2, batch=32)
    samples = digits.samples[splits.train[:300]]
    first, same, other = (distil(infnet, student, samples, short, seed) for seed in (0, 0, 1))
    assert first.digest == same.digest != other.digest
    assert first.agreement == same.agreement


def test_soft_answers_teach_more_than_noise(infnet, digits, splits):
    """An untrained stand-in agrees by chance only: the agreement is learned."""
    torch.manual_seed(0)
    untrained = obfnet.freeze(student())
    unseen = digits.samples[splits.test]
    assert (untrained.predict(unseen) == infnet.predict(unseen)).mean() < 0.4


def test_a_budget_that_does_not_suffice_is_told_at_once(live, digits, splits):
    remote = obfnet.freeze(live, terms=Terms(most_queries=100))
    with pytest.raises(QueryBudgetError):
        distil(remote, student, digits.samples[splits.train], SCHEDULE, seed=0)
    assert remote.queries == 2 * COUNT


def test_what_cannot_be_distilled(infnet, digits):
    with pytest.raises(SpecError, match="50 samples or more"):
        distil(infnet, student, digits.samples[:49], SCHEDULE, seed=0)
    with pytest.raises(SpecError, match="10 classes"):
        distil(infnet, lambda: mlp_infnet((1, 8, 8), 9), digits.samples[:60], SCHEDULE, seed=0)
