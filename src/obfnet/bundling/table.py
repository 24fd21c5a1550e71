"""A codebook's table as bytes: as small as the InfNet's answers to its rows allow."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from obfnet.errors import BundleRejectedError, SampleRejectedError
from obfnet.specs import Samples, SampleSpec

#: Steps of a byte over the range of a sample, as pictures have them.
STEPS = 255
#: The smallest first.
DTYPES = ("uint8", "float16", "float32")
#: Of the range; no more than what float32 itself rounds.
EXACT = 2.0**-22

Same = Callable[[Samples], bool]


@dataclass(frozen=True)
class StoredTable:
    """Rows as a bundle holds them: a value is ``offset + scale * stored``.

    Args:
        content: ``.npy`` of uint8, float16 or float32 ``(K, E, *shape)``.
        scale: what one step is worth.
        offset: what 0 stands for.
        error: the greatest difference from the rows that were forged.
    """

    content: bytes
    scale: float
    offset: float
    error: float


def store(rows: Samples, spec: SampleSpec, same: Same | None = None) -> StoredTable:
    """The smallest form of ``rows`` that is good enough.

    Args:
        rows: ``(K, E, *shape)`` float32, within the range of ``spec``.
        spec: of a sample. A byte's steps are spread over its range, so that rows lie where
            pictures lie that were made of bytes.
        same: whether changed rows ``(n, *shape)`` are answered as the forged ones; without it,
            only what loses nothing is smaller than float32.
    """
    for dtype in DTYPES:
        stored, scale, offset = _as(dtype, rows, spec)
        found = _values(stored, scale, offset, spec)
        error = float(np.abs(found - rows).max())
        if error <= EXACT * (spec.high - spec.low):
            break
        if same is not None and same(found.reshape(-1, *spec.shape)):
            break
    buffer = io.BytesIO()
    np.save(buffer, stored, allow_pickle=False)
    return StoredTable(buffer.getvalue(), scale, offset, error)


def restore(name: str, content: bytes, scale: float, offset: float, spec: SampleSpec) -> Samples:
    """The rows ``(K, E, *shape)`` of a stored table, at least one exemplar of each code.

    Args:
        name: of the member, for messages.
        content: of the ``.npy`` file.
        scale: what one step is worth.
        offset: what 0 stands for.
        spec: what a row must be: a sample.

    Raises:
        BundleRejectedError: it is damaged, or its rows are no samples.
    """
    try:
        stored = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
        if stored.dtype not in [np.dtype(dtype) for dtype in DTYPES]:
            raise SampleRejectedError(
                f"rows are {stored.dtype}, expected one of {', '.join(DTYPES)}"
            )
        if stored.ndim != 2 + len(spec.shape) or not stored.shape[1]:
            axes = ", ".join(map(str, spec.shape))
            raise SampleRejectedError(
                f"rows have shape {stored.shape}, expected (codes, exemplars, {axes}) with at "
                "least one exemplar of each code"
            )
        rows = _values(stored, scale, offset, spec)
        spec.check(rows.reshape(-1, *rows.shape[2:]))
        return rows
    except Exception as error:  # damaged headers raise many types
        raise BundleRejectedError(f"table {name} cannot be used: {error}") from error


def _as(dtype: str, rows: Samples, spec: SampleSpec) -> tuple[npt.NDArray[Any], float, float]:
    if dtype != "uint8":
        return rows.astype(dtype), 1.0, 0.0
    scale = (spec.high - spec.low) / STEPS
    steps = np.rint((rows.astype(np.float64) - spec.low) / scale)
    return np.clip(steps, 0, STEPS).astype(np.uint8), scale, spec.low


def _values(stored: npt.NDArray[Any], scale: float, offset: float, spec: SampleSpec) -> Samples:
    if stored.dtype == np.float32:
        return np.asarray(stored, np.float32)
    values = (offset + scale * stored.astype(np.float64)).astype(np.float32)
    # Rounding may step over the edge of the range.
    return values.clip(np.float32(spec.low), np.float32(spec.high))
