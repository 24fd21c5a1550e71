"""What a bundle says of itself: plain data, read and written as canonical JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from obfnet.errors import BundleRejectedError, ObfNetError
from obfnet.mechanisms.mechanism import Mechanism, make
from obfnet.specs import SampleSpec

SCHEMA = 1


@dataclass(frozen=True)
class Entry:
    """One ObfNet of a bundle.

    Args:
        mechanism: its registered name.
        mechanism_args: its arguments.
        encoder: member that holds the encoder, ONNX.
        decoder: member that holds the decoder: ONNX, or a table of rows as ``.npy``.
        certificate: what the mechanism proves for one sample, for people to read; a device
            takes it from the mechanism itself.
        params: learned values of encoder and decoder.
        macs: multiply-accumulates for one sample.
        validation_accuracy: of the InfNet on x' when it was forged.
        seed: where in the seed tree it was forged.
        seconds: wall time of forging it.
    """

    mechanism: str
    mechanism_args: Mapping[str, Any]
    encoder: str
    decoder: str
    certificate: Mapping[str, Any]
    params: int
    macs: int
    validation_accuracy: float
    seed: int
    seconds: float

    def make_mechanism(self) -> Mechanism:
        """The mechanism that the device enforces.

        Raises:
            BundleRejectedError: unknown name or arguments that do not fit.
        """
        try:
            return make(self.mechanism, self.mechanism_args)
        except (ObfNetError, TypeError) as error:
            raise BundleRejectedError(f"mechanism {self.mechanism!r}: {error}") from error


@dataclass(frozen=True)
class Manifest:
    """A device's set of ObfNets and the InfNet they were forged for.

    Args:
        infnet: digest of the InfNet.
        sample: shape and value range of a raw sample; dtype is float32.
        device: id of the device the set is for.
        obfnets: at least one.
        digests: SHA-256 of every member but the manifest, by name.
        versions: packages the set was made with.
    """

    infnet: str
    sample: SampleSpec
    device: str
    obfnets: tuple[Entry, ...]
    digests: Mapping[str, str]
    versions: Mapping[str, str]


def encode(manifest: Manifest) -> bytes:
    """Canonical JSON: sorted keys, no white space, ASCII."""
    fields = {"schema": SCHEMA, **asdict(manifest)}
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def decode(content: bytes) -> Manifest:
    """The manifest that ``content`` is.

    Raises:
        BundleRejectedError: not JSON, another schema, unknown or missing fields.
    """
    try:
        fields = json.loads(content)
        schema = fields.pop("schema")
        if schema != SCHEMA:
            raise BundleRejectedError(
                f"bundle schema is {schema!r}, expected {SCHEMA}: update obfnet on the device"
            )
        sample = fields["sample"]
        fields["sample"] = SampleSpec(tuple(sample["shape"]), sample["low"], sample["high"])
        fields["obfnets"] = tuple(Entry(**entry) for entry in fields["obfnets"])
        manifest = Manifest(**fields)
    except BundleRejectedError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, ObfNetError) as error:
        raise BundleRejectedError(f"the manifest cannot be read: {error!r}") from error
    if not manifest.obfnets:
        raise BundleRejectedError("the bundle holds no ObfNet, expected at least one")
    return manifest
