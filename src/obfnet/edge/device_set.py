"""The set of ObfNets that a device uses now, and how a newer one takes its place."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from obfnet.bundling.archive import Bundle
from obfnet.bundling.trust import Trust, accepted, opened
from obfnet.edge.obfuscator import Obfuscator, obfuscators
from obfnet.errors import BundleExpiredError, BundleRolledBackError, ObfuscationFailedError
from obfnet.specs import SampleSpec

if TYPE_CHECKING:  # not loaded on a device for this
    from pathlib import Path

#: Tells the time, with its zone.
Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """The system's time."""
    return datetime.now(UTC)


@dataclass(frozen=True, eq=False)
class Loaded:
    """One bundle, verified and ready to run.

    Args:
        bundle: what it was loaded from.
        obfuscators: its ObfNets.
        trust: what the next bundle is held to; None where this program made the bundle itself.
        expires: when it is not to be used any more.
    """

    bundle: Bundle
    obfuscators: tuple[Obfuscator, ...]
    trust: Trust | None
    expires: datetime | None

    @property
    def spec(self) -> SampleSpec:
        """What a sample looks like."""
        return self.bundle.manifest.sample


class DeviceSet:
    """Holds one :class:`Loaded` at a time; may be shared between threads.

    Args:
        source: a ``Bundle``, its bytes or its path.
        trust: what bundles are held to; may be left out for a ``Bundle`` that this program made
            or verified itself.
        clock: tells when a bundle has expired.
        runtime: what runs the nets, of ``runtime.RUNTIMES``; by default the first installed.

    Raises:
        BundleRejectedError: the bundle is damaged, inconsistent, or not to be trusted.
        SpecError: a bundle from outside without ``trust``, or a runtime that is not there.
    """

    def __init__(
        self,
        source: Bundle | bytes | str | Path,
        trust: Trust | None = None,
        clock: Clock = system_clock,
        runtime: str | None = None,
    ) -> None:
        self._clock = clock
        self._runtime = runtime
        self._updating = threading.Lock()
        self._loaded = self._load(source, trust)

    @property
    def loaded(self) -> Loaded:
        """What is used now, whether or not it has expired."""
        return self._loaded

    def current(self) -> Loaded:
        """What may be used now.

        Raises:
            BundleExpiredError: its time is over.
            ObfuscationFailedError: the clock fails, so nobody knows.
        """
        loaded = self._loaded
        # Without trust nobody asks for the time: the bundle is this program's own.
        if loaded.trust is None or loaded.expires is None or self._now() < loaded.expires:
            return loaded
        raise BundleExpiredError(
            f"the bundle expired at {loaded.expires.isoformat()}: fetch a new one"
        )

    def update(self, source: Bundle | bytes | str | Path) -> Loaded:
        """Verify a newer bundle, load it, and let it take over at once from the next sample on.

        Whatever is raised, the old bundle stays at work.

        Raises:
            BundleRejectedError: it is not for this device, older than the one in use, not
                trusted, expired, damaged, or cannot be loaded.
            SpecError: a bundle from outside, and this set was made without trust.
        """
        with self._updating:
            old = self._loaded
            new = self._load(source, old.trust)
            ours, theirs = old.bundle.manifest.version, new.bundle.manifest.version
            if theirs < ours:
                raise BundleRolledBackError(
                    f"the bundle is version {theirs}, version {ours} is in use: fetch a newer one"
                )
            self._loaded = new
            return new

    def _load(self, source: Bundle | bytes | str | Path, trust: Trust | None) -> Loaded:
        bundle = opened(source, trust, None if trust is None else self._now())
        expires = bundle.manifest.expires
        return Loaded(
            bundle,
            obfuscators(bundle, self._runtime),
            None if trust is None else accepted(bundle, trust),
            datetime.fromisoformat(expires) if expires else None,
        )

    def _now(self) -> datetime:
        try:
            now = self._clock()
            if now.tzinfo is None:
                raise ValueError("a time without its zone")
        except Exception as error:
            raise ObfuscationFailedError(f"the clock failed: {error!r}") from error
        return now
