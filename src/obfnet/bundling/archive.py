"""The file format of one device's set: a manifest, its signature, and the members it lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from obfnet import files
from obfnet.bundling import signature as signatures
from obfnet.bundling.container import Packed, join, packed, split
from obfnet.bundling.keys import Rotation, SigningKey
from obfnet.bundling.manifest import Manifest, decode, encode
from obfnet.errors import BundleRejectedError, BundleUnsignedError, SpecError

if TYPE_CHECKING:  # not loaded on a device for this
    from pathlib import Path

MANIFEST = "manifest.json"
#: Looks at the manifest's bytes and the signature's, if there is one, before either is parsed.
Check = Callable[[bytes, bytes | None], None]


@dataclass(frozen=True)
class Limits:
    """What is refused before anything is parsed.

    Args:
        members: files in a bundle at most.
        bytes: all of them unpacked, and the bundle itself, at most.
        manifest_bytes: of the manifest at most.
    """

    members: int = 1_000
    bytes: int = 1 << 30
    manifest_bytes: int = 4 << 20


USUAL = Limits()


@dataclass(frozen=True, eq=False)
class Bundle:
    """A device's set as bytes, with what was read from them.

    Args:
        content: the whole file.
        manifest: what it says of itself.
        members: every other file but the signature.
        signature: the signature's bytes, None where nobody signed. Reading a bundle does not
            check it; :func:`trust.verify` does.
    """

    content: bytes
    manifest: Manifest
    members: Mapping[str, bytes]
    signature: bytes | None = None

    def save(self, path: Path) -> None:
        """Write the bundle to ``path``, whole or not at all."""
        files.write(path, self.content)


def write(
    manifest: Manifest,
    members: Mapping[str, bytes],
    key: SigningKey | None = None,
    rotations: Sequence[Rotation] = (),
) -> Bundle:
    """Pack ``members`` under ``manifest``, whose digests are filled in here, and sign it.

    Args:
        manifest: what the bundle says of itself.
        members: its files.
        key: signs it; None leaves it unsigned.
        rotations: for devices that trust an older key.

    Raises:
        SpecError: JSON cannot carry what the manifest holds, or the rotations lead nowhere.
        BundleRejectedError: a device would reject this bundle.
    """
    if key is None and rotations:
        raise SpecError("rotations without a key that signs: give sign_with as well")
    listed = {name: packed(name, content) for name, content in sorted(members.items())}
    digests = {name: member.digest for name, member in listed.items()}
    plain = encode(replace(manifest, digests=digests))
    head = [packed(MANIFEST, plain, deflate=key is not None)]
    if key is not None:
        signed = signatures.sign(head[0], key, rotations)
        head.append(packed(signatures.MEMBER, signatures.encode(signed), deflate=False))
    return read(join([*head, *listed.values()]))


def read(content: bytes, limits: Limits = USUAL, check: Check | None = None) -> Bundle:
    """Open a bundle and check every member against the manifest; nothing touches the disk.

    Args:
        content: of a bundle's file.
        limits: sizes and counts that are refused before anything is parsed.
        check: may refuse the manifest's bytes before they are parsed or a member is inflated.

    Raises:
        BundleRejectedError: no zip, too many or too large members, a name that is no plain
            relative path, a member that is missing, unlisted or altered, or a manifest that
            cannot be read.
    """
    try:
        members = {each.name: each for each in split(content, limits.members, limits.bytes)}
        head = members.pop(MANIFEST, None)
        signed = members.pop(signatures.MEMBER, None)
        if head is None:
            raise BundleRejectedError(f"it holds no {MANIFEST}")
        signature = None
        if signed is not None:
            _check_stored(signed, signatures.MOST_BYTES)
            signature = signed.unpack()
        _check_head(head, limits.manifest_bytes, signature)
        manifest = head.unpack()
        if check is not None:
            check(manifest, signature)
        decoded = decode(manifest)
        _check_members(decoded, members)
        unpacked = {name: member.unpack() for name, member in members.items()}
    except BundleRejectedError:
        raise
    except Exception as error:  # whatever damaged input leads to
        raise BundleRejectedError(f"not a bundle: {error!r}; fetch it again") from error
    return Bundle(content, decoded, unpacked, signature)


def open_bundle(source: Bundle | bytes | str | Path) -> Bundle:
    """A bundle from itself, its bytes, or its file; its signature is not checked.

    Raises:
        BundleRejectedError: the file cannot be read, or is no valid bundle.
    """
    if isinstance(source, Bundle):
        return source
    return read(bytes_of(source))


def bytes_of(source: bytes | str | Path) -> bytes:
    """The bytes of a bundle's file, or these.

    Raises:
        BundleRejectedError: the file cannot be read.
    """
    if isinstance(source, bytes):
        return source
    try:
        with open(source, "rb") as file:  # noqa: PTH123  # without loading pathlib
            return file.read()
    except (OSError, ValueError) as error:  # a path may hold a zero byte
        raise BundleRejectedError(f"bundle {str(source)!r} cannot be read: {error}") from error


def _check_head(manifest: Packed, most: int, signature: bytes | None) -> None:
    """A manifest is deflated only where a signature pins how: one content has one form."""
    if signature is None and manifest.method:
        raise BundleUnsignedError("the bundle is not signed, or not any more: fetch it again")
    if signature is None:
        _check_stored(manifest, most)
    elif manifest.size > most:
        raise BundleRejectedError(
            f"{MANIFEST} unpacks to {manifest.size} bytes, expected at most {most}"
        )
    elif signatures.decode(signature).packed != manifest.digest:
        raise BundleUnsignedError(
            "the signature is not of this manifest: the bundle was altered; fetch it again"
        )


def _check_stored(member: Packed, most: int) -> None:
    if member.size > most or len(member.stream) != member.size or member.method:
        raise BundleRejectedError(
            f"{member.name} has {member.size} bytes by method {member.method}, expected at most "
            f"{most}, stored"
        )


def _check_members(manifest: Manifest, members: Mapping[str, Packed]) -> None:
    found = {name: member.digest for name, member in members.items()}
    if found != dict(manifest.digests):
        wrong = sorted(set(found.items()) ^ set(manifest.digests.items()))
        raise BundleRejectedError(f"members differ from the manifest: {wrong[0][0]}; fetch again")
    for entry in manifest.obfnets:
        if not {entry.encoder, entry.decoder} <= members.keys():
            raise BundleRejectedError(f"member {entry.encoder} or {entry.decoder} is missing")
