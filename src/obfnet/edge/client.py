"""The device's five lines: pick an ObfNet, obfuscate, ask the backend, and fail closed."""

from __future__ import annotations

import copy
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

import numpy as np

from obfnet.bundling.archive import Bundle
from obfnet.bundling.trust import Trust
from obfnet.edge.answers import labels
from obfnet.edge.device_set import Clock, DeviceSet, system_clock
from obfnet.edge.message import Agreed, Message, write
from obfnet.edge.negotiation import negotiate
from obfnet.edge.outgoing import outgoing
from obfnet.edge.picker import Picker, random
from obfnet.edge.policy import Policy, always
from obfnet.errors import (
    BackendUnavailableError,
    ProtocolError,
    SampleRejectedError,
    SpecError,
)
from obfnet.specs import Labels, Samples, SampleSpec
from obfnet.wire.tls import Tls
from obfnet.wire.token import TokenSource
from obfnet.wire.transport import Limits, Transport

__all__ = ["EdgeClient", "Message"]


class EdgeClient:
    """Asks an unmodified backend for labels without showing it raw samples.

    A raw and an obfuscated request differ in the bytes of one tensor and in nothing else.
    It holds one connection and is not safe to share: give each thread ``client.another()``.

    Args:
        bundle: the device's set: a ``Bundle``, its bytes or its path.
        url: ``http://host:port`` or ``https://host:port`` of an Open Inference Protocol v2
            backend.
        trust: what bundles are held to, see ``bundling.trust.trusting``; may be left out for a
            ``Bundle`` that this program made or verified itself.
        model: name of the InfNet there.
        policy: returns True to obfuscate; asked once for each sample.
        picker: chooses the ObfNet of each sample: ``picker.random`` or ``picker.pinned(key)``.
        limits: timeout, attempts and back-off.
        tls: whom to believe and how to say who asks, for ``https``.
        token: bearer token, or what gives the current one.
        agreed: how the backend takes samples, where that is known; asked for by default.
        clock: tells when a bundle has expired.
        runtime: what runs the nets, of ``runtime.RUNTIMES``; by default the first installed.

    Raises:
        BundleRejectedError: the bundle is damaged, inconsistent, or not to be trusted.
        SpecError: not the URL of a backend, a bundle from outside without ``trust``, TLS files
            that cannot be used, or a runtime that is not there.
    """

    def __init__(
        self,
        bundle: Bundle | bytes | str | Path,
        url: str,
        *,
        trust: Trust | None = None,
        model: str = "infnet",
        policy: Policy = always,
        picker: Picker = random,
        limits: Limits | None = None,
        tls: Tls | None = None,
        token: TokenSource | None = None,
        agreed: Agreed | None = None,
        clock: Clock = system_clock,
        runtime: str | None = None,
    ) -> None:
        self._set = DeviceSet(bundle, trust, clock, runtime)
        self._policy = policy
        self._picker = picker
        self._transport = Transport(url, limits or Limits(), tls=tls, token=token)
        self._path = f"/v2/models/{quote(model, safe='')}"
        self._agreed = {} if agreed is None else {self._set.loaded.spec: agreed}
        self._assumed: set[SampleSpec] = set()

    @property
    def bundle(self) -> Bundle:
        """The bundle in use."""
        return self._set.loaded.bundle

    @property
    def trust(self) -> Trust | None:
        """What the next bundle is held to; ``edge.state.save`` keeps it over a restart."""
        return self._set.loaded.trust

    @property
    def agreed(self) -> Agreed | None:
        """How the backend takes samples, as far as is known here; it is not asked."""
        return self._agreed.get(self._set.loaded.spec)

    def connect(self, known: Agreed | None = None) -> Agreed:
        """Agree with the backend how it takes samples, without showing it one; done once.

        The first sample does this if nobody did before.

        Args:
            known: agreed before, and taken where the backend is away: what is prepared then can
                wait in a queue. The backend is asked again before it is sent the first message.

        Raises:
            BackendUnavailableError: no backend, and nothing is known.
            BackendError: one that refuses, or a model of other samples.
        """
        spec = self._set.loaded.spec
        try:
            return self._confirmed(spec)
        except BackendUnavailableError:
            if known is None:
                raise
            self._assumed.add(spec)
            return self._agreed.setdefault(spec, known)

    def infer(self, sample: Samples) -> int:
        """The backend's label for one sample.

        Args:
            sample: float32, of the InfNet's shape without a batch axis, in its value range.

        Raises:
            SampleRejectedError: wrong shape, dtype or range, NaN; nothing was sent.
            ObfuscationFailedError: x' could not be made; nothing was sent.
            BundleExpiredError: the bundle's time is over; nothing was sent.
            TokenUnavailableError: there is no token to send; nothing was sent.
            BackendUntrustedError: the backend's certificate is not believed; nothing was sent.
            BackendUnavailableError: no answer in all attempts; each sent the same bytes.
            BackendRefusedError: the backend answered with an error.
            ProtocolError: the backend's answer cannot be understood.
        """
        return self.send(self.prepare(sample))

    def infer_batch(self, samples: Samples) -> Labels:
        """The backend's labels ``(n,)`` for ``samples`` ``(n, *shape)``, in one request.

        Raises:
            ProtocolError: also where the backend takes fewer samples at once.
            ObfNetError: see ``infer``; what stops one sample stops all of them.
        """
        return self.send_batch(self.prepare_batch(samples))

    def prepare(self, sample: Samples) -> Message:
        """Obfuscate one sample if the policy says so, and encode it; the sample stays here.

        The first call agrees with the backend how it takes samples, and may fail as ``infer``
        does.
        """
        return self._prepare(_array(sample)[None])

    def prepare_batch(self, samples: Samples) -> Message:
        """The same for samples ``(n, *shape)``, at least one."""
        batch = _array(samples)
        if batch.ndim and not len(batch):
            raise SampleRejectedError("expected at least one sample, got an empty batch")
        return self._prepare(batch)

    def send(self, message: Message) -> int:
        """The backend's label for a prepared message of one sample."""
        if message.count != 1:
            raise SpecError(f"the message has {message.count} samples: use send_batch")
        return int(self.send_batch(message)[0])

    def send_batch(self, message: Message) -> Labels:
        """The backend's labels ``(n,)`` for a prepared message of n samples."""
        spec = self._set.loaded.spec
        if spec in self._assumed:
            self._confirmed(spec)
        reply = self._transport.post(f"{self._path}/infer", message.headers, message.body)
        return labels(reply, message.count)

    def update(self, bundle: Bundle | bytes | str | Path) -> Bundle:
        """Verify a newer bundle and use it from the next sample on; may come from any thread.

        Whatever is raised, the old bundle stays at work.

        Raises:
            BundleRejectedError: it is older, not trusted, not for this device, expired, damaged,
                or cannot be loaded.
            SpecError: a bundle from outside, and this client was made without ``trust``.
        """
        return self._set.update(bundle).bundle

    def another(self) -> EdgeClient:
        """A client with a connection of its own, for another thread.

        It shares the set, so that an update reaches all, and the policy and the picker, which
        must bear being called from several threads.
        """
        made = copy.copy(self)
        made._transport = self._transport.another()
        return made

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    def __enter__(self) -> EdgeClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _prepare(self, batch: Samples) -> Message:
        loaded = self._set.current()  # one bundle for the whole request, whatever comes meanwhile
        checked = loaded.spec.check(batch)
        values, obfuscated = outgoing(checked, loaded.obfuscators, self._policy, self._picker)
        agreed = self._agree(loaded.spec)
        if agreed.most is not None and len(values) > agreed.most:
            raise ProtocolError(
                f"the backend takes {agreed.most} samples at once, got {len(values)}: send fewer, "
                "or serve the InfNet with a free batch axis"
            )
        return write(agreed, values, obfuscated)

    def _agree(self, spec: SampleSpec) -> Agreed:
        return self._agreed[spec] if spec in self._agreed else self._confirmed(spec)

    def _confirmed(self, spec: SampleSpec) -> Agreed:
        """What the backend itself has said, now or before, and not what was only assumed."""
        if spec in self._assumed or spec not in self._agreed:
            self._agreed[spec] = negotiate(self._transport, self._path, spec)
            self._assumed.discard(spec)
        return self._agreed[spec]


def _array(value: Samples) -> Samples:
    if not isinstance(value, np.ndarray):
        raise SampleRejectedError(f"expected a numpy array, got {type(value).__name__}")
    # A plain array: subclasses, such as masked ones, hide values from the check.
    return np.asarray(value)
