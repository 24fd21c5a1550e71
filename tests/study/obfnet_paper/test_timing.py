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
    assert om["ratio"] == pytest.approx(0.221 / om["value"], rel=1e-2)


def test_the_link_is_as_slow_as_its_bytes_say(ran):
    """No timing is judged, but that a wire of 10 Mbit/s is not faster than its bits."""
    _, rows = ran
    link = [row for row in rows if row["figure"] == "Fig. 16"]
    for row in link:
        assert row["request_bytes"] > 784 * 4
        assert row["baseline_value"] == pytest.approx(
            row["request_bytes"] * 8 / row["mbit_s"] / 1e3
        )
        assert row["round_trip_ms"]["max"] > 0.9 * row["baseline_value"]


def test_page_and_second_run(ran):
    ask, rows = ran
    page = (ask.folder / "index.html").read_text()
    assert page.count("<svg") == 2
    assert json.loads(obfnet_time(ask).read_text())["rows"] == rows
