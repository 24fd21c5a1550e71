import os
from pathlib import Path

import pytest

from obfnet.data import fetch
from obfnet.errors import DataUnavailableError, StorageError

BODY = os.urandom(300_000)


def test_downloads_the_whole_file(server, tmp_path):
    server.body = BODY
    fetch.download(server.url, tmp_path / "new" / "part")
    assert (tmp_path / "new" / "part").read_bytes() == BODY


def test_a_broken_connection_is_taken_up_where_it_broke(server, tmp_path):
    server.body, server.breaks = BODY, [100_000, 50_000]
    fetch.download(server.url, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == BODY
    assert server.asked == [None, "bytes=100000-", "bytes=150000-"]


def test_an_earlier_run_is_resumed(server, tmp_path):
    (tmp_path / "part").write_bytes(BODY[:200_000])
    server.body = BODY
    fetch.download(server.url, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == BODY
    assert server.asked == ["bytes=200000-"]


def test_a_home_without_ranges_starts_over(server, tmp_path):
    (tmp_path / "part").write_bytes(b"stale" * 1000)
    server.body, server.ranges = BODY, False
    fetch.download(server.url, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == BODY


@pytest.mark.parametrize("stale", [BODY, BODY + b"more"])
def test_a_part_as_long_as_the_file_or_longer(server, tmp_path, stale):
    (tmp_path / "part").write_bytes(stale)
    server.body = BODY
    fetch.download(server.url, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == BODY


def test_a_home_that_keeps_breaking_off_is_given_up_and_the_part_stays(server, tmp_path):
    server.body, server.breaks = BODY, [70_000, 0, 0, 0]
    with pytest.raises(DataUnavailableError, match="broke off after 70000 of 300000"):
        fetch.download(server.url, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == BODY[:70_000]
    assert len(server.asked) == 2


def test_refusals_and_dead_homes_say_why(server, tmp_path):
    server.status = 404
    with pytest.raises(DataUnavailableError, match="HTTP 404 Not Found"):
        fetch.download(server.url, tmp_path / "part")
    with pytest.raises(DataUnavailableError, match="refused"):  # nobody listens at port 9
        fetch.download("http://127.0.0.1:9/file", tmp_path / "part")
    assert not (tmp_path / "part").exists()


def test_a_silent_home_is_given_up(tmp_path, monkeypatch):
    import socket

    monkeypatch.setattr(fetch, "STALL_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/file"
        with pytest.raises(DataUnavailableError, match="timed out"):
            fetch.download(url, tmp_path / "part")


def test_more_than_the_limit_is_refused(server, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "LIMIT_BYTES", 1000)
    server.body = BODY
    with pytest.raises(DataUnavailableError, match="limit of 1000"):
        fetch.download(server.url, tmp_path / "part")


def test_too_long_in_total_is_refused(server, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "TOTAL_SECONDS", 0.0)
    server.body = BODY
    with pytest.raises(DataUnavailableError, match="took more than 0 s"):
        fetch.download(server.url, tmp_path / "part")


@pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="needs /dev/full, the full disk of Linux"
)
def test_a_full_disk_is_a_storage_error(server, tmp_path):
    server.body = BODY
    (tmp_path / "part").symlink_to("/dev/full")
    with pytest.raises(StorageError, match="No space left"):
        fetch.download(server.url, tmp_path / "part")
