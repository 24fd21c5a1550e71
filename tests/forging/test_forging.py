"""Both ways of forging, on real digits with a real InfNet."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from obfnet.bundling.pack import bundle
from obfnet.errors import InfNetChangedError, SpecError
from obfnet.forging.codebook import forge_codebooks
from obfnet.forging.fleet import forge
from obfnet.forging.job import Job
from obfnet.forging.loop import Schedule
from obfnet.forging.optimised import optimise_rows
from obfnet.forging.plan import usual_schedule
from obfnet.forging.through import forge_through
from obfnet.mechanisms.codebook import Codebook
from obfnet.mechanisms.none import NoMechanism
from obfnet.nets.bottleneck import Bottleneck
from obfnet.nets.frozen import freeze
from obfnet.nets.mnist import mlp_obfnet
from obfnet.seeds import branch

QUICK = Schedule(epochs=2, batch=64, rate=3e-3)


def _codebook(infnet, data, splits, mechanism=None, encoder=None, seed=0):
    job = Job(infnet, data, splits, mechanism or Codebook(10), encoder or _encoder, QUICK)
    return forge_codebooks(job, [seed])[0]


def _published(infnet, data, splits, width, schedule=QUICK, halves=mlp_obfnet):
    def half(name):
        return lambda: getattr(halves((1, 8, 8), width), name)

    job = Job(infnet, data, splits, NoMechanism(), half("encoder"), schedule, half("decoder"))
    return forge_through(job, [0])[0]


def _encoder():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))


class Counting(nn.Module):
    """An InfNet that notes how many samples it is asked about."""

    def __init__(self, module):
        super().__init__()
        self.module, self.asked = module, 0

    def forward(self, samples):
        self.asked += len(samples)
        return self.module(samples)


def test_the_certificate_given_the_label_is_checked(infnet, digits, splits):
    """Two rows a class under a mechanism that certifies one: refused before training."""
    with pytest.raises(SpecError, match="takes 2 rows for one class, the mechanism certifies 1"):
        _codebook(infnet, digits, splits, Codebook(20))
    _codebook(
        infnet,
        digits,
        splits,
        Codebook(20, rows_per_class=2),
        lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 20)),
    )


def test_an_infnet_of_other_classes_is_refused(digits, splits):
    torch.manual_seed(0)
    five = freeze(nn.Sequential(nn.Flatten(), nn.Linear(64, 5)))
    five.module[1].weight.mul_(10)
    five = freeze(five.module)
    with pytest.raises(SpecError, match="answers with 5 classes, the data has 10"):
        _codebook(five, digits, splits)


def test_a_codebook_obfnet_works(codebook, infnet, digits, splits):
    held = digits.take(splits.test)
    released = codebook(held.samples)
    assert released.shape == held.samples.shape
    assert released.dtype == np.float32
    assert len(np.unique(released.reshape(len(released), -1), axis=0)) <= 10
    assert (infnet.predict(released) == held.labels).mean() > 0.85
    assert codebook.validation_accuracy > 0.85


def test_the_infnet_is_asked_about_rows_only(infnet, digits, splits):
    counting = Counting(infnet.module)
    asked = freeze(counting)
    _codebook(asked, digits, splits)
    # Never about a sample: one row tells it the classes, and the rest is finding the rows.
    table = optimise_rows(infnet, digits.spec, 10, branch(0, "rows"))
    assert counting.asked == 1 + table.queries < 500


def test_test_data_is_never_looked_at(infnet, digits, splits):
    """Forging is the same when everything outside train and validation is garbage."""
    samples, labels = digits.samples.copy(), digits.labels.copy()
    samples[splits.test], labels[splits.test] = 0.5, 0
    garbled = replace(digits, samples=samples, labels=labels)
    for way in (
        lambda data: _codebook(infnet, data, splits),
        lambda data: _published(infnet, data, splits, 16),
    ):
        one, other = way(digits), way(garbled)
        assert np.array_equal(one(digits.samples[:50]), other(digits.samples[:50]))


def test_the_published_obfnet_learns_through_the_infnet(infnet, digits, splits):
    schedule = Schedule(epochs=25, batch=64, rate=2e-3)
    made = _published(infnet, digits, splits, 64, schedule)
    held = digits.take(splits.test)
    assert (infnet.predict(made(held.samples)) == held.labels).mean() > 0.8
    assert made.name == "none"


def test_an_infnet_in_train_mode_is_caught(digits, splits):
    net = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(64), nn.Linear(64, 10))
    infnet = freeze(net)
    net.train()
    with pytest.raises(InfNetChangedError):
        _published(infnet, digits, splits, 8)


def test_an_obfnet_of_another_shape_is_refused(infnet, digits, splits):
    def wrong(_shape, _width):
        return Bottleneck(nn.Flatten(), nn.Linear(64, 64))

    with pytest.raises(SpecError, match="shape"):
        _published(infnet, digits, splits, 64, halves=wrong)


def test_sets_are_distinct_and_draw_at_random(infnet, digits, splits):
    fleet = forge(
        infnet, digits, devices=2, size=2, splits=splits, encoder=_encoder, schedule=QUICK
    )
    assert [made.device for made in fleet] == ["device-0", "device-1"]
    members = [obfnet for made in fleet for obfnet in made.obfnets]
    tables = [member.decoder.rows for member in members]
    for position, table in enumerate(tables):
        for other in tables[position + 1 :]:
            assert (table - other).abs().mean() > 0.1
    repeated = np.repeat(digits.samples[:1], 64, axis=0)
    released = fleet[0](repeated).reshape(64, -1)
    assert len(np.unique(released, axis=0)) == 2  # both members of the set were drawn


def test_the_five_lines_forge_a_good_obfnet_by_default(infnet, digits, splits):
    """No schedule, no encoder, no splits given: what the README shows."""
    (made,) = forge(infnet, digits)
    held = digits.take(splits.test)
    clean = (infnet.predict(held.samples) == held.labels).mean()
    assert (infnet.predict(made(held.samples)) == held.labels).mean() > clean - 0.03


@pytest.mark.parametrize(
    ("samples", "schedule"),
    [
        (1437, Schedule(111, 64, 3e-3)),
        (55_000, Schedule(10, 128, 3e-3)),
        (50, Schedule(150, 64, 3e-3)),
    ],
)
def test_the_usual_schedule_counts_steps(samples, schedule):
    assert usual_schedule(samples) == schedule


@pytest.mark.parametrize("wrong_type", [lambda: freeze("model.onnx"), lambda: bundle("set")])
def test_wrong_types_are_told_what_is_expected(wrong_type):
    with pytest.raises(SpecError, match="expected a"):
        wrong_type()


def test_forging_needs_a_frozen_model(infnet, digits):
    with pytest.raises(SpecError, match=r"obfnet\.freeze"):
        forge(infnet.module, digits)


@pytest.mark.parametrize("wrong", [{"devices": 0}, {"size": 0}, {"mechanism": "bits"}])
def test_impossible_sets_are_refused(infnet, digits, wrong):
    with pytest.raises(SpecError):
        forge(infnet, digits, **wrong)


def test_the_trained_infnet_works(infnet, digits, splits):
    held = digits.take(splits.test)
    assert (infnet.predict(held.samples) == held.labels).mean() > 0.93
