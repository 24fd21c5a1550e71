"""The device's five lines: pick an ObfNet, obfuscate, ask the backend, and fail closed."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np

from obfnet.bundling.archive import Bundle, open_bundle
from obfnet.edge.obfuscator import obfuscators
from obfnet.edge.policy import Policy, always
from obfnet.edge.transport import Limits, Transport
from obfnet.errors import ObfuscationFailedError, ProtocolError, SampleRejectedError
from obfnet.specs import Samples
from obfnet.wire import (
    InferRequest,
    Tensor,
    decode_metadata,
    decode_response,
    encode_request,
)


@dataclass(frozen=True)
class Message:
    """What one request sends: HTTP headers of the protocol, and the body."""

    headers: dict[str, str]
    body: bytes


class EdgeClient:
    """Asks an unmodified backend for labels without showing it raw samples.

    A raw and an obfuscated request differ in the bytes of one tensor and in nothing else.

    Args:
        bundle: the device's set: a ``Bundle``, its bytes or its path.
        url: ``http://host:port`` of an Open Inference Protocol v2 backend.
        model: name of the InfNet there.
        policy: returns True to obfuscate; asked once for each sample.
        limits: timeout, attempts and back-off.

    Raises:
        BundleRejectedError: the bundle is damaged or inconsistent.
    """

    def __init__(
        self,
        bundle: Bundle | bytes | str | Path,
        url: str,
        *,
        model: str = "infnet",
        policy: Policy = always,
        limits: Limits | None = None,
    ) -> None:
        opened = open_bundle(bundle)
        self._spec = opened.manifest.sample
        self._obfuscators = obfuscators(opened)
        self._policy = policy
        self._transport = Transport(url, limits or Limits())
        self._path = f"/v2/models/{model}"
        self._input: str | None = None

    def infer(self, sample: Samples) -> int:
        """The backend's label for one sample.

        Args:
            sample: float32, of the InfNet's shape without a batch axis, in its value range.

        Raises:
            SampleRejectedError: wrong shape, dtype or range, NaN; nothing was sent.
            ObfuscationFailedError: x' could not be made; nothing was sent.
            BackendUnavailableError: no answer in all attempts; each sent the same x'.
            BackendRefusedError: the backend answered with an error.
            ProtocolError: the backend's answer cannot be understood.
        """
        return self.send(self.prepare(sample))

    def prepare(self, sample: Samples) -> Message:
        """Obfuscate one sample if the policy says so, and encode it; nothing is sent."""
        if not isinstance(sample, np.ndarray):
            raise SampleRejectedError(f"expected a numpy array, got {type(sample).__name__}")
        batch = self._spec.check(sample[None])
        if self._wants_obfuscation():
            batch = secrets.choice(self._obfuscators)(batch)
        headers, body = encode_request(InferRequest((Tensor(self._input_name(), batch),)))
        return Message(headers, body)

    def send(self, message: Message) -> int:
        """The backend's label for a prepared message."""
        reply = self._transport.post(f"{self._path}/infer", message.headers, message.body)
        outputs = decode_response(reply.body, reply.header_length).outputs
        if not outputs or outputs[0].data.ndim != 2 or outputs[0].shape[0] != 1:
            raise ProtocolError(
                f"the backend answered with {[output.shape for output in outputs]}, "
                "expected one output of shape (1, classes)"
            )
        return int(outputs[0].data[0].argmax())

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    def __enter__(self) -> EdgeClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _wants_obfuscation(self) -> bool:
        try:
            choice = self._policy()
        except Exception as error:
            raise ObfuscationFailedError(f"the policy failed: {error!r}") from error
        # Only a plain False sends raw: None from a policy without a return must not.
        if not isinstance(choice, bool):
            raise ObfuscationFailedError(f"the policy gave {choice!r}, expected True or False")
        return choice

    def _input_name(self) -> str:
        """The model's input name, asked of the backend once."""
        if self._input is None:
            metadata = decode_metadata(self._transport.get(self._path).body)
            shape = (-1, *self._spec.shape)
            if len(metadata.inputs) != 1 or metadata.inputs[0].shape != shape:
                raise ProtocolError(
                    f"the backend's model takes {metadata.inputs}, expected one input of "
                    f"shape {shape}: is this the InfNet the bundle was forged for?"
                )
            self._input = metadata.inputs[0].name
        return self._input
