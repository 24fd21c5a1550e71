"""What a user may get wrong, and what may go wrong under way: said early, in words, once."""

import re
import time
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

import obfnet
from listeners import Scripted, http_answer, scores_answer
from obfnet.data.dataset import Dataset
from obfnet.errors import BackendUnavailableError, ForgeError, ProtocolError, SpecError
from obfnet.forging.executors import Executor, forge_chunk, in_threads
from obfnet.forging.halves import cost_of_both
from obfnet.forging.job import Job
from obfnet.forging.keeping import path_of
from obfnet.forging.loop import Schedule
from obfnet.mechanisms.bits import Bits
from obfnet.mechanisms.codebook import Codebook
from obfnet.nets.budget import Budget
from obfnet.nets.cost import cost
from obfnet.nets.frozen import freeze
from obfnet.nets.terms import Terms
from obfnet.specs import SampleSpec
from obfnet.wire import ModelMetadata, TensorMetadata, encode_metadata
from obfnet.wire.transport import Limits
from small_nets import QUICK, dense, members, quick

SHAPE = (1, 8, 8)


def _decoder(width=6):
    return nn.Sequential(nn.Linear(width, 64), nn.Unflatten(1, SHAPE))


@pytest.mark.parametrize("mechanism", [Codebook(10), Bits(6)], ids=["codebook", "bits"])
def test_the_smallest_budget_is_named(mechanism, infnet, digits, splits):
    """The message says what fits; that is then forged."""
    arguments = {"mechanism": mechanism}
    if isinstance(mechanism, Bits):
        arguments["decoder"] = _decoder
    spent = cost(_decoder(), (6,)).params if "decoder" in arguments else 0
    with pytest.raises(SpecError, match="fits a budget") as error:
        quick(infnet, digits, splits, budget=Budget(params=spent + 10), **arguments)
    (least,) = re.findall(r"the smallest has ([\d,]+) parameters", str(error.value))
    budget = Budget(params=spent + int(least.replace(",", "")))
    (made,) = members(quick(infnet, digits, splits, budget=budget, **arguments))
    assert cost(made.encoder, SHAPE).params + spent == budget.params


