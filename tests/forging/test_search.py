"""A search finds the front, tries nothing twice, and goes on where it stopped."""

import sys

import numpy as np
import pytest
import torch

from obfnet.errors import ForgeError, MissingExtraError, SpecError, StorageError
from obfnet.forging.codebook import forge_codebooks
from obfnet.forging.job import Job
from obfnet.forging.loop import Schedule
from obfnet.forging.search import search
from obfnet.forging.space import space
from obfnet.mechanisms.bits import Bits
from obfnet.mechanisms.codebook import Codebook
from obfnet.mechanisms.none import NoMechanism
from obfnet.nets.budget import Budget
from obfnet.nets.cost import Cost

SHAPE = (1, 8, 8)
MECHANISMS = (Codebook(10), Codebook(20, 2))
SMALL = Budget(params=5_000)


class Landscape:
    """Known accuracies and leakages, so that the true front is known too."""

    def __init__(self, failing=()):
        self.seen, self.failing = [], failing

    def train(self, proposal, mechanism):
        self.seen.append((mechanism, tuple(proposal.arguments.items())))
        if len(self.seen) in self.failing:
            raise self.failing[len(self.seen)]
        params, depth = proposal.cost.params, proposal.arguments["depth"]
        return 1 - 1 / params**0.5 - 0.01 * depth, (mechanism.width * depth) % 7 / 10

    def search(self, trials, storage=None, seed=0, **changed):
        arguments = {"shape": SHAPE, "mechanisms": MECHANISMS, "budget": SMALL} | changed
        return search(
            self.train, leaks=lambda leak: leak, trials=trials, seed=seed, storage=storage,
            **arguments,
        )  # fmt: skip


def _values(front):
    return [(one.accuracy, one.leakage, one.cost.macs) for one in front]


def test_a_real_search_on_digits(infnet, digits, splits, tmp_path):
    held = digits.take(splits.validation)
    trained = []

    def train(proposal, mechanism):
        trained.append(proposal)
        job = Job(infnet, digits, splits, mechanism, proposal.factory, Schedule(3, 48, 1e-2))
        (made,) = forge_codebooks(job, [0])
        return made.validation_accuracy, made

    def leaks(made):
        """Share of the samples' variance that knowing x' explains: means over equal x'."""
        _, inverse = np.unique(made(held.samples).reshape(len(held.samples), -1), axis=0,
                               return_inverse=True)  # fmt: skip
        flat = held.samples.reshape(len(held.samples), -1)
        explained = np.array([flat[inverse == row].mean(0) for row in inverse])
        return 1 - float(((flat - explained) ** 2).mean() / flat.var(0).mean())

    def run(trials):
        return search(
            train, SHAPE, MECHANISMS, Budget(params=4_000), leaks, trials, seed=0,
            depths=(1,), storage=tmp_path / "deep" / "search.journal",
        )  # fmt: skip

    front = run(4)
    assert len(trained) == 4
    assert max(one.accuracy for one in front) > 0.6  # it does learn, in three epochs
    for one in front:
        assert 0 <= one.leakage <= 1
        assert Budget(params=4_000).fits(one.cost)
        assert one.proposal.factory().eval()(torch.tensor(digits.samples[:1])).shape == (
            1,
            one.mechanism.width,
        )
    assert run(4) == front  # all of it comes from the storage
    assert len(trained) == 4
    run(5)
    assert len(trained) == 5


