"""One inference of every model, compared with what onnxruntime says: an engine may lie.

Triton's Python backend with numpy 2, for one, answers status 200 and an empty tensor.
"""

from __future__ import annotations

from urllib.parse import quote

import numpy as np

from obfnet.errors import BackendError, EngineFailedError
from obfnet.progress import say
from obfnet.serving.engines.models import Models
from obfnet.serving.model import Array, OnnxModel
from obfnet.wire import DATATYPES, InferRequest, Tensor, decode_response, encode_request
from obfnet.wire.transport import Limits, Transport

#: Another machine's or version's arithmetic may differ in the last digits.
_RELATIVE, _ABSOLUTE = 1e-3, 1e-4
_LIMITS = Limits(timeout=60, attempts=1)


def self_test(url: str, models: Models, *, binary: bool) -> None:
    """Return if the newest version of every model at ``url`` answers as its file does.

    Args:
        url: of the engine's REST.
        models: the repository that it serves, loaded.
        binary: whether to send and ask for bytes, else JSON.

    Raises:
        EngineFailedError: an error, an empty tensor, or another answer than onnxruntime's.
    """
    transport = Transport(url, _LIMITS)
    try:
        for name, versions in models.items():
            _compare(transport, name, versions[max(versions)], binary)
    finally:
        transport.close()


def _compare(transport: Transport, name: str, model: OnnxModel, binary: bool) -> None:
    inputs = _inputs(model)
    names = [output.name for output in model.outputs]
    try:
        expected = dict(zip(names, model.run(inputs, names), strict=True))
    except Exception:  # a model that does not take just any values says nothing of the engine
        say(f"model {name!r} is not tried: it takes no arbitrary sample")
        return
    request = InferRequest(
        tuple(Tensor(each, array) for each, array in inputs.items()), binary_output=binary
    )
    try:
        headers, body = encode_request(request, binary=binary)
        reply = transport.post(f"/v2/models/{quote(name, safe='')}/infer", headers, body)
        found = decode_response(reply.body, reply.header_length)
    except BackendError as error:
        raise EngineFailedError(f"failed on a first sample of model {name!r}: {error}") from error
    answers = {output.name: output.data for output in found.outputs}
    for output, array in expected.items():
        _same(f"output {output!r} of model {name!r}", answers.get(output), array)


def _same(where: str, found: Array | None, expected: Array) -> None:
    if found is None or found.shape != expected.shape or found.dtype != expected.dtype:
        what = "nothing" if found is None else f"{found.dtype} of shape {list(found.shape)}"
        raise EngineFailedError(
            f"answered with {what} for {where}, expected {expected.dtype} of shape "
            f"{list(expected.shape)}"
        )
    if not np.allclose(found, expected, _RELATIVE, _ABSOLUTE, equal_nan=True):
        raise EngineFailedError(f"answered with other values for {where} than onnxruntime does")


def _inputs(model: OnnxModel) -> dict[str, Array]:
    """One row of arbitrary but equal values for each input; zeros where values are indices."""
    source = np.random.default_rng(0)
    made = {}
    for tensor in model.inputs:
        shape = [1 if length == -1 else length for length in tensor.shape]
        dtype = DATATYPES[tensor.datatype]
        values = source.random(shape) if dtype.kind == "f" else np.zeros(shape)
        made[tensor.name] = values.astype(dtype)
    return made
