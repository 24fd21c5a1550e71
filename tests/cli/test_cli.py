"""The command line as a person uses it, in processes of its own."""

import os
import re
import signal
import subprocess
import sys
import time
from importlib.metadata import version

import pytest

from obfnet.cli.doctor import wanted_by

OBFNET = [sys.executable, "-c", "import sys; from obfnet.cli import main; sys.exit(main())"]


def _run(*arguments, **environment):
    return subprocess.run(
        [*OBFNET, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=120,
        check=False,
    )


def test_version():
    run = _run("--version")
    assert run.returncode == 0
    assert run.stdout.startswith("obfnet ")


def test_help_lists_the_verbs():
    run = _run("--help")
    assert all(
        verb in run.stdout for verb in ("train", "forge", "inspect", "demo", "bench", "doctor")
    )


def test_doctor_finds_this_environment_healthy():
    run = _run("doctor")
    assert run.returncode == 0, run.stdout
    for extra in ("edge", "serve", "forge", "audio", "cli"):
        assert re.search(rf"ready +{extra} ", run.stdout), run.stdout
    assert f"torch {version('torch')}" in run.stdout


def test_doctor_leaves_out_what_is_not_for_this_platform():
    lines = [
        "numpy>=1.26",
        'starlette>=0.40; extra == "serve"',
        "uvloop>=0.19; platform_system == 'Elsewhere' and extra == 'serve'",
        "httptools>=0.6; (python_version >= '3.8') and extra == 'serve'",
        'torch>=2.6; extra == "forge"',
    ]
    assert [each.name for each in wanted_by("serve", lines)] == ["starlette", "httptools"]


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["demo", "--data", "faces"], 1, "error: the demo runs on digits, mnist, fsd"),
        (["bench", "nothing"], 1, "error: no benchmark 'nothing'"),
        (["serve", "no-such-folder"], 1, "error: "),
        (["demo", "--nonsense"], 2, "No such option"),
    ],
)
def test_errors_are_one_line_without_a_traceback(arguments, status, message):
    run = _run(*arguments)
    assert run.returncode == status
    assert message in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_is_clean(tmp_path):
    process = subprocess.Popen(
        [*OBFNET, "demo", "--out", str(tmp_path / "out")],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "OBFNET_CACHE": str(tmp_path / "cache")},
        # A shell that runs tests in the background makes them, and their children, ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    with process:
        try:
            while not process.stderr.readline().startswith("InfNet"):
                assert process.poll() is None
            time.sleep(1)  # it trains now
            process.send_signal(signal.SIGINT)
            _, rest = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert "stopped" in rest
    assert "Traceback" not in rest
    assert not list(tmp_path.rglob("*.part"))
