"""A JSON request whose length tells nothing of its values, for backends without binary tensors."""

from __future__ import annotations

import numpy as np

from obfnet.errors import ProtocolError
from obfnet.specs import Samples
from obfnet.wire.envelope import join

#: Nine significant digits name every float32 exactly; a space stands where a minus might.
_NUMBER = "% .8e"
_PLACE = "here"


def encode_fixed_width(name: str, samples: Samples) -> tuple[dict[str, str], bytes]:
    """The HTTP headers and body of a request with one FP32 input; answers come in JSON too.

    ``encode_request`` writes as many digits as a value needs, so the length of its JSON would
    tell a raw sample from one with other values.

    Args:
        name: of the input.
        samples: ``(n, ...)``, float32 and finite.

    Raises:
        ProtocolError: NaN or infinity, which JSON cannot carry.
    """
    if not np.isfinite(samples).all():
        raise ProtocolError("the samples hold NaN or infinity, which JSON cannot carry")
    entry = {
        "name": name,
        "shape": list(samples.shape),
        "datatype": "FP32",
        "data": [_PLACE],
    }
    headers, frame = join({"parameters": {"binary_data_output": False}, "inputs": [entry]}, ())
    values = ",".join([_NUMBER % value for value in samples.ravel().tolist()])
    before, _, after = frame.rpartition(f'"{_PLACE}"'.encode())
    return headers, b"".join((before, values.encode(), after))
