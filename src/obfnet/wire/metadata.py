"""What a server says about a model: ``GET /v2/models/{model}``."""

from __future__ import annotations

import reprlib
from dataclasses import asdict, dataclass

from obfnet.wire import fields as read
from obfnet.wire.envelope import join, parse
from obfnet.wire.fields import Fields


@dataclass(frozen=True)
class TensorMetadata:
    """One input or output of a model.

    Args:
        name: its name.
        datatype: the protocol's name of the element type; other servers may say ``"BYTES"``.
        shape: lengths of the axes, -1 where any length will do.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class ModelMetadata:
    """A model's name, versions and tensors."""

    name: str
    versions: tuple[str, ...]
    platform: str
    inputs: tuple[TensorMetadata, ...]
    outputs: tuple[TensorMetadata, ...]


def encode_metadata(metadata: ModelMetadata) -> tuple[dict[str, str], bytes]:
    """The HTTP headers and body that describe a model."""
    return join(asdict(metadata), ())


def decode_metadata(body: bytes) -> ModelMetadata:
    """The model that ``body`` describes.

    Raises:
        ProtocolError: not a valid description.
    """
    message = parse(body)
    where = "model metadata"
    versions = read.items(message, "versions", where)
    if not all(isinstance(version, str) for version in versions):
        raise read.wrong(where, "versions", versions, "a list of strings")
    return ModelMetadata(
        name=read.text(message, "name", where),
        versions=tuple(versions),
        platform=read.text(message, "platform", where, default=""),
        inputs=tuple(map(_decode_tensor, read.entries(message, "inputs", where))),
        outputs=tuple(map(_decode_tensor, read.entries(message, "outputs", where))),
    )


def _decode_tensor(entry: Fields) -> TensorMetadata:
    name = read.text(entry, "name", "tensor")
    where = f"tensor {reprlib.repr(name)}"
    shape = read.items(entry, "shape", where, required=True)
    if not all(type(length) is int and length >= -1 for length in shape):
        raise read.wrong(where, "shape", shape, "lengths, -1 or greater")
    return TensorMetadata(name, read.text(entry, "datatype", where), tuple(shape))