def test_a_small_space_is_tried_once_each_and_gives_the_true_front():
    landscape = Landscape()
    front = landscape.search(trials=1_000)
    places = space(SHAPE, MECHANISMS, SMALL, "image", (1, 2, 3), None).places()
    assert len(landscape.seen) == len(set(landscape.seen)) == len(places) > 10
    everything = {}
    replay = Landscape()
    found = space(SHAPE, MECHANISMS, SMALL, "image", (1, 2, 3), None)
    for place in found.places():
        proposal = found.proposal(place)
        accuracy, leak = replay.train(proposal, found.shelves[place.mechanism].mechanism)
        everything[place] = (accuracy, leak, proposal.cost.macs)
    best = [
        one
        for one in everything.values()
        if not any(
            other != one and other[0] >= one[0] and other[1] <= one[1] and other[2] <= one[2]
            for other in everything.values()
        )
    ]
    assert sorted(_values(front)) == sorted(best)
    assert [one.cost.macs for one in front] == sorted(one.cost.macs for one in front)


def test_a_stopped_search_goes_on_as_if_it_had_not_stopped(tmp_path):
    whole, parts = Landscape(), Landscape()
    wanted = whole.search(12, tmp_path / "whole")
    parts.search(5, tmp_path / "parts")
    with pytest.raises(KeyboardInterrupt):
        Landscape({1: KeyboardInterrupt()}).search(12, tmp_path / "parts")
    found = parts.search(12, tmp_path / "parts")
    assert parts.seen == whole.seen
    assert _values(found) == _values(wanted)


def test_seeds_differ():
    one, other = Landscape(), Landscape()
    one.search(6, seed=0)
    other.search(6, seed=1)
    assert one.seen != other.seen


def test_a_failed_forge_is_kept_and_not_tried_again(tmp_path):
    landscape = Landscape({2: ForgeError("rows are not recognised")})
    front = landscape.search(4, tmp_path / "journal")
    assert len(landscape.seen) == 4
    assert all(one.trial != 1 for one in front)
    assert "rows are not recognised" in (tmp_path / "journal").read_text()
    again = Landscape()
    again.search(6, tmp_path / "journal")
    assert len(again.seen) == 2
    assert not set(again.seen) & set(landscape.seen)


def test_a_mistake_is_not_swallowed(tmp_path):
    with pytest.raises(ZeroDivisionError):
        Landscape({2: ZeroDivisionError()}).search(4, tmp_path / "journal")


def test_a_storage_of_another_search_is_refused(tmp_path):
    Landscape().search(1, tmp_path / "journal")
    for changed in ({"seed": 1}, {"budget": Budget(params=4_900)}, {"mechanisms": MECHANISMS[:1]}):
        with pytest.raises(SpecError, match="another seed"):
            Landscape().search(1, tmp_path / "journal", **changed)


def test_a_storage_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="choose another file"):
        Landscape().search(1, tmp_path / "file" / "journal")


def test_the_decoder_counts():
    """A budget that the decoder alone exceeds leaves nothing; otherwise its cost is added."""
    with pytest.raises(SpecError, match="no encoder"):
        Landscape().search(1, decoder=lambda mechanism: Cost(5_000, 0, 0))
    front = Landscape().search(3, decoder=lambda mechanism: Cost(100, 7, 0), mechanisms=[Bits(4)])
    for one in front:
        assert one.cost == one.proposal.cost + Cost(100, 7, 0)
        assert SMALL.fits(one.cost)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"mechanisms": [NoMechanism()]}, "any width"),
        ({"mechanisms": []}, "none were given"),
        ({"budget": Budget(params=10)}, r"params <= 10 .*codebook"),
        ({"trials": 0}, "at least 1 trial"),
    ],
)
def test_impossible_searches_are_refused(changed, message):
    with pytest.raises(SpecError, match=message):
        Landscape().search(**({"trials": 1} | changed))


@pytest.mark.parametrize("values", [(1.5, 0.0), (float("nan"), 0.0), (0.5, float("nan"))])
def test_a_value_that_is_no_measurement_is_refused(values):
    with pytest.raises(SpecError, match="correct `train` or `leaks`"):
        search(lambda *_: values, SHAPE, MECHANISMS, SMALL, lambda made: made, 1, 0)


def test_without_optuna_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtraError, match=r"obfnet\[search\]"):
        Landscape().search(1)
