"""Requests are told apart by whatever differs, and by nothing else."""

import numpy as np
import pytest

from obfnet.auditing.captured import Capture, tell_apart
from obfnet.errors import NotMeasurableError

HEAD = b"POST /v2/models/infnet/infer HTTP/1.1\r\nHost: h\r\nContent-Type: a\r\n\r\n"


def captures(seed, count=120, head=lambda generator: HEAD, length=100, pause=0.001):
    generator = np.random.default_rng(seed)
    return [
        Capture(head(generator), length, pause * (1 + generator.exponential()))
        for _ in range(count)
    ]


def told(*, seed=0, **differs):
    found = tell_apart(captures(1), captures(2, **differs), seed)
    return {each.view: each for each in found}


def test_twins_are_a_coin():
    found = told()
    assert (found["head"].auc, found["head"].ci) == (0.5, (0.5, 0.5))
    assert (found["length"].auc, found["length"].ci) == (0.5, (0.5, 0.5))
    for view in ("timing", "all"):
        assert found[view].ci[0] <= 0.5 <= found[view].ci[1]
    assert found["head"].count == 120  # half of 240 captures


@pytest.mark.parametrize(
    "head",
    [
        HEAD.replace(b"Host", b"host"),
        HEAD.replace(b"Host: h\r\nContent-Type: a", b"Content-Type: a\r\nHost: h"),
        HEAD.replace(b"Host", b"X-Device: 7\r\nHost"),
        HEAD.replace(b"type: a", b"type:  a").replace(b"Type: a", b"Type:  a"),
    ],
    ids=["case", "order", "header", "blank"],
)
def test_a_head_that_differs_gives_it_away(head):
    found = told(head=lambda _: head)
    assert found["head"].auc == found["all"].auc == 1


def test_an_identifier_from_another_alphabet_gives_it_away():
    """Never the same twice, so that no line is remembered."""

    def numbered(form):
        return lambda generator: HEAD.replace(b": h", b": " + (form % generator.integers(1 << 60)))

    lower, upper = captures(1, head=numbered(b"%015x")), captures(2, head=numbered(b"%015X"))
    again = captures(3, head=numbered(b"%015x"))
    assert tell_apart(lower, upper, 0)[0].auc > 0.95
    same = tell_apart(lower, again, 0)[0]
    assert same.ci[0] <= 0.5 <= same.ci[1]


def test_a_longer_body_gives_it_away():
    found = told(length=101)
    assert found["length"].auc == 1
    assert found["head"].auc == 0.5


def test_a_pause_gives_it_away_as_far_as_it_goes():
    found = told(pause=0.002)
    assert 0.6 < found["timing"].ci[0] < found["timing"].auc < 1
    assert found["length"].auc == 0.5


def test_kinds_of_different_number():
    assert tell_apart(captures(1, 40), captures(2, 200, length=7), 0)[1].auc == 1


def test_the_same_seed_gives_the_same_answer():
    assert told(seed=5) == told(seed=5)


def test_too_few_captures_are_refused():
    with pytest.raises(NotMeasurableError, match="19 obfuscated captures, expected 20 or more"):
        tell_apart(captures(1), captures(2, 19), 0)
