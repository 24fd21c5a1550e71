"""Rows that x' lies at are found, and what varies around them is heard."""

import numpy as np
import pytest

from obfnet.auditing.rows import rows_of
from obfnet.auditing.view import View


@pytest.fixture
def table():
    return np.random.default_rng(0).random((10, 64), dtype=np.float32)


@pytest.fixture
def index():
    return np.random.default_rng(1).integers(0, 10, 500)


def test_a_codebooks_rows_are_found_and_nothing_varies_around_them(table, index):
    rows = rows_of(table[index])
    assert {row.tobytes() for row in rows.centres} == {row.tobytes() for row in table}
    assert not rows.residuals(table[index]).any()


@pytest.mark.parametrize("amplitude", [1e-2, 1e-4, 1e-6])
def test_what_varies_around_a_row_is_brought_to_unit_scale(table, index, amplitude):
    secret = np.random.default_rng(2).standard_normal((500, 64)).astype(np.float32)
    released = table[index] + np.float32(amplitude) * secret
    heard = rows_of(released).residuals(released)
    assert np.corrcoef(heard.ravel(), secret.ravel())[0, 1] > 0.9
    assert 0.5 < heard.std() < 2


def test_what_lies_nowhere_has_no_rows(index):
    assert rows_of(np.random.default_rng(0).random((500, 64), dtype=np.float32)) is None
    assert rows_of(np.ones((500, 64), np.float32)) is None


def test_what_belongs_to_no_row_is_left_alone(table, index):
    rows = rows_of(table[index])
    assert not rows.residuals(table[:1] + 1).any()


def test_a_view_of_a_codebook_is_what_it_was(table, index):
    released = table[index].reshape(-1, 1, 8, 8)
    seen = View(released, 10)(released, index)
    assert float(seen[:, :64].std()) == pytest.approx(1, abs=0.05)
    assert float(seen[:, 64:].sum()) == 500
