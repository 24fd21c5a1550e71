"""One form for every result."""

import json
import math
from pathlib import Path

import pytest

from obfnet.errors import SpecError
from obfnet.study import results
from obfnet.study.spread import spread
from obfnet.study.table import COLUMNS, cells

ROW = {
    "obfnet": "raw",
    "accuracy": 0.97,
    "drop": 0.0,
    "leakage": 1.0,
    "leakage_ci": [0.99, 1.0],
    "attributes": {},
}


def test_the_form(tmp_path):
    path = results.write(tmp_path, "obfnet demo", [ROW], 1.23)
    content = json.loads(path.read_text())
    assert list(content) == ["command", "git", "versions", "machine", "date", "seconds", "rows"]
    assert content["rows"] == [ROW]
    assert {"python", "obfnet", "torch"} <= content["versions"].keys()
    assert content["machine"]["threads"] >= 1


def test_an_unknown_key_is_refused(tmp_path):
    with pytest.raises(SpecError, match="acuracy"):
        results.write(tmp_path, "x", [{"acuracy": 1}], 1)
    assert not list(tmp_path.iterdir())


def test_numbers_that_json_does_not_have_are_refused(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        results.write(tmp_path, "x", [{"leakage": math.nan}], 1)


def test_every_key_is_documented():
    page = Path(__file__).parents[2] / "docs" / "results-form.md"
    documented = {line.split("`")[1] for line in page.read_text().splitlines() if "| `" in line}
    assert documented == results.KEYS.keys()


def test_a_row_without_obfnet_has_empty_cells():
    written = dict(zip((column.title for column in COLUMNS), cells(ROW), strict=True))
    assert written["accuracy"] == "97.00%"
    assert written["parameters"] == written["certified bits"] == "-"


def test_spread_is_in_milliseconds():
    assert spread([0.001, 0.003, 0.002]) == {"min": 1.0, "median": 2.0, "max": 3.0}
