"""The labels in a backend's answer."""

from __future__ import annotations

import reprlib

import numpy as np

from obfnet.errors import ProtocolError
from obfnet.specs import Labels
from obfnet.wire import decode_response
from obfnet.wire.transport import Reply


def labels(reply: Reply, count: int) -> Labels:
    """Labels ``(count,)``: the greatest score of each row of the first output.

    Raises:
        ProtocolError: no answer for ``count`` samples, or scores that are NaN.
    """
    outputs = decode_response(reply.body, reply.header_length).outputs
    shapes = [output.shape for output in outputs]
    if not shapes or len(shapes[0]) != 2 or shapes[0][0] != count or shapes[0][1] < 1:
        raise ProtocolError(
            f"the backend answered with outputs of shape {reprlib.repr(shapes)}, expected "
            f"({count}, classes) first"
        )
    scores = outputs[0].data
    if np.isnan(scores).any():
        raise ProtocolError("the backend answered with NaN, expected a score for each class")
    found: Labels = scores.argmax(axis=1).astype(np.int64)
    return found
