"""One file of a dataset: where it may come from, and the digest that decides whether it is it."""

from __future__ import annotations

import contextlib
import hashlib
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

from obfnet import progress
from obfnet.data.fetch import download
from obfnet.data.folders import cache_folder, local_folders
from obfnet.errors import DataCorruptError, DataUnavailableError, StorageError

T = TypeVar("T")

# What the readers of gzip, xz, tar, zip and npz raise on damaged bytes.
DAMAGED = (EOFError, ValueError, TypeError, KeyError, zlib.error, lzma.LZMAError, tarfile.TarError,
           zipfile.BadZipFile)  # fmt: skip


@dataclass(frozen=True)
class Home:
    """One public place of a file.

    Args:
        name: how messages call it, e.g. its URL.
        fetch: writes the file whole at the path it is given, or raises DataUnavailableError with
            the reason. Whatever it leaves there on an error is passed to it again next time.
    """

    name: str
    fetch: Callable[[Path], None]


def at(url: str) -> Home:
    """The home at ``url``."""
    return Home(url, partial(download, url))


@dataclass(frozen=True)
class Resource(Generic[T]):
    """One file of a dataset.

    Args:
        file: its path below ``OBFNET_DATA`` and below the cache.
        sha256: digest of its *content*, because homes compress the same content differently.
        read: parses a file into its content; raises one of ``DAMAGED`` or OSError on bad bytes.
        digest: the hexadecimal SHA-256 of a content.
        homes: where to fetch it, in order of preference.
    """

    file: str
    sha256: str
    read: Callable[[Path], T]
    digest: Callable[[T], str]
    homes: tuple[Home, ...] = ()

    def check(self, path: Path) -> T:
        """The content of the file at ``path``.

        Raises:
            DataCorruptError: it cannot be read, or its digest is not the published one.
        """
        try:
            content = self.read(path)
        except (*DAMAGED, OSError) as error:
            raise DataCorruptError(
                f"{path} is damaged ({error or type(error).__name__}); {self._expected}: "
                "replace or remove it"
            ) from error
        found = self.digest(content)
        if found != self.sha256:
            raise DataCorruptError(
                f"{path} has content sha256 {found}; {self._expected}: replace or remove it"
            )
        return content

    @property
    def _expected(self) -> str:
        return f"expected {self.file} with content sha256 {self.sha256}"


def sha256(content: bytes) -> str:
    """Hexadecimal SHA-256 of ``content``."""
    return hashlib.sha256(content).hexdigest()


def obtain(resource: Resource[T]) -> T:
    """The checked content of ``resource``: from a local folder, the cache, or its homes in order.

    A local folder is the user's own word, so a wrong file there is an error at once. A wrong
    file from a home is thrown away and the next home is tried.

    Raises:
        DataUnavailableError: no home could be reached.
        DataCorruptError: a local file is wrong, or every home that answered sent wrong bytes.
        StorageError: the cache cannot be written.
    """
    tried = []
    folders = local_folders()
    for folder in folders:
        path = folder / resource.file
        if path.is_file():
            return resource.check(path)
        tried.append(f"{folder}: no file {resource.file}")
    if not folders:
        tried.append("OBFNET_DATA: not set")
    cached = cache_folder() / "data" / resource.file
    with contextlib.suppress(DataCorruptError):
        return resource.check(cached)
    corrupt = False
    with _locked(cached):
        if cached.is_file():  # damaged, or fetched by another process while we waited
            try:
                return resource.check(cached)
            except DataCorruptError as error:
                progress.say(f"fetching again: {error}")
                cached.unlink()
        for home in resource.homes:
            try:
                return _fetched(resource, home, cached)
            except (DataUnavailableError, DataCorruptError) as error:
                corrupt = corrupt or isinstance(error, DataCorruptError)
                tried.append(f"{home.name}: {error}".replace("\n", "\n    "))
    raise (DataCorruptError if corrupt else DataUnavailableError)(
        f"could not get {resource.file}; tried\n  " + "\n  ".join(tried) + "\n"
        f"Next: set OBFNET_DATA to a folder that holds {resource.file} "
        f"(its content is checked, sha256 {resource.sha256})"
    )


def _fetched(resource: Resource[T], home: Home, cached: Path) -> T:
    """The content from ``home``, checked before it is renamed into the cache."""
    # One partial file per home: mirrors differ in bytes, so one's rest does not fit another's.
    part = cached.with_name(f".{cached.name}.{sha256(home.name.encode())[:8]}.part")
    resumed = part.exists()
    progress.say(f"fetching {resource.file} from {home.name}")
    home.fetch(part)
    try:
        content = resource.check(part)
    except DataCorruptError:
        part.unlink()
        if resumed:  # the rest may belong to a newer file than the beginning: once more, afresh
            return _fetched(resource, home, cached)
        raise
    part.replace(cached)
    return content


@contextlib.contextmanager
def _locked(cached: Path) -> Iterator[None]:
    """Let one process at a time fetch ``cached``; the others wait and find it done."""
    try:
        cached.parent.mkdir(parents=True, exist_ok=True)
        with cached.with_name(f".{cached.name}.lock").open("w") as file:
            try:
                import fcntl
            except ImportError:  # Windows: two fetches may collide, the digest will tell
                pass
            else:
                fcntl.flock(file, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise StorageError(
            f"could not use the cache {cached.parent} ({error.strerror or error}); "
            "set OBFNET_CACHE to a folder that can be written"
        ) from error
