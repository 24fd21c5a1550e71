"""A table is stored as small as the InfNet's answers to its rows allow."""

import contextlib
import io

import numpy as np
import pytest

from obfnet.bundling.table import restore, store
from obfnet.errors import BundleRejectedError
from obfnet.specs import SampleSpec

SPEC = SampleSpec((1, 3, 5), -0.5, 1.5)
ROWS = np.random.default_rng(0).uniform(-0.5, 1.5, (4, 2, 1, 3, 5)).astype(np.float32)


def stored_dtype(table):
    return np.load(io.BytesIO(table.content)).dtype


def restored(table, spec=SPEC):
    return restore("rows.npy", table.content, table.scale, table.offset, spec)


def test_pictures_of_bytes_lose_nothing():
    spec = SampleSpec((1, 3, 5), 0.0, 1.0)
    levels = np.random.default_rng(0).integers(0, 256, (4, 2, 1, 3, 5)).astype(np.float32)
    for pictures in (levels / 255, levels * np.float32(1 / 255)):
        table = store(pictures, spec)
        assert stored_dtype(table) == np.uint8
        np.testing.assert_allclose(restored(table, spec), pictures, rtol=0, atol=1e-7)
        assert table.error < 1e-7


def test_without_an_infnet_nothing_is_lost():
    table = store(ROWS, SPEC)
    assert stored_dtype(table) == np.float32
    np.testing.assert_array_equal(restored(table), ROWS)
    assert (table.scale, table.offset, table.error) == (1.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("coarsest", "dtype", "most"),
    [(1.0, "uint8", 2 / 510), (0.003, "float16", 5e-4), (0, "float32", 0)],
)
def test_the_smallest_that_is_answered_alike(coarsest, dtype, most):
    """The InfNet's answers stand up to a change of the rows by ``coarsest``."""
    forged = ROWS.reshape(-1, 1, 3, 5)
    table = store(ROWS, SPEC, lambda changed: np.abs(changed - forged).max() <= coarsest)
    assert stored_dtype(table) == dtype
    error = np.abs(restored(table) - ROWS).max()
    assert error == table.error <= most * (1 + 1e-5)
    assert restored(table).dtype == np.float32


def test_restored_rows_are_in_range():
    """Rounding of the scale must not step over the edge."""
    for low, high in ((-0.1, 0.7), (0.0, 0.1), (-3.3, -1.1)):
        spec = SampleSpec((2,), low, high)
        edges = np.array([low, high], np.float32).clip(np.float32(low), np.float32(high))
        table = store(np.tile(edges, (3, 1, 1)), spec, lambda _: True)
        assert stored_dtype(table) == np.uint8
        np.testing.assert_allclose(restored(table, spec), np.tile(edges, (3, 1, 1)), atol=1e-6)


@pytest.mark.parametrize(
    ("scale", "offset"), [(0.0, 9.0), (1e308, 1e308), (float("nan"), 0.0), (-1.0, -9.0)]
)
def test_a_scale_that_makes_no_sense_makes_no_raw_sample(scale, offset):
    """Whatever a manifest says, what comes out is a sample of the spec, or an error."""
    table = store(ROWS, SPEC, lambda _: True)
    with contextlib.suppress(BundleRejectedError):
        SPEC.check(restore("rows.npy", table.content, scale, offset, SPEC).reshape(-1, 1, 3, 5))


def test_another_element_type():
    buffer = io.BytesIO()
    np.save(buffer, np.zeros((4, 1, 1, 3, 5), np.int16))
    with pytest.raises(BundleRejectedError, match="int16"):
        restore("rows.npy", buffer.getvalue(), 1.0, 0.0, SPEC)
