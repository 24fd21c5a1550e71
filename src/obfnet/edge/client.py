"""The device's five lines: pick an ObfNet, obfuscate, ask the backend, and fail closed."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

import numpy as np

from obfnet.bundling.archive import Bundle
from obfnet.bundling.trust import Trust, opened
from obfnet.edge.obfuscator import obfuscators
from obfnet.edge.policy import Policy, always
from obfnet.errors import ObfuscationFailedError, ProtocolError, SampleRejectedError
from obfnet.specs import Samples
from obfnet.wire import (
    InferRequest,
    Tensor,
    TensorMetadata,
    decode_metadata,
    decode_response,
    encode_request,
)
from obfnet.wire.transport import Limits, Transport


@dataclass(frozen=True)
class Message:
    """What one request sends: HTTP headers of the protocol, and the body.

    The body may hold a raw sample, so it is kept out of ``repr`` and thus out of logs.
    """

    headers: dict[str, str]
    body: bytes = field(repr=False)


class EdgeClient:
    """Asks an unmodified backend for labels without showing it raw samples.

    A raw and an obfuscated request differ in the bytes of one tensor and in nothing else.
    It holds one connection and is not safe to share: give each thread a client of its own.

    Args:
        bundle: the device's set: a ``Bundle``, its bytes or its path.
        trust: what the bundle is held to, see ``bundling.trust.trusting``; may be left out for a
            ``Bundle`` that this program made or verified itself.
        url: ``http://host:port`` of an Open Inference Protocol v2 backend.
        model: name of the InfNet there.
        policy: returns True to obfuscate; asked once for each sample.
        limits: timeout, attempts and back-off.

    Raises:
        BundleRejectedError: the bundle is damaged, inconsistent, or not to be trusted.
        SpecError: not the URL of a backend, or a bundle from outside without ``trust``.
    """

    def __init__(
        self,
        bundle: Bundle | bytes | str | Path,
        url: str,
        *,
        trust: Trust | None = None,
        model: str = "infnet",
        policy: Policy = always,
        limits: Limits | None = None,
    ) -> None:
        checked = opened(bundle, trust)
        self._spec = checked.manifest.sample
        self._obfuscators = obfuscators(checked)
        self._policy = policy
        self._transport = Transport(url, limits or Limits())
        self._path = f"/v2/models/{quote(model, safe='')}"
        self._input: str | None = None

    def infer(self, sample: Samples) -> int:
        """The backend's label for one sample.

        Args:
            sample: float32, of the InfNet's shape without a batch axis, in its value range.

        Raises:
            SampleRejectedError: wrong shape, dtype or range, NaN; nothing was sent.
            ObfuscationFailedError: x' could not be made; nothing was sent.
            BackendUnavailableError: no answer in all attempts; each sent the same bytes.
            BackendRefusedError: the backend answered with an error.
            ProtocolError: the backend's answer cannot be understood.
        """
        return self.send(self.prepare(sample))

    def prepare(self, sample: Samples) -> Message:
        """Obfuscate one sample if the policy says so, and encode it; the sample stays here.

        The first call asks the backend for the name of the model's input, and may fail as
        ``infer`` does.
        """
        if not isinstance(sample, np.ndarray):
            raise SampleRejectedError(f"expected a numpy array, got {type(sample).__name__}")
        # A plain array: subclasses, such as masked ones, hide values from the check.
        batch = self._spec.check(np.asarray(sample)[None])
        if self._wants_obfuscation():
            batch = secrets.choice(self._obfuscators)(batch)
        headers, body = encode_request(InferRequest((Tensor(self._input_name(), batch),)))
        return Message(headers, body)

    def send(self, message: Message) -> int:
        """The backend's label for a prepared message."""
        reply = self._transport.post(f"{self._path}/infer", message.headers, message.body)
        outputs = decode_response(reply.body, reply.header_length).outputs
        shapes = [output.shape for output in outputs]
        if not shapes or len(shapes[0]) != 2 or shapes[0][0] != 1 or shapes[0][1] < 1:
            raise ProtocolError(
                f"the backend answered with outputs of shape {shapes}, expected (1, classes) first"
            )
        scores = outputs[0].data[0]
        if np.isnan(scores).any():
            raise ProtocolError("the backend answered with NaN, expected a score for each class")
        return int(scores.argmax())

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
            if len(metadata.inputs) != 1 or not self._takes_samples(metadata.inputs[0]):
                raise ProtocolError(
                    f"the backend's model takes {metadata.inputs}, expected one FP32 input of "
                    f"shape {(-1, *self._spec.shape)}: is this the InfNet the bundle was forged "
                    "for?"
                )
            self._input = metadata.inputs[0].name
        return self._input

    def _takes_samples(self, tensor: TensorMetadata) -> bool:
        lengths = (1, *self._spec.shape)
        return (
            tensor.datatype == "FP32"
            and len(tensor.shape) == len(lengths)
            and all(
                free in (-1, length) for free, length in zip(tensor.shape, lengths, strict=True)
            )
        )
