"""Time is counted over all processes that worked in a folder."""

import time

from obfnet.study.spent import clock


def test_a_clock_goes_on_from_its_last_reading(tmp_path):
    first = clock(tmp_path)
    time.sleep(0.02)
    read = first()
    assert read >= 0.02
    second = clock(tmp_path)
    time.sleep(0.02)
    assert second() >= read + 0.02
