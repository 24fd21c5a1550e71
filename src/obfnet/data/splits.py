"""Splits: who may see which samples, with overlaps refused."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from obfnet import seeds
from obfnet.data.dataset import Dataset
from obfnet.errors import OverlapError, SpecError
from obfnet.specs import Labels

# Pairs of parts that must share nothing. The attacker's parts may repeat the forge's train and
# validation data (a white-box attacker has all training pairs) but never what is evaluated.
DISJOINT = (
    *itertools.combinations(("train", "validation", "test"), 2),
    *itertools.combinations(("attacker_train", "attacker_validation", "evaluation"), 2),
    ("train", "evaluation"),
    ("validation", "evaluation"),
)


@dataclass(frozen=True, eq=False)
class Splits:
    """Index arrays into one dataset: three parts for the forge, three for the auditor.

    Args:
        train: ``(n,)`` int64, what InfNets and ObfNets are trained on.
        validation: chooses epochs and settings when forging.
        test: only for final accuracies.
        attacker_train: pairs an attacker learns from.
        attacker_validation: chooses among attackers and their settings.
        evaluation: what attacks are scored on; forging and attackers never see it.

    Raises:
        OverlapError: two parts that must be disjoint share samples.
        SpecError: a part is empty, repeats an index or is no list of indices.
    """

    train: Labels
    validation: Labels
    test: Labels
    attacker_train: Labels
    attacker_validation: Labels
    evaluation: Labels

    def __post_init__(self) -> None:
        for part in fields(self):
            object.__setattr__(self, part.name, _indices(part.name, getattr(self, part.name)))
        for one, other in DISJOINT:
            shared = np.intersect1d(getattr(self, one), getattr(self, other), assume_unique=True)
            if shared.size:
                raise OverlapError(
                    f"{one} and {other} share {shared.size} samples, the first is index "
                    f"{shared[0]}; expected none: remove them from one of the two"
                )

    def check_groups(self, groups: Labels) -> None:
        """Refuse splits in which a whole unit (a speaker, a session) stands on both sides.

        Args:
            groups: ``(n,)`` int64, the ``groups`` of the dataset that was split.

        Raises:
            OverlapError: two parts that must be disjoint hold samples of the same group.
        """
        for one, other in DISJOINT:
            shared = np.intersect1d(groups[getattr(self, one)], groups[getattr(self, other)])
            if shared.size:
                raise OverlapError(
                    f"{one} and {other} share {shared.size} groups, the first is group "
                    f"{shared[0]}; expected none: split with disjoint_groups=True "
                    "(and without official_test unless that set has groups of its own)"
                )


def split(
    dataset: Dataset,
    seed: int,
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1),
    *,
    disjoint_groups: bool = False,
    official_test: bool = False,
) -> Splits:
    """Split ``dataset`` into train, validation and test, the same way for the same ``seed``.

    The attacker trains on train, chooses on validation and is evaluated on test, which makes it
    the white-box attacker with all training pairs. Labels are stratified: each class is spread
    over the parts in the same proportion, to within one sample.

    Args:
        dataset: what to split.
        seed: root of the seed tree.
        fractions: shares of train, validation and test, positive and with sum 1.
        disjoint_groups: give whole groups to one part (at least one group each; the shares then
            count groups, not samples, and labels are not stratified).
        official_test: test is the publisher's own test set; the other samples go to train and
            validation in the proportion of their shares.

    Raises:
        SpecError: bad fractions, no official test set, or too few samples or groups.
        OverlapError: ``disjoint_groups`` with an official test set that shares groups.
    """
    if len(fractions) != 3 or min(fractions) <= 0 or not np.isclose(sum(fractions), 1):
        raise SpecError(f"fractions must be three positive shares with sum 1, got {fractions}")
    rng = np.random.default_rng(seeds.branch(seed, "split"))
    everything = np.arange(len(dataset))
    select = _select_groups if disjoint_groups else _select_samples
    if not official_test:
        is_test = select(dataset, everything, fractions[2], rng)
    elif dataset.official_test is not None:
        is_test = dataset.official_test
    else:
        raise SpecError(
            f"dataset {dataset.name!r} has no official test set; use official_test=False"
        )
    rest = everything[~is_test]
    is_validation = select(dataset, rest, fractions[1] / (fractions[0] + fractions[1]), rng)
    train, validation, test = rest[~is_validation], rest[is_validation], everything[is_test]
    splits = Splits(train, validation, test, train, validation, test)
    if disjoint_groups:
        splits.check_groups(dataset.groups)
    return splits


def _select_samples(
    dataset: Dataset, candidates: Labels, share: float, rng: np.random.Generator
) -> npt.NDArray[np.bool_]:
    """Mask over ``candidates`` that picks ``round(share * n)`` of them, stratified by label."""
    shuffled = rng.permutation(len(candidates))
    by_label = shuffled[np.argsort(dataset.labels[candidates[shuffled]], kind="stable")]
    # Picking at even steps along the list ordered by label takes the same share of every class
    # and, in whole numbers, exactly the count that was asked for.
    count = round(share * len(candidates))
    steps = np.arange(len(candidates) + 1) * count // max(1, len(candidates))
    chosen = np.zeros(len(candidates), dtype=np.bool_)
    chosen[by_label] = np.diff(steps) > 0
    return chosen


def _select_groups(
    dataset: Dataset, candidates: Labels, share: float, rng: np.random.Generator
) -> npt.NDArray[np.bool_]:
    """Mask over ``candidates`` that picks whole groups: ``round(share * groups)``, at least 1."""
    groups = np.unique(dataset.groups[candidates])
    count = max(1, round(share * len(groups)))
    if count >= len(groups):
        raise SpecError(
            f"dataset {dataset.name!r} has too few groups ({len(np.unique(dataset.groups))}) for "
            "three parts that share none; expected at least 3"
        )
    return np.isin(dataset.groups[candidates], rng.permutation(groups)[:count])


def _indices(part: str, values: npt.NDArray[np.generic]) -> Labels:
    """``values`` as read-only int64 indices, not empty and without repeats."""
    indices = np.array(values)
    if indices.ndim != 1 or indices.size == 0 or indices.dtype.kind not in "iu":
        raise SpecError(
            f"{part} holds {indices.dtype} of shape {indices.shape}, "
            "expected a list of at least one index"
        )
    if indices.min() < 0 or len(np.unique(indices)) != len(indices):
        raise SpecError(f"{part} holds negative or repeated indices; expected each sample once")
    indices = indices.astype(np.int64, copy=False)
    indices.setflags(write=False)
    return indices


def spread(indices: Labels, most: int) -> Labels:
    """At most ``most`` of ``indices``, evenly spread: data may lie by class or by source."""
    count = min(most, len(indices))
    return indices[np.linspace(0, len(indices) - 1, count).round().astype(np.int64)]
