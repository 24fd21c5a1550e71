"""Files are whole or absent, even on a full disk and after Ctrl-C."""

import resource
import subprocess
import sys

import pytest

from obfnet import files
from obfnet.errors import StorageError


def test_write_then_rename(tmp_path):
    target = tmp_path / "deep" / "a.json"
    files.write(target, "old")
    files.write(target, b"new")
    assert target.read_text() == "new"
    assert [path.name for path in target.parent.iterdir()] == ["a.json"]


@pytest.mark.parametrize("trouble", [KeyboardInterrupt, ValueError])
def test_the_old_file_survives_an_interruption(tmp_path, trouble):
    target = tmp_path / "a.json"
    files.write(target, "old")
    with pytest.raises(trouble), files.replacing(target) as temporary:  # noqa: PT012
        temporary.write_text("half")
        raise trouble
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_a_full_disk_leaves_the_old_file(tmp_path):
    """The kernel refuses to write on, as it does on a full disk: a limit on file sizes."""
    target = tmp_path / "a.bin"
    files.write(target, b"old")
    script = (
        "import resource, signal, sys; from pathlib import Path; from obfnet import files, errors\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try: files.write(Path(sys.argv[1]), b'x' * 5000)\n"
        "except errors.StorageError as error: print(error)"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, str(target)], capture_output=True, text=True, check=True
    )
    assert "the old file is intact" in run.stdout
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 1000


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="could not write"):
        files.write(tmp_path / "file" / "below", "x")
