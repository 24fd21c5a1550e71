"""What a bundle says of itself: plain data, read and written as canonical JSON."""

from __future__ import annotations

import json
import math
import reprlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

from obfnet.errors import BundleRejectedError, SpecError
from obfnet.mechanisms.mechanism import Mechanism, make
from obfnet.specs import SampleSpec

SCHEMA = 3


@dataclass(frozen=True)
class Entry:
    """One ObfNet of a bundle.

    Args:
        mechanism: its registered name.
        mechanism_args: its arguments.
        encoder: member that holds the encoder; its name says the format: ``.onnx``, or
            ``.tflite`` for LiteRT.
        decoder: member that holds the decoder: likewise, or a table of rows as ``.npy``, in which a
            value is ``table_offset + table_scale * stored``.
        certificate: what the mechanism proves for one sample, for people to read; a device
            takes it from the mechanism itself.
        params: learned values of encoder and decoder.
        macs: multiply-accumulates for one sample.
        validation_accuracy: of the InfNet on x' when it was forged.
        seed: where in the seed tree it was forged.
        seconds: wall time of forging it.
        precision: of encoder and decoder: ``float32``, ``dynamic-int8`` or ``int8``.
        table_scale: what one step of a stored table is worth.
        table_offset: what 0 in it stands for.
        table_error: the greatest difference from the rows that were forged.

    Raises:
        SpecError: a field of another type.
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
    precision: str = "float32"
    table_scale: float = 1.0
    table_offset: float = 0.0
    table_error: float = 0.0

    def __post_init__(self) -> None:
        _check_types(self)

    def make_mechanism(self) -> Mechanism:
        """The mechanism that the device enforces.

        Raises:
            BundleRejectedError: unknown name or arguments that do not fit.
        """
        try:
            return make(self.mechanism, self.mechanism_args)
        except Exception as error:  # a third party's mechanism may raise anything
            raise BundleRejectedError(f"mechanism {self.mechanism!r}: {error}") from error


@dataclass(frozen=True)
class Manifest:
    """A device's set of ObfNets and the InfNet they were forged for.

    Args:
        infnet: digest of the InfNet.
        sample: shape and value range of a raw sample; dtype is float32.
        device: id of the device the set is for.
        set: id of the set; its versions replace one another.
        version: counts up; a device takes none that is older than what it has had.
        issued: when it was made, ISO 8601 with a time zone.
        expires: when devices stop using it, likewise; empty for never.
        audit: summary of the set's audit, for people to read; empty where there was none.
        obfnets: at least one.
        digests: SHA-256 of every member but manifest and signature, by name: of the byte of its
            method and its bytes as they lie in the file.
        versions: packages the set was made with.

    Raises:
        SpecError: a field of another type, no ObfNet, a version below 0, or a time that is none.
    """

    infnet: str
    sample: SampleSpec
    device: str
    set: str
    version: int
    issued: str
    expires: str
    audit: Mapping[str, Any]
    obfnets: tuple[Entry, ...]
    digests: Mapping[str, str]
    versions: Mapping[str, str]

    def __post_init__(self) -> None:
        _check_types(self)
        if not self.obfnets:
            raise SpecError("the manifest lists no ObfNet, expected at least one")
        if self.version < 0:
            raise SpecError(f"version is {self.version}, expected 0 or more")
        for name in ("issued", "expires"):
            _check_time(name, getattr(self, name))


def encode(manifest: Manifest) -> bytes:
    """Canonical JSON: sorted keys, no white space, ASCII.

    Raises:
        SpecError: JSON cannot carry what the manifest holds.
    """
    try:
        plain = {"schema": SCHEMA, **asdict(manifest)}
        text = json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (ValueError, TypeError, RecursionError) as error:
        raise SpecError(f"the manifest cannot be written as JSON: {error}") from error
    return text.encode()


def decode(content: bytes) -> Manifest:
    """The manifest that ``content`` is.

    Raises:
        BundleRejectedError: not canonical JSON, another schema, unknown or missing fields, or
            values of another type.
    """
    try:
        plain = json.loads(content)
        schema = plain.pop("schema")
        if schema != SCHEMA:
            raise BundleRejectedError(
                f"bundle schema is {schema!r}, expected {SCHEMA}: update obfnet on the device"
            )
        sample = plain["sample"]
        plain["sample"] = SampleSpec(tuple(sample["shape"]), sample["low"], sample["high"])
        plain["obfnets"] = tuple(Entry(**entry) for entry in plain["obfnets"])
        manifest = Manifest(**plain)
        canonical = encode(manifest)
    except BundleRejectedError:
        raise
    except Exception as error:  # JSON of any form may stand here
        raise BundleRejectedError(f"the manifest cannot be read: {error!r}") from error
    # One manifest, one spelling: nothing said twice, left out silently, NaN or infinite.
    if canonical != content:
        raise BundleRejectedError("the manifest is not canonical JSON; make the bundle again")
    return manifest


def _check_time(name: str, value: str) -> None:
    if not value and name == "expires":
        return
    try:
        zone = datetime.fromisoformat(value).tzinfo
    except ValueError as error:
        raise SpecError(f"{name} is {value!r}, expected a time of ISO 8601") from error
    if zone is None:
        raise SpecError(f"{name} is {value!r}, expected a time with its zone")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_text_by_text(value: object) -> bool:
    return isinstance(value, Mapping) and all(isinstance(item, str) for item in value.values())


def _is_spec(value: object) -> bool:
    return (
        isinstance(value, SampleSpec)
        and all(type(length) is int for length in value.shape)
        and _is_number(value.low)
        and _is_number(value.high)
    )


def _is_entries(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(item, Entry) for item in value)


_FITS: Mapping[Any, Callable[[Any], bool]] = {
    "str": lambda value: isinstance(value, str),
    "int": lambda value: type(value) is int,
    "float": _is_number,
    "Mapping[str, Any]": lambda value: isinstance(value, Mapping),
    "Mapping[str, str]": _is_text_by_text,
    "SampleSpec": _is_spec,
    "tuple[Entry, ...]": _is_entries,
}


def _check_types(record: Entry | Manifest) -> None:
    for field in fields(record):
        value = getattr(record, field.name)
        if not _FITS[field.type](value):
            raise SpecError(f"{field.name} is {reprlib.repr(value)}, expected {field.type}")
