"""Pairs (x, x') that were recorded elsewhere, as a subject: nothing more can be sent through it."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from obfnet.auditing.subject import Subject
from obfnet.data.dataset import Dataset
from obfnet.errors import NotMeasurableError, SpecError
from obfnet.nets.infnet import InfNet
from obfnet.specs import Labels, Samples, SampleSpec

#: How an array of a private attribute is called in a file of recorded pairs.
ATTRIBUTE = "attribute_"


def recorded(originals: Samples, released: Samples, name: str = "recorded pairs") -> Subject:
    """Pairs as a subject, whose transform looks up what was recorded for a sample.

    Of a sample that was recorded several times the first record counts.

    Args:
        originals: x, float32 ``(n, *shape)``.
        released: x' of each of them, float32 ``(n, *shape)``.
        name: in tables.

    Raises:
        SpecError: they are not as many, not of the same shape, or not float32. Called with a
            sample that was not recorded, the transform raises NotMeasurableError.
    """
    for what, values in (("originals", originals), ("released", released)):
        if values.dtype != np.float32:
            raise SpecError(
                f"recorded {what} are {values.dtype}, expected float32: convert with "
                ".astype('float32')"
            )
    if originals.shape != released.shape or originals.ndim < 2:
        raise SpecError(
            f"recorded originals have shape {originals.shape}, released {released.shape}; "
            "expected pairs of the same shape (n, ...)"
        )
    places: dict[bytes, int] = {}
    for position, sample in enumerate(originals):
        places.setdefault(_digest(sample), position)

    def look_up(samples: Samples) -> Samples:
        found = [places.get(_digest(sample), -1) for sample in samples]
        missing = found.count(-1)
        if missing:
            raise NotMeasurableError(
                f"{missing} of {len(samples)} samples were not recorded: audit the pairs on their "
                "own originals (auditing.adapters.recorded.dataset_of)"
            )
        return released[found]

    return Subject(name, look_up, queries=False)


def of_npz(path: Path, name: str | None = None) -> Subject:
    """The pairs in an ``.npz`` file of arrays ``originals`` and ``released``.

    Raises:
        SpecError: no such file, no arrays of these names, or they are no pairs.
    """
    arrays = _read(path)
    return recorded(arrays["originals"], arrays["released"], name or path.stem)


def dataset_of(
    path: Path,
    infnet: InfNet,
    kind: Literal["image", "photo", "mfcc", "plain"] = "plain",
    spec: SampleSpec | None = None,
) -> Dataset:
    """The dataset that goes with ``of_npz(path)``: the originals with what is known of them.

    Args:
        path: the file. Array ``labels`` (integers) is optional: where it is missing I(x) takes its
            place, and accuracy is agreement. Each array ``attribute_NAME`` (integers from 0, or
            text) is a private attribute.
        infnet: the backend's model, which says how many classes there are.
        kind: what a sample is, see ``Dataset``.
        spec: shape and value range of a raw sample; by default the range of the originals.

    Raises:
        SpecError: the file cannot be read, or an array does not fit the others.
    """
    arrays = _read(path)
    originals: Samples = arrays["originals"]
    low, high = float(originals.min(initial=0)), float(originals.max(initial=0))
    spec = spec or SampleSpec(originals.shape[1:], low, high if high > low else low + 1)
    scores = infnet.log_probabilities(originals[:1])
    labels = arrays["labels"] if "labels" in arrays else infnet.predict(originals)
    attributes, names = {}, {}
    for key, values in arrays.items():
        if key.startswith(ATTRIBUTE):
            attribute = key.removeprefix(ATTRIBUTE)
            attributes[attribute], names[attribute] = _codes(values)
    return Dataset(
        path.stem,
        originals,
        labels,
        spec,
        tuple(map(str, range(scores.shape[1]))),
        attributes=attributes,
        attribute_names=names,
        kind=kind,
    )


def _read(path: Path) -> dict[str, npt.NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as held:
            arrays = {name: held[name] for name in held.files}
    except Exception as error:  # damaged files raise many types
        raise SpecError(f"{path} is no .npz file of recorded pairs: {error}") from error
    missing = sorted({"originals", "released"} - arrays.keys())
    if missing:
        raise SpecError(
            f"{path} has arrays {sorted(arrays)}, expected originals and released: "
            f"{' and '.join(missing)} is missing"
        )
    return arrays


def _codes(values: npt.NDArray[Any]) -> tuple[Labels, tuple[str, ...]]:
    """Values of an attribute as integers from 0, and their names."""
    names, codes = np.unique(values, return_inverse=True)
    if values.dtype.kind in "iu" and len(names) and names[0] >= 0:
        codes, names = values, np.arange(names[-1] + 1)
    return codes.astype(np.int64), tuple(map(str, names))


def _digest(sample: Samples) -> bytes:
    return blake2b(np.ascontiguousarray(sample).tobytes(), digest_size=16).digest()
