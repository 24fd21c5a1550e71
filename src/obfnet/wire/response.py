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
from obfnet.wire.printable import printable
from obfnet.wire.tensor import Tensor

#: Characters of an error that are passed on.
MOST_SAID = 200


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


def decode_error(body: bytes, hidden: str | None = None) -> str:
    """What an error's body says, safe to print: its ``error`` field, else its text. Never raises.

    Args:
        body: the whole HTTP body.
        hidden: a secret of the request that the answer may quote.

    Returns:
        At most ``MOST_SAID`` characters of one line.
    """
    try:
        said = read.text(parse(body), "error", "error")
    except ProtocolError:
        said = body.decode("utf-8", "replace")
    if hidden:  # before it is cut: a part of a secret is no longer found
        said = said.replace(hidden, "***")
    return printable(said[:MOST_SAID])
