"""Which ObfNet of its set a device takes for a sample, and where its randomness comes from."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from obfnet.edge.device_key import DeviceKey
from obfnet.edge.keystream import keystream
from obfnet.edge.obfuscator import Obfuscator
from obfnet.mechanisms.entropy import Uniform, system
from obfnet.specs import Samples

_DOMAIN = b"obfnet pinned 1\0"


@dataclass(frozen=True, eq=False)
class Pick:
    """How one sample is obfuscated.

    Args:
        obfuscator: one of the set's.
        noise: what a randomised mechanism draws from.
        draw: what picks one of a code's exemplars.
    """

    obfuscator: Obfuscator
    noise: Uniform = system
    draw: Uniform = system


#: From the set and one sample ``(1, *shape)``.
Picker = Callable[[Sequence[Obfuscator], Samples], Pick]


def random(obfuscators: Sequence[Obfuscator], sample: Samples) -> Pick:
    """Any ObfNet, all as likely, from the system's generator: the papers' way."""
    return Pick(secrets.choice(obfuscators))


def pinned(key: DeviceKey, *, exemplars: bool = False) -> Picker:
    """The ObfNet and the mechanism's noise that a keyed hash of the sample determines.

    A repeat of a sample releases the same code again and so costs nothing
    (``composition.compose(policy="pinned")``), whatever the size of the set. Two devices with
    different keys choose independently.

    ObfNets are ranked by a hash of sample and ObfNet (rendezvous hashing): an update that
    replaces one of n moves only the samples that it took, or takes now. Noise depends on the
    ObfNet as well: two of them with the same noise would show the difference of their codes bare.

    Args:
        key: the device's.
        exemplars: also pin which of a code's exemplars is sent, so that a repeat sends the very
            same bytes. Equal messages then tell equal samples, which is more than the codes tell
            (docs/certificates.md); by default each message draws its exemplar afresh.
    """

    def pick(obfuscators: Sequence[Obfuscator], sample: Samples) -> Pick:
        values = (sample + np.float32(0)).astype("<f4").tobytes()  # one form of zero, not two
        secret = hmac.digest(key.raw, _DOMAIN + values, "sha256")

        def of(purpose: bytes, obfuscator: Obfuscator) -> bytes:
            return hmac.digest(secret, purpose + obfuscator.identity, "sha256")

        chosen = max(obfuscators, key=lambda each: of(b"pick", each))
        return Pick(
            chosen,
            keystream(of(b"noise", chosen)),
            keystream(of(b"draw", chosen)) if exemplars else system,
        )

    return pick
