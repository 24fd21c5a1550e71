"""A client and its queue, from what the user typed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from obfnet.bundling.trust import Trust
from obfnet.edge import agreement
from obfnet.edge.client import EdgeClient
from obfnet.edge.message import Agreed
from obfnet.edge.picker import Picker
from obfnet.edge.queue import Queue
from obfnet.errors import BackendUnavailableError, SpecError, StorageError
from obfnet.wire.tls import Tls
from obfnet.wire.token import TokenSource

#: Beside the messages in the queue's folder.
AGREED = "agreed.json"


@dataclass(frozen=True)
class Typed:
    """Options of ``obfnet edge``, as in ``edge_options``."""

    bundle: Path
    key: list[str]
    device: str | None
    infnet: str | None
    state: Path | None
    url: str
    model: str
    ca: Path | None
    cert: Path | None
    cert_key: Path | None
    token_env: str | None
    token_file: Path | None
    policy: str
    picker: str
    pin_key: Path | None
    runtime: str | None
    timeout: float
    attempts: int
    queue: Path | None
    queue_bytes: int


def connected(typed: Typed) -> tuple[EdgeClient, Queue | None]:
    """A client that has agreed with its backend, now or before, and the queue if there is one.

    Raises:
        SpecError: what was typed makes no sense.
        DeviceError, BackendError: see ``EdgeClient``.
    """
    from obfnet.edge import state
    from obfnet.edge.policy_text import policy_from
    from obfnet.wire.transport import Limits

    trust = trust_of(typed.key, typed.device, typed.infnet, typed.state)
    client = EdgeClient(
        typed.bundle,
        typed.url,
        trust=trust,
        model=typed.model,
        policy=policy_from(typed.policy),
        picker=picker_of(typed.picker, typed.pin_key),
        limits=Limits(timeout=typed.timeout, attempts=typed.attempts),
        tls=_tls(typed),
        token=_token(typed.token_env, typed.token_file),
        runtime=typed.runtime,
    )
    if typed.state is not None and client.trust is not None:
        state.keep(client.trust, typed.state)
    if typed.queue is None:
        return client, None
    queue = Queue(typed.queue, typed.queue_bytes)
    backend = agreement.Backend(typed.url, typed.model, client.bundle.manifest.sample)
    try:
        _keep(client.connect(), backend, typed.queue / AGREED)
    except BackendUnavailableError as error:
        known = agreement.load(backend, typed.queue / AGREED)
        if known is None:
            raise BackendUnavailableError(
                f"{error}; samples can wait in {typed.queue} once the backend was there"
            ) from error
        client.connect(known)
    return client, queue


def _keep(agreed: Agreed, backend: agreement.Backend, path: Path) -> None:
    """Write what was agreed; a disk too full for it must not keep what waits from being sent."""
    from obfnet.progress import say

    try:
        agreement.keep(agreed, backend, path)
    except StorageError as error:
        say(f"warning: a start while the backend is away will not know what was agreed: {error}")


def trust_of(
    keys: list[str], device: str | None, infnet: str | None, state: Path | None = None
) -> Trust:
    """What bundles are held to: as ``state`` remembers it, or these keys at first.

    Raises:
        SpecError: ``state`` remembers a start from other keys, or for another device or InfNet.
        DeviceStateError: ``state`` is damaged.
    """
    from obfnet.bundling.keys import PublicKey
    from obfnet.bundling.trust import trusting
    from obfnet.edge.state import remembered

    first = trusting(*map(PublicKey.from_hex, keys), device=device, infnet=infnet)
    return first if state is None else remembered(state, first)


def picker_of(name: str, key: Path | None) -> Picker:
    """The picker of this name.

    Raises:
        SpecError: there is none, or pinned without a key's file, or a key for nothing.
        DeviceKeyError: the key cannot be used.
    """
    from obfnet.edge.device_key import DeviceKey
    from obfnet.edge.picker import pinned, random

    if name == "random" and key is None:
        return random
    if name == "pinned" and key is not None:
        return pinned(DeviceKey.kept(key))
    raise SpecError(f"picker {name!r} with key {key}: expected random, or pinned with --pin-key")


def _tls(typed: Typed) -> Tls | None:
    if typed.ca is None and typed.cert is None and typed.cert_key is None:
        return None
    return Tls(typed.ca, typed.cert, typed.cert_key)


def _token(variable: str | None, file: Path | None) -> TokenSource | None:
    if variable is not None and file is not None:
        raise SpecError("expected one of --token-env and --token-file, got both")
    if variable is not None:
        return lambda: os.environ[variable]
    if file is not None:
        return lambda: file.read_text(encoding="ascii").strip()
    return None
