"""Times are taken of real nets, over a real server and a real slow link."""

import json

import pytest

from obfnet.study.obfnet_paper.timing import obfnet_time
from obfnet.study.study import Ask


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    ask = Ask(tmp_path_factory.mktemp("times"), "obfnet study obfnet-time --quick", quick=True)
    return ask, json.loads(obfnet_time(ask).read_text())["rows"]


def test_every_table_and_figure_is_there(ran):
    _, rows = ran
    figures = {row["figure"] for row in rows}
    assert figures == {"Table I", "Table II", "Table III", "Fig. 15", "Fig. 16", "break-even"}
    om = next(row for row in rows if row.get("obfnet") == "O_M-64")
    assert om["params"] == 64 * 784 * 2 + 64 + 784
    assert om["baseline_value"] == 0.221
    assert "ratio" not in om
    (table,) = (row for row in rows if row["figure"] == "Table II")
    assert table["batch"] == 2
    assert "of batch 2 here" in table["differs"]
    assert table["per_sample_ms"]["median"] == table["value"]


def test_a_link_is_computed_from_its_bytes(ran):
    """That the relay keeps to its rate is tested by itself; no timing is judged here."""
    _, rows = ran
    link = [row for row in rows if row["figure"] == "Fig. 16"]
    assert [row["mbit_s"] for row in link] == [10, 15]
    for row in link:
        assert row["request_bytes"] > 784 * 4
        computed = row["request_bytes"] * 8 / row["mbit_s"] / 1e3
        assert row["baseline_value"] == pytest.approx(computed, abs=1e-3)


def test_page_and_second_run(ran):
    ask, rows = ran
    page = (ask.folder / "index.html").read_text()
    assert page.count("<svg") == 2
    assert json.loads(obfnet_time(ask).read_text())["rows"] == rows
