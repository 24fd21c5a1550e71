"""What a client asks of a model: ``POST /v2/models/{model}/infer``."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from obfnet.errors import ProtocolError
from obfnet.wire import fields as read
from obfnet.wire.entry import decode_tensors, encode_tensors
from obfnet.wire.envelope import join, split
from obfnet.wire.fields import Fields, Scalar
from obfnet.wire.tensor import Tensor

_BINARY = "binary_data_output"


@dataclass(frozen=True)
class RequestedOutput:
    """One output by name; ``binary`` None leaves its form to the request's ``binary_output``."""

    name: str
    binary: bool | None = None


@dataclass(frozen=True, eq=False)
class InferRequest:
    """One call of a model.

    Args:
        inputs: at least one tensor, names distinct.
        outputs: what to answer with, in this order; empty means every output of the model.
        id: returned with the answer as it came.
        binary_output: whether outputs come back as bytes rather than JSON numbers.
        parameters: what else is told the server: texts, finite numbers, true or false, by name.
    """

    inputs: tuple[Tensor, ...]
    outputs: tuple[RequestedOutput, ...] = ()
    id: str = ""
    binary_output: bool = True
    parameters: Mapping[str, Scalar] = field(default_factory=dict)

    def wants_binary(self, output: str) -> bool:
        """Whether the output of this name goes back as bytes."""
        for requested in self.outputs:
            if requested.name == output and requested.binary is not None:
                return requested.binary
        return self.binary_output


def encode_request(request: InferRequest, *, binary: bool = True) -> tuple[dict[str, str], bytes]:
    """The HTTP headers and body of ``request``, a function of its fields and nothing else.

    Args:
        request: what to ask.
        binary: send inputs as bytes; their length then tells nothing about their values.

    Raises:
        ProtocolError: no inputs, a name given twice, or values that JSON cannot carry.
    """
    if not request.inputs:
        raise ProtocolError("the request has no inputs, expected at least one tensor")
    inputs, chunks = encode_tensors(request.inputs, lambda _: binary)
    message: Fields = {"id": request.id} if request.id else {}
    message["parameters"] = {**request.parameters, _BINARY: request.binary_output}
    message["inputs"] = inputs
    if request.outputs:
        message["outputs"] = [_encode_output(output) for output in request.outputs]
    return join(message, chunks)


def decode_request(body: bytes, header_length: str | int | None = None) -> InferRequest:
    """The request that ``body`` carries; outputs default to JSON, as the protocol has it.

    Args:
        body: the whole HTTP body, not compressed.
        header_length: value of the ``HEADER_LENGTH`` header, None if absent.

    Raises:
        ProtocolError: anything in it is malformed, missing, duplicate or left over.
    """
    message, tail = split(body, header_length)
    entries = read.entries(message, "inputs", "request", required=True)
    if not entries:
        raise ProtocolError("request: 'inputs' is empty, expected at least one tensor")
    parameters = read.scalars(message, "request")
    return InferRequest(
        inputs=decode_tensors(entries, tail),
        outputs=tuple(map(_decode_output, read.entries(message, "outputs", "request"))),
        id=read.text(message, "id", "request", default=""),
        binary_output=read.flag(parameters, _BINARY, "request", default=False),
        parameters={name: value for name, value in parameters.items() if name != _BINARY},
    )


def _encode_output(output: RequestedOutput) -> Fields:
    if output.binary is None:
        return {"name": output.name}
    return {"name": output.name, "parameters": {"binary_data": output.binary}}


def _decode_output(entry: Fields) -> RequestedOutput:
    name = read.text(entry, "name", "output")
    where = f"output {reprlib.repr(name)}"
    parameters = read.parameters(entry, where)
    if parameters.get("binary_data") is None:
        return RequestedOutput(name)
    return RequestedOutput(name, read.flag(parameters, "binary_data", where, default=False))
