"""Recognisers hear digits in raw clips and none in silence; without one there is no number."""

from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest

from obfnet import data, freeze
from obfnet.auditing.evidence import collect
from obfnet.auditing.examinations import listeners as examination
from obfnet.auditing.listeners import listener
from obfnet.auditing.subject import Subject, raw
from obfnet.errors import NotMeasurableError
from obfnet.nets.fsd import mlp_infnet
from real_data import or_skip

PACKAGES = {"Moonshine tiny": "moonshine_voice", "PocketSphinx": "pocketsphinx"}
CLIPS = 12


@pytest.fixture(scope="module")
def clips():
    return or_skip(lambda: data.load("fsd"))


@pytest.fixture
def evidence(clips, tiny):
    """Evidence of a transform of FSD clips; what the InfNet answers does not matter here."""
    infnet = freeze(mlp_infnet(clips.spec.shape))

    def evidence(subject, count=CLIPS):
        effort = replace(tiny, pairs=200, optimised=count)
        return collect(subject, infnet, clips, data.split(clips, 0), effort)

    return evidence


@pytest.mark.parametrize("name", PACKAGES)
def test_raw_clips_are_heard_and_silence_is_not(name, evidence, monkeypatch):
    if not find_spec(PACKAGES[name]):
        pytest.skip(f"{name} is missing: pip install 'obfnet[listeners]'")
    monkeypatch.setattr(examination, "PRACTICE", 10)
    monkeypatch.setattr(examination, "LISTENERS", {name: examination.LISTENERS[name]})
    silent = evidence(Subject("silent", lambda samples: np.full_like(samples, -1)))
    (measure,) = examination.listeners(silent, evidence(raw()), 0).measures
    assert measure.raw > measure.floor + 0.2
    assert measure.value < measure.raw - 0.2
    assert measure.ci[0] <= measure.value <= measure.ci[1]


def test_what_is_not_spoken_digits_is_refused(infnet, digits, splits, tiny):
    evidence = collect(raw(), infnet, digits, splits, tiny)
    with pytest.raises(NotMeasurableError, match="need ten spoken digits as MFCC"):
        examination.listeners(evidence, evidence, 0)


def test_without_any_listener_the_reason_says_what_to_install(evidence, monkeypatch):
    monkeypatch.setattr(listener, "find_spec", lambda _: None)
    monkeypatch.setattr(examination, "PRACTICE", 1)
    few = evidence(raw(), 1)
    with pytest.raises(NotMeasurableError, match=r"pip install --no-deps moonshine.*pocketsphinx"):
        examination.listeners(few, few, 0)


def test_listeners_that_are_deaf_to_raw_clips_are_not_asked(evidence, monkeypatch):
    monkeypatch.setattr(examination, "PRACTICE", 1)
    deaf = {"Nobody": lambda practice: lambda sound: np.full(len(sound), -1)}
    monkeypatch.setattr(examination, "LISTENERS", deaf)
    few = evidence(raw(), 2)
    with pytest.raises(NotMeasurableError, match="Nobody: near chance on raw clips"):
        examination.listeners(few, few, 0)
