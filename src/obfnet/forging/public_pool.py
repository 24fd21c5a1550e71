"""The public samples that a spec names for decoy rows, kept apart from all that is private."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from obfnet.data.dataset import Dataset
from obfnet.data.loading import load
from obfnet.data.splits import Splits
from obfnet.errors import SpecError
from obfnet.forging.pool import refuse_overlap
from obfnet.forging.spec import PoolSpec
from obfnet.seeds import branch
from obfnet.specs import Labels, Samples


def open_pool(spec: PoolSpec, data: Dataset, splits: Splits, seed: int) -> tuple[Samples, Splits]:
    """The pool ``(n, *shape)``, and the splits without it.

    Args:
        spec: where it comes from.
        data: what is forged on.
        splits: of ``data``; a share is taken from the training samples, the attacker's too.
        seed: root of the seed tree; draws the share.

    Raises:
        SpecError: a file or dataset that holds no float32 samples, or has no such part.
        OverlapError: the pool holds a sample that is trained, validated or tested on.
    """
    if spec.share is not None:
        public, train = _share(splits.train, spec.share, seed)
        attacker = np.setdiff1d(splits.attacker_train, public)
        splits = replace(splits, train=train, attacker_train=attacker)
        pool = data.samples[public]
    else:
        pool = _of_file(spec) if spec.npy is not None else _of_dataset(spec)
    for part in ("train", "validation", "test", "evaluation"):
        refuse_overlap(pool, data.samples[getattr(splits, part)], f"the {part} samples")
    return pool, splits


def _share(train: Labels, share: float, seed: int) -> tuple[Labels, Labels]:
    drawn = np.random.default_rng(branch(seed, "public")).permutation(len(train))
    count = max(1, round(share * len(train)))
    return np.sort(train[drawn[:count]]), np.sort(train[drawn[count:]])


def _of_file(spec: PoolSpec) -> Samples:
    try:
        pool = np.load(spec.npy or "", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise SpecError(f"[pool] {spec.npy} cannot be read as a .npy file: {error}") from error
    if not isinstance(pool, np.ndarray) or pool.dtype != np.float32:
        found = getattr(pool, "dtype", "several arrays")
        raise SpecError(f"[pool] {spec.npy} holds {found}, expected float32 samples (n, ...)")
    samples: Samples = pool
    return samples


def _of_dataset(spec: PoolSpec) -> Samples:
    found = load(spec.data or "", **spec.options)
    if spec.part == "all":
        return found.samples
    if found.official_test is None:
        raise SpecError(f"[pool] {spec.data!r} has no official test set; take part = 'all'")
    samples: Samples = found.samples[found.official_test == (spec.part == "official-test")]
    return samples
