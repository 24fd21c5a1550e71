"""What one request to the backend holds, as the device and the backend agreed to write it."""

from __future__ import annotations

from dataclasses import dataclass, field

from obfnet.specs import Samples
from obfnet.wire import InferRequest, Tensor, encode_request
from obfnet.wire.fixed_width import encode_fixed_width


@dataclass(frozen=True)
class Agreed:
    """How a backend takes samples: the same for raw and obfuscated ones.

    Args:
        input: name of the model's input.
        binary: values as bytes; else as JSON numbers of one width.
        most: samples in one request at most, None for any number.
    """

    input: str
    binary: bool = True
    most: int | None = None


@dataclass(frozen=True)
class Message:
    """What one request sends: HTTP headers of the protocol, and the body.

    The body may hold a raw sample, so it is kept out of ``repr`` and thus out of logs, as is
    whether it does.

    Args:
        headers: HTTP headers; a token is never among them.
        body: the request's body.
        obfuscated: whether *every* sample in it is; never sent.
        count: samples in it.
    """

    headers: dict[str, str]
    body: bytes = field(repr=False)
    obfuscated: bool = field(default=False, repr=False)
    count: int = 1


def write(agreed: Agreed, values: Samples, obfuscated: bool) -> Message:
    """The message that carries ``values`` ``(n, *shape)``.

    Raises:
        ProtocolError: values that the agreed form cannot carry.
    """
    if agreed.binary:
        headers, body = encode_request(InferRequest((Tensor(agreed.input, values),)))
    else:
        headers, body = encode_fixed_width(agreed.input, values)
    return Message(headers, body, obfuscated, len(values))
