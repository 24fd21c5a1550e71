"""Progress is for people: a bar on a terminal, nothing in a log."""

import os
import pty
import subprocess
import sys

SCRIPT = (
    "import time; from obfnet.progress import track\n"
    "print(sum(time.sleep(0.02) or n for n in track(range(20), 'adding', total=20)))"
)


def test_a_log_stays_clean():
    run = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert run.stdout == "190\n"
    assert run.stderr == ""


def test_a_terminal_shows_a_bar():
    parent, child = pty.openpty()
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        stdout=subprocess.PIPE,
        stderr=child,
        text=True,
        check=True,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "80"},
    )
    os.close(child)
    shown = os.read(parent, 65536).decode()
    os.close(parent)
    assert run.stdout == "190\n"
    assert "adding" in shown
