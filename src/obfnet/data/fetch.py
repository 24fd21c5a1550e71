"""Download one file over HTTP so that a broken connection or Ctrl-C costs only the missing rest."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from obfnet import progress
from obfnet.errors import DataUnavailableError, StorageError

STALL_SECONDS = 15.0  # longest silence of a home, connecting included
TOTAL_SECONDS = 3600.0  # longest time for one file, so that a trickle ends too
LIMIT_BYTES = 1 << 30
ATTEMPTS = 5
CHUNK_BYTES = 1 << 16


def download(url: str, part: Path) -> None:
    """Bring ``part`` to the full length of what ``url`` serves, continuing what is there.

    A broken connection is taken up again, up to ``ATTEMPTS`` times and only as long as each
    attempt brings bytes. On an error ``part`` stays for the next call; the caller checks the
    content and renames it.

    Raises:
        DataUnavailableError: the home is dead, refuses, stalls or keeps breaking off.
        StorageError: the disk is full or the folder cannot be written.
    """
    deadline = time.monotonic() + TOTAL_SECONDS
    for attempt in range(1, ATTEMPTS + 1):
        before = _length(part)
        try:
            _transfer(url, part, deadline)
            return
        except DataUnavailableError:
            if attempt == ATTEMPTS or _length(part) <= before:
                raise
        except OSError as error:  # reading the network raises only DataUnavailableError
            raise StorageError(
                f"could not write {part} ({error.strerror or error}); "
                "free some space or set OBFNET_CACHE to another folder, then run again to resume"
            ) from error


def _transfer(url: str, part: Path, deadline: float) -> None:
    offset = _length(part)
    headers = {"User-Agent": "obfnet", "Accept-Encoding": "identity"}
    if offset:
        headers["Range"] = f"bytes={offset}-"
    try:
        response = urllib.request.urlopen(
            urllib.request.Request(url, headers=headers), timeout=STALL_SECONDS
        )
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and offset:  # nothing after our offset: whole already, or stale
            if error.headers.get("Content-Range", "") != f"bytes */{offset}":
                part.unlink()
                _transfer(url, part, deadline)
            return
        raise DataUnavailableError(f"HTTP {error.code} {error.reason}") from None
    except (OSError, http.client.HTTPException) as error:
        raise DataUnavailableError(_reason(error)) from None
    with response:
        continued = response.status == 206
        if continued and not response.headers.get("Content-Range", "").startswith(
            f"bytes {offset}-"
        ):
            part.unlink()
            raise DataUnavailableError("the home answered with another range than the one asked")
        expected = (offset if continued else 0) + int(response.headers.get("Content-Length") or 0)
        if expected > LIMIT_BYTES:
            raise DataUnavailableError(f"{expected} bytes, more than the limit of {LIMIT_BYTES}")
        blocks = progress.track(
            _blocks(response, deadline),
            f"fetching {Path(urlsplit(url).path).name}",
            total=response.length / CHUNK_BYTES if response.length else None,
        )
        part.parent.mkdir(parents=True, exist_ok=True)
        with part.open("ab" if continued else "wb") as file:
            for block in blocks:
                file.write(block)
                if file.tell() > LIMIT_BYTES:
                    raise DataUnavailableError(f"more than the limit of {LIMIT_BYTES} bytes")
    if response.headers.get("Content-Length") and _length(part) < expected:
        raise DataUnavailableError(f"broke off after {_length(part)} of {expected} bytes")


def _blocks(response: http.client.HTTPResponse, deadline: float) -> Iterator[bytes]:
    """The body in blocks of about ``CHUNK_BYTES``; what came before an error is yielded first."""
    block = bytearray()
    failure: DataUnavailableError | None = None
    more = True
    while more:
        try:
            piece = response.read1(CHUNK_BYTES)  # returns on every packet, so a trickle is seen
        except (OSError, http.client.HTTPException) as error:
            piece, failure = b"", DataUnavailableError(_reason(error))
        if time.monotonic() > deadline:
            piece, failure = b"", DataUnavailableError(f"took more than {TOTAL_SECONDS:g} s")
        more = bool(piece)
        block += piece
        if len(block) >= CHUNK_BYTES or (block and not more):
            yield bytes(block)
            block.clear()
    if failure is not None:
        raise failure


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _reason(error: Exception) -> str:
    cause = getattr(error, "reason", None) or error
    return str(cause) or type(cause).__name__
