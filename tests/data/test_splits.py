import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from obfnet.data import Dataset, Splits, split
from obfnet.data.splits import spread
from obfnet.errors import OverlapError, SpecError
from obfnet.specs import SampleSpec

PARTS = ("train", "validation", "test", "attacker_train", "attacker_validation", "evaluation")


def make(labels, groups=None, official=None) -> Dataset:
    labels = np.asarray(labels)
    return Dataset(
        name="tiny",
        samples=np.zeros((len(labels), 1), np.float32),
        labels=labels,
        groups=np.arange(len(labels)) if groups is None else np.asarray(groups),
        spec=SampleSpec((1,), 0.0, 1.0),
        classes=tuple("abcdefghij"),
        licence="CC0",
        home="https://example.org",
        official_test=official,
    )


def indices(**changes) -> dict[str, np.ndarray]:
    parts = {"train": [0, 1], "validation": [2], "test": [3, 4]}
    parts |= {"attacker_train": [0, 1], "attacker_validation": [2], "evaluation": [3]}
    return {name: np.array(values) for name, values in (parts | changes).items()}


@given(
    labels=st.lists(st.integers(0, 9), min_size=30, max_size=200),
    seed=st.integers(0, 2**31),
)
def test_every_sample_is_in_one_part_and_classes_are_spread_evenly(labels, seed):
    dataset = make(labels)
    parts = split(dataset, seed)
    everything = np.concatenate([parts.train, parts.validation, parts.test])
    assert sorted(everything) == list(range(len(labels)))
    assert len(parts.test) == round(0.1 * len(labels))
    for label in np.unique(labels):
        members = (dataset.labels == label).sum()
        assert abs((dataset.labels[parts.test] == label).sum() - 0.1 * members) <= 1.5


def test_same_seed_same_split_and_another_seed_another():
    dataset = make(np.arange(200) % 10)
    one, again, other = split(dataset, 1), split(dataset, 1), split(dataset, 2)
    for part in PARTS:
        np.testing.assert_array_equal(getattr(one, part), getattr(again, part))
    assert not np.array_equal(one.test, other.test)


def test_attacker_has_the_training_pairs_and_never_what_is_evaluated():
    parts = split(make(np.arange(100) % 10), 0)
    np.testing.assert_array_equal(parts.attacker_train, parts.train)
    seen = [parts.train, parts.validation, parts.attacker_train, parts.attacker_validation]
    assert not np.isin(parts.evaluation, np.concatenate(seen)).any()


def test_whole_groups_stay_together():
    dataset = make(np.arange(600) % 10, groups=np.repeat(np.arange(6), 100))
    parts = split(dataset, 3, disjoint_groups=True)
    assert [len(parts.train), len(parts.validation), len(parts.test)] == [400, 100, 100]
    parts.check_groups(dataset.groups)
    with pytest.raises(OverlapError, match="train and validation share 6 groups"):
        split(dataset, 3).check_groups(dataset.groups)


def test_official_test_is_kept_and_the_rest_is_shared_out():
    official = np.arange(700) >= 600
    dataset = make(np.arange(700) % 10, official=official)
    parts = split(dataset, 0, (55 / 70, 5 / 70, 10 / 70), official_test=True)
    np.testing.assert_array_equal(parts.test, np.arange(600, 700))
    assert (len(parts.train), len(parts.validation)) == (550, 50)


def test_official_test_that_shares_groups_is_refused():
    dataset = make(np.arange(60) % 10, np.arange(60) % 6, np.arange(60) < 6)
    with pytest.raises(OverlapError, match="train and test share"):
        split(dataset, 0, disjoint_groups=True, official_test=True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"validation": [1, 2]}, "train and validation share 1 samples, the first is index 1"),
        ({"test": [0, 3]}, "train and test share 1"),
        ({"evaluation": [0, 1]}, "attacker_train and evaluation share 2"),
        ({"attacker_train": [5], "evaluation": [1]}, "train and evaluation share 1"),
        ({"attacker_validation": [3]}, "attacker_validation and evaluation share 1"),
    ],
)
def test_overlap_is_refused_with_both_names(changes, message):
    with pytest.raises(OverlapError, match=message):
        Splits(**indices(**changes))


@pytest.mark.parametrize("values", [[], [1, 1], [-1], [0.5], [[1]]])
def test_a_part_that_is_no_list_of_indices_is_refused(values):
    with pytest.raises(SpecError, match="test holds"):
        Splits(**indices(test=values))


@pytest.mark.parametrize(
    "arguments",
    [
        {"fractions": (0.8, 0.2, 0.1)},
        {"fractions": (1.0, 0.0, 0.0)},
        {"official_test": True},
        {"disjoint_groups": True},
    ],
)
def test_impossible_splits_are_refused(arguments):
    with pytest.raises(SpecError):
        split(make(np.arange(40) % 10, groups=np.arange(40) % 2), 0, **arguments)


def test_parts_are_read_only():
    with pytest.raises(ValueError, match="read-only"):
        Splits(**indices()).train[0] = 9


def test_a_few_are_of_all_classes_where_data_lie_by_class():
    assert (spread(np.arange(300), 10) // 30).tolist() == list(range(10))
    assert spread(np.arange(3), 10).tolist() == [0, 1, 2]