def test_a_budget_is_kept(infnet, digits, splits):
    budget = Budget(params=4000, macs=60_000)
    (made,) = members(quick(infnet, digits, splits, budget=budget))
    assert budget.fits(cost(made.encoder, SHAPE))
    bits = {"mechanism": Bits(6), "decoder": _decoder}
    (made,) = members(quick(infnet, digits, splits, budget=budget, **bits))
    assert budget.fits(cost(made.encoder, SHAPE) + cost(made.decoder, (6,)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mechanism": "none", "budget": Budget(params=100)}, r"costs 8,\d+ parameters"),
        ({"mechanism": Bits(4), "budget": Budget(params=100)}, "the decoder alone costs"),
        ({"mechanism": Codebook(10), "budget": Budget(params=9000), "encoder": dense}, "not both"),
        ({"mechanism": Codebook(5)}, "multiple of the InfNet's 10 classes, got 5 codes"),
        ({"mechanism": Codebook(15, 3)}, "multiple of the InfNet's 10 classes, got 15 codes"),
        ({"mechanism": "bits"}, "give it made"),
        ({"mechanism": Codebook(10), "decoder": dense}, "the decoder of a codebook is its table"),
        (
            {"encoder": partial(dense, 7)},
            r"the encoder gives a code of shape \(7,\), expected \(10,\)",
        ),
        (
            {"encoder": lambda: nn.Conv2d(1, 10, 3)},
            r"the encoder gives a code of shape \(10, 6, 6\), expected \(10,\)",
        ),
        (
            {"encoder": lambda: nn.Linear(784, 10)},
            r"the encoder does not take an input of shape \(1, 8, 8\)",
        ),
        (
            {"mechanism": Bits(6), "encoder": partial(dense, 6), "decoder": partial(_decoder, 7)},
            r"the decoder does not take an input of shape \(6,\)",
        ),
        (
            {
                "mechanism": Bits(6),
                "encoder": partial(dense, 6),
                "decoder": lambda: nn.Linear(6, 64),
            },
            r"the decoder gives shape \(64,\), expected the sample's shape \(1, 8, 8\)",
        ),
        ({"mechanism": "none", "encoder": partial(dense, 7)}, "the decoder does not take"),
        ({"devices": 0}, "devices >= 1"),
        ({"rows": "drawn"}, "no rows are called 'drawn'"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_at_once(
    arguments, message, infnet, digits, splits, tmp_path, monkeypatch
):
    monkeypatch.setattr("obfnet.forging.codebook.fit_many", None)  # nothing is trained
    monkeypatch.setattr("obfnet.forging.through.fit_many", None)
    with pytest.raises(SpecError, match=message):
        quick(infnet, digits, splits, folder=tmp_path, **arguments)
    assert not list(tmp_path.rglob("*.safetensors"))


class Counting(nn.Module):
    """An InfNet that keeps the samples it is asked about."""

    def __init__(self, module):
        super().__init__()
        self.module, self.seen = module, set()

    def forward(self, samples):
        self.seen.update(sample.numpy().tobytes() for sample in samples.detach())
        return self.module(samples)


@pytest.mark.parametrize("missing", ["some", "all"])
def test_missing_labels_are_the_infnets_own(missing, infnet, digits, splits, capsys):
    labels = digits.labels.copy()
    labels[slice(None, None, 2) if missing == "some" else slice(None)] = -1
    unlabelled = replace(digits, labels=labels)
    count = int((labels[splits.train] < 0).sum())
    counting = Counting(infnet.module)
    fleet = quick(
        freeze(counting), unlabelled, splits, size=2,
        schedule=Schedule(epochs=6, batch=64, rate=5e-3),
    )  # fmt: skip
    said = capsys.readouterr().err
    assert said.count(f"{count} of {len(splits.train)} labels are missing: forged on I(x)") == 1
    held = digits.take(splits.test)
    for made in members(fleet):
        assert (infnet.predict(made(held.samples)) == held.labels).mean() > 0.75
    assert {digits.samples[i].tobytes() for i in splits.train if labels[i] < 0} <= counting.seen
    trained = {digits.samples[i].tobytes() for i in (*splits.train, *splits.validation)}
    assert not ({sample.tobytes() for sample in held.samples} - trained) & counting.seen


def test_rare_classes_are_said(infnet, digits, splits, capsys):
    few = np.flatnonzero(digits.labels[splits.train] == 3)[4:]
    quick(infnet, digits, replace(splits, train=np.delete(splits.train, few),
                                  attacker_train=np.delete(splits.train, few)))  # fmt: skip
    assert "rare classes: 3, with fewer than 5%" in capsys.readouterr().err
    quick(infnet, digits, splits)
    assert "rare" not in capsys.readouterr().err


def test_absent_classes_are_refused_by_name(infnet, digits, splits):
    train = splits.train[~np.isin(digits.labels[splits.train], (3, 7))]
    with pytest.raises(SpecError, match=r"no training sample of 2 classes \(3, 7\)"):
        quick(infnet, digits, replace(splits, train=train, attacker_train=train))


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (lambda: nn.Conv2d(1, 1, 3), "no classifier"),
        (lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 1)), "no classifier"),
        (lambda: nn.Flatten(0), "no classifier"),
        (lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 10), nn.Softmax(1)), "softmax"),
    ],
)
def test_what_is_no_classifier_is_refused(module, message, digits, splits):
    torch.manual_seed(0)
    for arguments in ({}, {"mechanism": "none"}, {"rows": "searched"}):
        with pytest.raises(SpecError, match=message):
            quick(freeze(module()), digits, splits, **arguments)


def test_an_infnet_that_recognises_nothing_says_so(digits, splits):
    with pytest.raises(ForgeError, match="not recognised as their class"):
        quick(freeze(dense()), digits, splits, rows="searched")


# A live model of 2x2 samples: its label is the greatest of a sample's first three values.

