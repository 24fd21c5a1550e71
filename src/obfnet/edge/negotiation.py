"""Find out, once and without a user's sample, how a backend takes samples."""

from __future__ import annotations

import numpy as np

from obfnet.edge.answers import labels
from obfnet.edge.message import Agreed, write
from obfnet.errors import BackendDeniedError, BackendRefusedError, ProtocolError
from obfnet.specs import SampleSpec
from obfnet.wire import TensorMetadata, decode_metadata
from obfnet.wire.printable import printable
from obfnet.wire.transport import Transport

#: Characters of the name of a model's input.
MOST_NAME = 256
_MOST_SHOWN = 1_000


def negotiate(transport: Transport, path: str, spec: SampleSpec) -> Agreed:
    """Ask for the model's input, then try a probe in binary, and in JSON where that fails.

    The probe is a sample of mid-range values, the same for every device. What is agreed holds
    for all requests from then on: a form tried again for one sample would tell it apart.

    Args:
        transport: to the backend.
        path: of the model there, ``/v2/models/NAME``.
        spec: what a sample looks like.

    Raises:
        ProtocolError: the model takes other samples, or neither answer can be understood.
        BackendError: no answer, or an error in both forms.
    """
    inputs = decode_metadata(transport.get(path).body).inputs
    if len(inputs) != 1 or not _takes_samples(inputs[0], spec):
        raise ProtocolError(
            f"the backend's model takes {printable(repr(inputs))[:_MOST_SHOWN]}, expected one FP32 "
            f"input of shape {(-1, *spec.shape)}: is this the InfNet the bundle was forged for?"
        )
    if len(inputs[0].name) > MOST_NAME:  # it is in every message, and kept with each that waits
        raise ProtocolError(
            f"the name of the model's input has {len(inputs[0].name)} characters, expected at most "
            f"{MOST_NAME}: give it a shorter one"
        )
    most = None if inputs[0].shape[0] == -1 else 1
    probe = np.full((1, *spec.shape), spec.low / 2 + spec.high / 2, np.float32)
    first: BackendRefusedError | ProtocolError | None = None
    for binary in (True, False):
        agreed = Agreed(inputs[0].name, binary, most)
        message = write(agreed, probe, obfuscated=True)
        try:
            labels(transport.post(f"{path}/infer", message.headers, message.body), 1)
        except BackendDeniedError:
            raise
        except (BackendRefusedError, ProtocolError) as error:
            first = first or error
        else:
            return agreed
    assert first is not None
    raise first


def _takes_samples(tensor: TensorMetadata, spec: SampleSpec) -> bool:
    lengths = (1, *spec.shape)
    return (
        tensor.datatype == "FP32"
        and len(tensor.shape) == len(lengths)
        and all(free in (-1, length) for free, length in zip(tensor.shape, lengths, strict=True))
    )
