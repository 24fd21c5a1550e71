import gzip
import threading

import pytest

from obfnet.data.sources import Home, Resource, at, obtain, sha256
from obfnet.errors import DataCorruptError, DataUnavailableError, StorageError

BODY = b"twenty MFCC by forty-five frames" * 5000
PACKED = gzip.compress(BODY, mtime=0)
DEAD = "http://127.0.0.1:9/dead"  # the discard port: nobody listens there


def resource(*homes: Home) -> Resource[bytes]:
    return Resource(
        "some/file.gz", sha256(BODY), lambda p: gzip.decompress(p.read_bytes()), sha256, homes
    )


def files(folder):
    return [path.name for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"]


def test_fetched_once_then_from_the_cache(server, cache):
    server.body = PACKED
    assert obtain(resource(at(server.url))) == BODY
    assert obtain(resource(at(server.url))) == BODY
    assert len(server.asked) == 1
    assert files(cache) == ["file.gz"]


def test_the_local_folder_comes_first(server, cache):
    path = cache.parent / "local" / "some" / "file.gz"
    path.parent.mkdir()
    path.write_bytes(PACKED)
    assert obtain(resource(at(server.url))) == BODY
    assert server.asked == []


@pytest.mark.parametrize("wrong", [gzip.compress(b"other", mtime=0), PACKED[:-50], b""])
def test_a_wrong_local_file_is_an_error_at_once(server, cache, wrong):
    server.body = PACKED
    path = cache.parent / "local" / "some" / "file.gz"
    path.parent.mkdir()
    path.write_bytes(wrong)
    with pytest.raises(DataCorruptError, match=sha256(BODY)):
        obtain(resource(at(server.url)))
    assert server.asked == []
    assert path.read_bytes() == wrong


def test_a_folder_that_is_none_is_an_error_at_once(cache, monkeypatch):
    monkeypatch.setenv("OBFNET_DATA", str(cache / "missing"))
    with pytest.raises(DataUnavailableError, match="not a folder"):
        obtain(resource())


def test_a_dead_home_is_passed_over(server, cache):
    server.body = PACKED
    assert obtain(resource(at(DEAD), at(server.url))) == BODY


def test_when_all_homes_are_dead_the_message_lists_them_and_the_next_step(server, cache):
    server.status = 503
    with pytest.raises(DataUnavailableError) as caught:
        obtain(resource(at(DEAD), at(server.url)))
    message = str(caught.value)
    assert "no file some/file.gz" in message
    assert f"{DEAD}: " in message
    assert f"{server.url}: HTTP 503" in message
    assert "set OBFNET_DATA to a folder that holds some/file.gz" in message
    assert sha256(BODY) in message


@pytest.mark.parametrize("wrong", [gzip.compress(b"other", mtime=0), PACKED[:-50]])
def test_wrong_bytes_from_a_home_are_thrown_away(server, cache, wrong):
    server.body = wrong
    with pytest.raises(DataCorruptError, match="tried"):
        obtain(resource(at(server.url)))
    assert files(cache) == []


def test_a_resumed_file_that_turns_out_wrong_is_fetched_afresh(server, cache):
    server.body, server.breaks = PACKED, [100, 0]
    with pytest.raises(DataUnavailableError):
        obtain(resource(at(server.url)))
    (part,) = cache.rglob("*.part")
    part.write_bytes(b"x" * 100)  # the beginning of an older edition
    assert obtain(resource(at(server.url))) == BODY
    assert server.asked[-2:] == ["bytes=100-", None]
    assert files(cache) == ["file.gz"]


def test_a_damaged_cache_is_fetched_again(server, cache):
    server.body = PACKED
    obtain(resource(at(server.url)))
    (cache / "data" / "some" / "file.gz").write_bytes(PACKED[:1000])
    assert obtain(resource(at(server.url))) == BODY


def test_two_at_once_fetch_once(server, cache):
    server.body = PACKED
    found = []
    ask = [
        threading.Thread(target=lambda: found.append(obtain(resource(at(server.url)))))
        for _ in range(4)
    ]
    for thread in ask:
        thread.start()
    for thread in ask:
        thread.join()
    assert found == [BODY] * 4
    assert len(server.asked) == 1


def test_a_cache_that_cannot_be_written_is_a_storage_error(server, cache):
    cache.write_text("a file where a folder should be")
    with pytest.raises(StorageError, match="set OBFNET_CACHE"):
        obtain(resource(at(server.url)))


def test_a_cache_that_is_only_readable_still_serves(server, cache, monkeypatch):
    server.body = PACKED
    obtain(resource(at(server.url)))
    monkeypatch.setattr("obfnet.data.sources._locked", lambda _: pytest.fail("tried to write"))
    assert obtain(resource(at(server.url))) == BODY