_VALUES = np.random.default_rng(0).random((240, 1, 2, 2), dtype=np.float32)
SQUARES = Dataset(
    name="squares",
    samples=_VALUES,
    labels=_VALUES.reshape(-1, 4)[:, :3].argmax(1),
    spec=SampleSpec((1, 2, 2), 0.0, 1.0),
    classes=("a", "b", "c"),
)
SPLITS = obfnet.data.split(SQUARES, 0)
ATTEMPTS = 3


class Live(Scripted):
    """Answers well so many times, and then in the way ``then``, until that is None again."""

    def __init__(self):
        super().__init__()
        tensors = (TensorMetadata("x", "FP32", (-1, 1, 2, 2)),), (TensorMetadata("y", "FP32", ()),)
        self.metadata = http_answer(*encode_metadata(ModelMetadata("m", ("1",), "", *tensors)))
        self.well, self.then = 0, None

    def _next(self):
        (count,) = (int(n) for n in [self.posts[-1].split(b'"shape":[')[1].split(b",")[0]])
        values = np.frombuffer(self.posts[-1][-count * 16 :], np.float32).reshape(count, 4)
        self.well -= 1
        if self.then is None or self.well >= 0:
            return scores_answer(20 * values[:, :3])
        return self.then(values)


def _hang(_values):
    time.sleep(0.6)


def _cut(_values):
    return None


def _wide(values):
    return scores_answer(values)


def _spoilt(values):
    return scores_answer(np.full((len(values), 3), np.nan, np.float32))


def _here(job, given, parts):
    for number, chunk in enumerate(parts):
        yield number, forge_chunk(job, given, chunk)


def _live(listener):
    terms = Terms(limits=Limits(timeout=0.3, attempts=ATTEMPTS, backoff=0.001))
    return obfnet.freeze(f"{listener.url}/v2/models/m", terms=terms)


@pytest.mark.parametrize("executor", [Executor(_here), in_threads(1)], ids=["here", "threads"])
@pytest.mark.parametrize(
    ("then", "error", "tries"),
    [
        (_hang, BackendUnavailableError, ATTEMPTS),
        (_cut, BackendUnavailableError, ATTEMPTS),
        (_wide, ProtocolError, 1),
        (_spoilt, ProtocolError, 1),
    ],
)
def test_what_is_forged_stays_when_an_endpoint_fails(
    then, error, tries, executor, tmp_path, monkeypatch
):
    """It fails under the second ObfNet: bounded retries, a typed error, and on from there."""
    monkeypatch.setattr("obfnet.forging.fleet.chunk_size", lambda *_: 1)

    def attempt(infnet, **arguments):
        def encoder():
            return nn.Sequential(nn.Flatten(), nn.Linear(4, 3))

        return members(
            quick(
                infnet,
                SQUARES,
                SPLITS,
                mechanism=Codebook(3),
                encoder=encoder,
                executor=executor,
                schedule=Schedule(epochs=30, batch=64, rate=3e-2),
                **arguments,
            )
        )

    with Live() as listener:
        infnet = _live(listener)
        before = len(listener.posts)
        (alone,) = attempt(infnet)
        enough = len(listener.posts) - before
        infnet = _live(listener)
        listener.well, listener.then = enough, then
        before = len(listener.posts)
        with pytest.raises(error):
            attempt(infnet, size=3, folder=tmp_path)
        assert len(listener.posts) - before == enough + tries
        kept = path_of(tmp_path, 0, 0)
        assert list(tmp_path.rglob("*.safetensors")) == [kept]
        content = kept.read_bytes()
        listener.then = None
        made = attempt(_live(listener), size=3, folder=tmp_path)
        assert len(made) == 3
        assert kept.read_bytes() == content
        assert torch.equal(made[0].decoder.rows, alone.decoder.rows)
        assert [each.validation_accuracy > 0.5 for each in made] == [True] * 3


def test_what_both_halves_cost_is_counted(infnet, digits, splits):
    job = Job(infnet, digits, splits, Bits(6), partial(dense, 6), QUICK, _decoder)
    expected = 64 * 64 + 64 + 64 * 6 + 6 + 6 * 64 + 64
    assert cost_of_both(job).params == expected
