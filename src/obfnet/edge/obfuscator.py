"""A bundled ObfNet as the device runs it: encoder, enforced mechanism, decoder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from obfnet.bundling.archive import Bundle
from obfnet.bundling.digest import sha256
from obfnet.bundling.manifest import Entry
from obfnet.bundling.table import restore
from obfnet.edge.runtime import Net, load
from obfnet.errors import BundleRejectedError, ObfuscationFailedError
from obfnet.mechanisms.codebook import Codebook
from obfnet.mechanisms.entropy import Uniform, choice, system
from obfnet.mechanisms.mechanism import Mechanism
from obfnet.mechanisms.randomised_codebook import RandomisedCodebook
from obfnet.specs import Samples, SampleSpec


class Decoder(Protocol):
    """Released code to x' ``(n, *shape)``."""

    def __call__(self, released: npt.NDArray[Any], draw: Uniform = system, /) -> Samples:
        """``draw`` picks one of a code's exemplars; a net takes nothing from it."""


@dataclass(frozen=True, eq=False)
class Obfuscator:
    """Turns samples into x'; the mechanism between the nets limits what x' can hold.

    Args:
        encoder: samples ``(n, *shape)`` to code ``(n, k)``.
        mechanism: enforced here, whatever the encoder's weights are.
        decoder: released code to x' ``(n, *shape)``.
        spec: what a sample looks like.
        entry: what the bundle says of this ObfNet.
        identity: hash of mechanism, encoder and decoder: the same in every bundle that has it.
    """

    encoder: Net
    mechanism: Mechanism
    decoder: Decoder
    spec: SampleSpec
    entry: Entry
    identity: bytes

    def __call__(
        self, samples: Samples, noise: Uniform = system, draw: Uniform = system
    ) -> Samples:
        """x' ``(n, *shape)`` of samples ``(n, *shape)``.

        Args:
            samples: raw ones.
            noise: what a randomised mechanism draws from.
            draw: what picks one of a code's exemplars.

        Raises:
            ObfuscationFailedError: anything at all went wrong, or x' is not a sample.
        """
        try:
            released = self.mechanism.release(self.encoder(samples), noise)
            obfuscated: object = self.decoder(released, draw)
        except ObfuscationFailedError:
            raise
        except Exception as error:  # whatever fails on the way, nothing may be sent
            raise ObfuscationFailedError(f"the ObfNet failed: {error!r}") from error
        if not isinstance(obfuscated, np.ndarray):
            raise ObfuscationFailedError(f"the ObfNet gave {type(obfuscated)}, expected an array")
        if obfuscated.shape != samples.shape or obfuscated.dtype != np.float32:
            raise ObfuscationFailedError(
                f"the ObfNet gave {obfuscated.dtype} {obfuscated.shape}, expected float32 "
                f"{samples.shape}"
            )
        return obfuscated


def obfuscators(bundle: Bundle, runtime: str | None = None) -> tuple[Obfuscator, ...]:
    """The ObfNets of a bundle, ready to run.

    Args:
        bundle: verified.
        runtime: what runs the nets, of ``runtime.RUNTIMES``; by default the first installed that
            reads their format.

    Raises:
        UnknownNameError, MissingExtraError: no such runtime for these nets, or it is not
            installed.
        BundleRejectedError: a net, a mechanism or a table cannot be loaded, or a table's rows
            are not samples, one for each code.
    """
    return tuple(
        _obfuscator(entry, bundle.members, bundle.manifest.sample, runtime)
        for entry in bundle.manifest.obfnets
    )


def _obfuscator(
    entry: Entry, members: Mapping[str, bytes], spec: SampleSpec, runtime: str | None
) -> Obfuscator:
    mechanism = entry.make_mechanism()
    decoder: Decoder
    if entry.decoder.endswith(".npy"):
        table = restore(
            entry.decoder, members[entry.decoder], entry.table_scale, entry.table_offset, spec
        )
        if isinstance(mechanism, Codebook | RandomisedCodebook) and len(table) != mechanism.codes:
            raise BundleRejectedError(
                f"table {entry.decoder} has {len(table)} rows, expected {mechanism.codes}"
            )
        # Rows were checked as they were loaded.
        decoder = partial(_rows, table[:, 0]) if table.shape[1] == 1 else partial(_exemplars, table)
    else:
        decoder = partial(_decoded, load(members[entry.decoder], runtime, entry.decoder))
    identity = _identity(entry, members)
    encoder = load(members[entry.encoder], runtime, entry.encoder)
    return Obfuscator(encoder, mechanism, decoder, spec, entry, identity)


def _identity(entry: Entry, members: Mapping[str, bytes]) -> bytes:
    mechanism = json.dumps([entry.mechanism, entry.mechanism_args], sort_keys=True).encode()
    parts = (mechanism, members[entry.encoder], members[entry.decoder])
    return sha256(b"".join(map(sha256, parts)))


def _decoded(net: Net, released: npt.NDArray[Any], draw: Uniform = system, /) -> Samples:
    obfuscated = net(released)
    if not np.isfinite(obfuscated).all():
        raise ObfuscationFailedError("the ObfNet gave NaN or infinity")
    return obfuscated


def _rows(rows: Samples, indices: npt.NDArray[Any], draw: Uniform = system, /) -> Samples:
    """The row of each code, where it has but one."""
    taken: Samples = rows.take(indices, axis=0)
    return taken


def _exemplars(table: Samples, indices: npt.NDArray[Any], draw: Uniform = system, /) -> Samples:
    """An exemplar of each code; by itself drawn from the system's generator, from nothing of x."""
    drawn: Samples = table[indices, choice(len(indices), table.shape[1], draw)]
    return drawn
