"""From which data rate on remote inference is sooner done, by hand and by the paper's times."""

import pytest

from obfnet.study.obfnet_paper.break_even import PAPER_MBIT_S, break_even, least_rate
from obfnet.study.obfnet_paper.timed_nets import CASES


def test_by_hand():
    # 10 kB at 8 Mbit/s take 10 ms: 2 + 10 + 3 = 15.
    assert least_rate(10, local=15, obfuscated=2, remote=3) == pytest.approx(8)
    assert least_rate(10, local=5, obfuscated=2, remote=3) is None
    assert least_rate(10, local=4, obfuscated=2, remote=3) is None


def test_the_papers_own_times_need_less_than_it_says():
    rows = [
        {"figure": "Table III", "value": 9.0},
        {"figure": "Table I", "value": 1.0, "precision": "float32", "obfnet": "O_M"},
        {"figure": "Table I", "value": 1.0, "precision": "int8", "obfnet": "O_M"},
        {"figure": "Table I", "value": 8.5, "precision": "float32", "obfnet": "O_C"},
        {"figure": "Fig. 15", "value": 4.0, "batch": 1},
        {"figure": "Fig. 16", "value": 1.0, "request_bytes": 2_000},
    ]
    for case in CASES:
        theirs, small, large = break_even(case, rows)
        assert 0.1 < theirs["value"] < PAPER_MBIT_S
        assert small["value"] == pytest.approx(8 * 2 / (9 - 1 - 4))
        assert large["value"] is None
        assert "never" in large["differs"]
