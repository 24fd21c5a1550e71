"""Whether a device may use a bundle: bytes in, a verified bundle or a typed error out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from obfnet.bundling import signature as signatures
from obfnet.bundling.archive import USUAL, Bundle, Limits, bytes_of, read
from obfnet.bundling.keys import PublicKey, Rotation
from obfnet.bundling.manifest import Manifest
from obfnet.errors import (
    BundleExpiredError,
    BundleMisdirectedError,
    BundleRolledBackError,
    BundleUnsignedError,
    BundleUntrustedError,
    SpecError,
)

if TYPE_CHECKING:  # not loaded on a device for this
    from pathlib import Path

#: A device's clock may be this much behind the forge's. One that is further behind is wrong, and
#: cannot tell whether a bundle has expired.
SKEW = timedelta(hours=1)


@dataclass(frozen=True)
class Trust:
    """What a device holds bundles to. It changes only by what :func:`accepted` gives.

    Args:
        keys: public keys whose bundles are taken; a rotation adds its new key and drops the old.
        device: this device's id; None takes bundles for any device.
        infnet: digest of the InfNet the bundle must be for; None takes any.
        least_version: of the set; an older bundle is a rollback.
        limits: sizes and counts before anything is parsed.
        first: the keys this trust began with, before any rotation; empty where nobody knows.
    """

    keys: frozenset[PublicKey]
    device: str | None = None
    infnet: str | None = None
    least_version: int = 0
    limits: Limits = USUAL
    first: frozenset[PublicKey] = frozenset()


def trusting(*keys: PublicKey, device: str | None = None, infnet: str | None = None) -> Trust:
    """Trust in these keys, by a device that has had no bundle yet."""
    return Trust(frozenset(keys), device, infnet, first=frozenset(keys))


def verify(content: bytes, trust: Trust, now: datetime | None = None) -> Bundle:
    """The bundle that ``content`` is, if this device may use it. Nothing else is touched.

    The signature is checked before the manifest is parsed, the manifest before any other member
    is inflated.

    Args:
        content: of a bundle's file.
        trust: what the device holds it to.
        now: for expiry; the clock's time by default. Must have a time zone.

    Raises:
        BundleUnsignedError: no signature, or not of this manifest.
        BundleUntrustedError: signed by a key that neither is trusted nor descends from one.
        BundleExpiredError: its time is over, or has not begun.
        BundleRolledBackError: older than what the device has had.
        BundleMisdirectedError: for another device or InfNet.
        BundleRejectedError: anything else is wrong with it.
    """

    def check(manifest: bytes, signature: bytes | None) -> None:
        if signature is None:
            raise BundleUnsignedError("the bundle is not signed; ask the forge for a signed one")
        found = signatures.decode(signature)
        _leading(trust.keys, found)
        if not found.covers(manifest):
            raise BundleUnsignedError(
                "the signature is not of this manifest: the bundle was altered; fetch it again"
            )

    bundle = read(content, trust.limits, check)
    _check(bundle.manifest, trust, now or datetime.now(UTC))
    return bundle


def opened(
    source: Bundle | bytes | str | Path, trust: Trust | None, now: datetime | None = None
) -> Bundle:
    """A bundle from itself, its bytes or its file, verified if it comes from outside.

    Raises:
        SpecError: bytes or a file without ``trust``: whoever wrote them decides what leaks.
        BundleRejectedError: as :func:`verify`, or the file cannot be read.
    """
    if trust is not None:
        content = source.content if isinstance(source, Bundle) else bytes_of(source)
        return verify(content, trust, now)
    if isinstance(source, Bundle):
        return source
    raise SpecError(
        "a bundle from a file or bytes needs trust=trusting(public_key): whoever can replace it "
        "decides what leaks. Only where nobody can, open it with obfnet.bundling.archive.read"
    )


def accepted(bundle: Bundle, trust: Trust) -> Trust:
    """What a device holds bundles to once it uses ``bundle``, which it has verified.

    Rotations in it take effect, and no older version is taken any more.
    """
    assert bundle.signature is not None
    chain = _leading(trust.keys, signatures.decode(bundle.signature))
    gone = {rotation.old for rotation in chain}
    keys = (trust.keys | {rotation.new for rotation in chain}) - gone
    version = max(trust.least_version, bundle.manifest.version)
    return replace(trust, keys=keys, least_version=version)


def _leading(keys: frozenset[PublicKey], signature: signatures.Signature) -> Sequence[Rotation]:
    """The rotations that lead from a trusted key to the one that signed.

    Raises:
        BundleUntrustedError: none do.
    """
    if signature.key in keys:
        return ()
    chain: list[Rotation] = []
    for rotation in signature.rotations:
        if not chain and rotation.old not in keys:
            continue  # the device may have followed the first ones already
        if not rotation.valid or (chain and rotation.old != chain[-1].new):
            break
        chain.append(rotation)
        if rotation.new == signature.key:
            return chain
    raise BundleUntrustedError(
        f"the bundle is signed by {signature.key}, which this device has no reason to trust: "
        "check who made it, or rotate the key"
    )


def _check(manifest: Manifest, trust: Trust, now: datetime) -> None:
    if trust.device is not None and manifest.device != trust.device:
        raise BundleMisdirectedError(
            f"the bundle is for device {manifest.device!r}, this is {trust.device!r}"
        )
    if trust.infnet is not None and manifest.infnet != trust.infnet:
        raise BundleMisdirectedError(
            f"the bundle is for InfNet {manifest.infnet[:12]}, expected {trust.infnet[:12]}"
        )
    if manifest.version < trust.least_version:
        raise BundleRolledBackError(
            f"the bundle is version {manifest.version}, this device has had "
            f"{trust.least_version}: fetch the current one"
        )
    if now < datetime.fromisoformat(manifest.issued) - SKEW:
        raise BundleExpiredError(
            f"the bundle was issued at {manifest.issued}, it is {now.isoformat()} here: set the "
            "device's clock"
        )
    if manifest.expires and now >= datetime.fromisoformat(manifest.expires):
        raise BundleExpiredError(
            f"the bundle expired at {manifest.expires}, it is {now.isoformat()}: fetch a new one"
        )
