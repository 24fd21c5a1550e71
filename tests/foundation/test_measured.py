"""Tables of docs/measured.md are those of the committed results, to the digit."""

import runpy
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
TABLES = runpy.run_path(str(DOCS / "tables.py"))


def test_every_table_is_of_its_results():
    text = (DOCS / "measured.md").read_text()
    assert text.count("<!-- table ") == text.count("<!-- end -->") > 4
    assert TABLES["fill"](text) == text, "run: python docs/tables.py"


def test_what_was_written_by_hand_does_not_stay():
    text = (DOCS / "measured.md").read_text()
    assert "| .000 [.000, .000] |" in text
    wrong = text.replace("| .000 [.000, .000] |", "| .900 [.000, .000] |")
    assert TABLES["fill"](wrong) == text


def test_a_figure_that_a_row_lacks_is_empty_and_one_that_all_lack_is_not_shown():
    columns = {"a": lambda row: row["a"], "b": lambda row: row["b"], "c": lambda row: row["c"]}
    table = TABLES["markdown"](columns, [{"a": "1", "b": "2"}, {"a": "3"}])
    assert table.splitlines() == ["| a | b |", "|---|---|", "| 1 | 2 |", "| 3 |  |"]


@pytest.mark.parametrize(
    ("value", "written"), [(0.0234, ".023"), (1.0, "1.000"), (12.34, "12.3"), (2507.4, "2,507")]
)
def test_numbers_have_three_digits(value, written):
    assert TABLES["_number"](value) == written
