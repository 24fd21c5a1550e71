import pickle

import numpy as np
import pytest

from obfnet.data import Dataset
from obfnet.errors import SpecError
from obfnet.specs import SampleSpec


def make(**changes) -> Dataset:
    fields = {
        "name": "tiny",
        "samples": np.linspace(0, 1, 8, dtype=np.float32).reshape(4, 2),
        "labels": np.array([0, 1, 0, 1]),
        "groups": np.arange(4),
        "spec": SampleSpec((2,), 0.0, 1.0),
        "classes": ("a", "b"),
        "licence": "CC0",
        "home": "https://example.org",
        "attributes": {"side": np.array([0, 1, 1, 0])},
        "attribute_names": {"side": ("left", "right")},
        "official_test": np.array([False, False, True, True]),
    }
    return Dataset(**(fields | changes))


def test_arrays_are_read_only_and_the_callers_stay_writable():
    labels = np.array([0, 1, 0, 1])
    dataset = make(labels=labels)
    arrays = [dataset.samples, dataset.labels, dataset.groups, dataset.attributes["side"]]
    for values in [*arrays, dataset.official_test]:
        with pytest.raises(ValueError, match="read-only"):
            values[0] = values[1]
    labels[0] = 1


def test_take_keeps_every_column_aligned():
    dataset = make()
    some = dataset.take([3, 1])
    assert len(some) == 2
    assert some.labels.tolist() == [1, 1]
    assert some.groups.tolist() == [3, 1]
    assert some.attributes["side"].tolist() == [0, 1]
    assert some.official_test.tolist() == [True, False]
    np.testing.assert_array_equal(some.samples, dataset.samples[[3, 1]])
    assert len(dataset.take([])) == 0
    assert dataset.take(dataset.official_test).groups.tolist() == [2, 3]


def test_survives_pickling_between_processes():
    assert pickle.loads(pickle.dumps(make())).labels.tolist() == [0, 1, 0, 1]  # noqa: S301


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": np.array([0, 1, 0])}, r"labels are int64 of shape \(3,\).*\(4,\)"),
        ({"labels": np.array([0, 1, 0, 2])}, r"labels span \[0, 2\], expected \[-1, 1\]"),
        ({"labels": np.array([0.0, 1, 0, 1])}, "labels are float64"),
        ({"samples": np.full((4, 2), 2, np.float32)}, "expected within"),
        ({"samples": np.full((4, 2), np.nan, np.float32)}, "NaN"),
        ({"samples": np.zeros((4, 2))}, "float64, expected float32"),
        ({"samples": np.zeros((4, 3), np.float32)}, "shape"),
        ({"groups": np.arange(5)}, "groups"),
        ({"attributes": {"side": np.array([0, 1, 1, 5])}}, "attribute 'side' span"),
        ({"attribute_names": {"other": ("a",)}}, "name the values of every attribute"),
        ({"official_test": np.arange(4)}, "expected bool"),
    ],
)
def test_refuses_what_does_not_fit(changes, message):
    with pytest.raises(SpecError, match=message):
        make(**changes)
