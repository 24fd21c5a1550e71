"""The file format of one device's set: a zip of a manifest and the members it lists."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from obfnet import files
from obfnet.bundling.manifest import Manifest, decode, encode
from obfnet.errors import BundleRejectedError

MANIFEST = "manifest.json"
MOST_MEMBERS = 1_000
MOST_BYTES = 1 << 30
#: Zip's own zero date, so that equal contents make equal bundles.
_EPOCH = (1980, 1, 1, 0, 0, 0)
#: Only these are inflated within the promised size; zipfile lets bz2 and lzma run free.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
#: Plain relative paths, so that whoever unpacks a bundle stays inside the folder.
_NAME = re.compile(r"\w[\w.-]*(/\w[\w.-]*)*", re.ASCII)


@dataclass(frozen=True, eq=False)
class Bundle:
    """A device's set as bytes, with what was read from them."""

    content: bytes
    manifest: Manifest
    members: Mapping[str, bytes]

    def save(self, path: Path) -> None:
        """Write the bundle to ``path``, whole or not at all."""
        files.write(path, self.content)


def write(manifest: Manifest, members: Mapping[str, bytes]) -> Bundle:
    """Pack ``members`` under ``manifest``, whose digests are filled in here.

    Raises:
        SpecError: JSON cannot carry what the manifest holds.
        BundleRejectedError: a device would reject this bundle.
    """
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in members.items()}
    manifest = replace(manifest, digests=digests)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in [(MANIFEST, encode(manifest)), *sorted(members.items())]:
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content, zipfile.ZIP_DEFLATED)
    return read(buffer.getvalue())


def read(content: bytes) -> Bundle:
    """Open a bundle and check every member against the manifest; nothing touches the disk.

    Raises:
        BundleRejectedError: no zip, too many or too large members, a name that is no plain
            relative path, a member that is missing, unlisted or altered, or a manifest that
            cannot be read.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            infos = archive.infolist()
            _check_directory(infos)
            members = {info.filename: _member(archive, info) for info in infos}
    except BundleRejectedError:
        raise
    except Exception as error:  # zipfile raises many types on damaged input
        raise BundleRejectedError(f"not a bundle: {error!r}; fetch it again") from error
    if len(members) != len(infos) or MANIFEST not in members:
        raise BundleRejectedError(f"expected one {MANIFEST} and no name twice")
    manifest = decode(members.pop(MANIFEST))
    found = {name: hashlib.sha256(data).hexdigest() for name, data in members.items()}
    if found != dict(manifest.digests):
        wrong = sorted(set(found.items()) ^ set(manifest.digests.items()))
        raise BundleRejectedError(f"members differ from the manifest: {wrong[0][0]}; fetch again")
    for entry in manifest.obfnets:
        if not {entry.encoder, entry.decoder} <= members.keys():
            raise BundleRejectedError(f"member {entry.encoder} or {entry.decoder} is missing")
    return Bundle(content, manifest, members)


def open_bundle(source: Bundle | bytes | str | Path) -> Bundle:
    """A bundle from itself, its bytes, or its file.

    Raises:
        BundleRejectedError: the file cannot be read, or is no valid bundle.
    """
    if isinstance(source, Bundle):
        return source
    if isinstance(source, bytes):
        return read(source)
    try:
        return read(Path(source).read_bytes())
    except (OSError, ValueError) as error:  # a path may hold a zero byte
        raise BundleRejectedError(f"bundle {str(source)!r} cannot be read: {error}") from error


def _check_directory(infos: Sequence[zipfile.ZipInfo]) -> None:
    size = sum(info.file_size for info in infos)
    if len(infos) > MOST_MEMBERS or size > MOST_BYTES:
        raise BundleRejectedError(
            f"the bundle holds {len(infos)} members of {size} bytes, expected at most "
            f"{MOST_MEMBERS} and {MOST_BYTES}"
        )
    for info in infos:
        if info.compress_type not in _METHODS:
            raise BundleRejectedError(
                f"member {info.filename!r} is packed by method {info.compress_type}, expected "
                "stored or deflated"
            )
        if not _NAME.fullmatch(info.filename):
            raise BundleRejectedError(
                f"member {info.filename!r} has a name that is no plain relative path"
            )


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    # Reads at most what the directory promised: a member that inflates to more is a bomb.
    with archive.open(info) as stream:
        data = stream.read(info.file_size + 1)
    if len(data) != info.file_size:
        raise BundleRejectedError(f"member {info.filename} is not {info.file_size} bytes long")
    return data
