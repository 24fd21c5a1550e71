"""What a model answers, and the body of every error."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from obfnet.errors import ProtocolError
from obfnet.wire import fields as read
from obfnet.wire.entry import decode_tensors, encode_tensors
from obfnet.wire.envelope import join, parse, split
from obfnet.wire.fields import Fields, Scalar
from obfnet.wire.tensor import Tensor


@dataclass(frozen=True, eq=False)
class InferResponse:
    """The answer to one ``InferRequest``.

    Args:
        model_name: the model that answered.
        outputs: tensors, names distinct, in the order they were asked for.
        model_version: the version that answered, empty if the server does not say.
        id: the request's id.
        parameters: the request's parameters, by name, without those of the protocol's own.
    """

    model_name: str
    outputs: tuple[Tensor, ...]
    model_version: str = ""
    id: str = ""
    parameters: Mapping[str, Scalar] = field(default_factory=dict)


def encode_response(
    response: InferResponse, binary: Callable[[str], bool] = lambda _: True
) -> tuple[dict[str, str], bytes]:
    """The HTTP headers and body of ``response``.

    Args:
        response: what to answer.
        binary: tells by an output's name whether it goes as bytes, as
            ``InferRequest.wants_binary`` does.

    Raises:
        ProtocolError: a name given twice, or values that JSON cannot carry.
    """
    outputs, chunks = encode_tensors(response.outputs, binary)
    message: Fields = {"model_name": response.model_name}
    if response.model_version:
        message["model_version"] = response.model_version
    if response.id:
        message["id"] = response.id
    if response.parameters:
        message["parameters"] = dict(response.parameters)
    message["outputs"] = outputs
    return join(message, chunks)


def decode_response(body: bytes, header_length: str | int | None = None) -> InferResponse:
    """The response that ``body`` carries.

    Args:
        body: the whole HTTP body, not compressed.
        header_length: value of the ``HEADER_LENGTH`` header, None if absent.

    Raises:
        ProtocolError: anything in it is malformed, missing, duplicate or left over.
    """
    message, tail = split(body, header_length)
    said = read.parameters(message, "response")  # some servers say more than the protocol has
    return InferResponse(
        model_name=read.text(message, "model_name", "response"),
        outputs=decode_tensors(read.entries(message, "outputs", "response", required=True), tail),
        model_version=read.text(message, "model_version", "response", default=""),
        id=read.text(message, "id", "response", default=""),
        parameters={name: value for name, value in said.items() if isinstance(value, Scalar)},
    )


def encode_error(message: str) -> tuple[dict[str, str], bytes]:
    """The HTTP headers and body of an error: ``{"error": message}``."""
    return {"Content-Type": "application/json"}, json.dumps({"error": message}).encode("ascii")


def decode_error(body: bytes) -> str:
    """What an error's body says: its ``error`` field, else its first 200 bytes. Never raises."""
    try:
        return read.text(parse(body), "error", "error")
    except ProtocolError:
        return body[:200].decode("utf-8", "replace")
