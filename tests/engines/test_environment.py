"""Environments: made once, taken up again after a failure, and said plainly when they cannot be."""

import subprocess
import sys
import zipfile

import pytest

from obfnet.cli.app import run
from obfnet.errors import EngineMissingError, StorageError
from obfnet.serving.engines import environment
from obfnet.serving.engines.environment import install, is_installed, packages, python_of
from obfnet.serving.engines.table import ENGINES


@pytest.fixture
def pins(tmp_path, monkeypatch):
    """An engine "tiny" of one package, which pip looks for in a folder and nowhere else."""
    path = tmp_path / "tiny.txt"
    path.write_text("tiny-engine==1.0\n")
    monkeypatch.setattr(environment, "_pins", lambda name: path)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    return path


def put_wheel(folder):
    info = "tiny_engine-1.0.dist-info"
    with zipfile.ZipFile(folder / "tiny_engine-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny_engine.py", "ANSWER = 42\n")
        wheel.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-engine\nVersion: 1.0\n"
        )
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")


def test_failure_then_resumed_then_left_alone(pins, tmp_path, monkeypatch):
    folder = tmp_path / "engines"
    with pytest.raises(EngineMissingError, match=r"(?s)last lines of pip:.*tiny-engine==1\.0"):
        install(folder, "tiny")
    assert not is_installed(folder, "tiny")
    with pytest.raises(EngineMissingError, match="run obfnet engine install tiny"):
        python_of(folder, "tiny")
    put_wheel(tmp_path)
    python = install(folder, "tiny")
    code = "import tiny_engine; print(tiny_engine.ANSWER, tiny_engine.__file__)"
    said = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["42", str(packages(python) / "tiny_engine.py")]
    monkeypatch.setattr(subprocess, "run", None)  # nothing is run any more
    assert install(folder, "tiny") == python
    pins.write_text("tiny-engine==1.1\n")
    assert not is_installed(folder, "tiny")


def test_folder_that_cannot_be_written(pins, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="OBFNET_CACHE"):
        install(tmp_path / "file" / "engines", "tiny")


def test_every_engine_has_pins():
    for name in ENGINES:
        lines = [
            line for line in environment._pins(name).read_text().splitlines() if line[0] != "#"
        ]
        assert all("==" in line for line in lines)
        assert len(lines) == len(set(lines)) > 0


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["engine", "list"], 0, "triton   not installed Triton Inference Server 2.51.0"),
        (["engine", "install", "nothing"], 1, "no engine 'nothing'; there are: triton, kserve"),
        (["engine", "install"], 1, "expected: list, or install NAME"),
        (["serve", ".", "--engine", "nothing"], 1, "no engine 'nothing'"),
        (["serve", ".", "--engine", "kserve"], 1, "run obfnet engine install kserve"),
    ],
)
def test_command_line(arguments, status, said, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("OBFNET_CACHE", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["obfnet", *arguments])
    assert run() == status
    printed = capsys.readouterr()
    assert said in printed.out + printed.err
