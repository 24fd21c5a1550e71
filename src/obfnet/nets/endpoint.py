"""A live model behind Open Inference Protocol v2 as an InfNet: counted, and not asked twice."""

from __future__ import annotations

import hashlib
from contextlib import closing
from urllib.parse import quote

import numpy as np
import torch

from obfnet.errors import InfNetChangedError, ProtocolError, SpecError
from obfnet.nets.answers import Reading
from obfnet.nets.infnet import InfNet, Scores, in_batches
from obfnet.nets.kept_answers import KeptAnswers, sample_name
from obfnet.nets.probes import probes as usual_probes
from obfnet.nets.terms import Meter, Terms
from obfnet.specs import Samples
from obfnet.wire import (
    InferRequest,
    ModelMetadata,
    Tensor,
    decode_metadata,
    decode_response,
    encode_metadata,
    encode_request,
)
from obfnet.wire.tensor import Array
from obfnet.wire.transport import Transport


class EndpointInfNet(InfNet):
    """A live model. Its digest is that of its metadata and of its labels for the probes.

    Freezing sends the probes (8 by default) and each ``verify`` sends them again: they count.
    Not safe to share between threads.

    Args:
        url: ``http://host:port/v2/models/NAME``, with or without ``/versions/V``.
        reading: how its answers are read; the first output is taken.
        terms: how it may be asked.
        probes: samples ``(n, *shape)`` that identify it; by default noise in [0, 1]. A sample
            on the edge between two classes is a bad one: rounding may change its label.

    Raises:
        SpecError: not such a URL, or no classifier of float32 samples that answers so.
        BackendUnavailableError, BackendRefusedError, ProtocolError: see ``log_probabilities``.
        QueryBudgetError: the terms do not allow the probes.
    """

    def __init__(
        self, url: str, reading: Reading, terms: Terms, probes: Samples | None = None
    ) -> None:
        base, found, name = url.partition("/v2/models/")
        if not found or not name.strip("/"):
            raise SpecError(f"expected a URL like http://host:port/v2/models/NAME, got {url!r}")
        self.url = url
        self.reading = reading
        self._path = f"/v2/models/{quote(name.strip('/'), safe='/%')}"
        self._terms = terms
        self._meter = Meter(terms)
        self._transport = Transport(base, terms.limits)
        with closing(self._transport):
            metadata = self._metadata()
            self._input, self._shape, self._most_batch = _only_input(metadata, terms)
            _check_outputs(metadata, reading)
            self._row: tuple[int, ...] | None = None
            self._probes = probes if probes is not None else _usual(self._shape)
            self.digest = self._digest(metadata)
        folder = terms.keep / self.digest if terms.keep is not None else None
        self._kept = KeptAnswers(folder)

    @property
    def queries(self) -> int:
        """Samples sent so far, probes and repeated attempts included."""
        return self._meter.queries

    def log_probabilities(self, samples: Samples, batch: int = 512) -> Scores:
        """Log-probabilities of samples; those asked before are answered from memory.

        Whatever is raised, answers that came until then are kept.

        Raises:
            QueryBudgetError: more samples would be sent than the terms allow; found out before
                the first one is sent, unless attempts had to be repeated.
            BackendUnavailableError: no answer in all attempts.
            BackendRefusedError: the backend answered with an error.
            ProtocolError: an answer that cannot be understood, of another shape, or NaN.
            SpecError: samples of another shape, or answers of another kind than was said.
        """
        self._check(samples)
        names = [sample_name(sample) for sample in samples]
        new = {name: index for index, name in enumerate(names) if name not in self._kept}
        self._meter.afford(len(new))
        size = min(batch, self._most_batch)
        asked, places = list(new), list(new.values())
        with closing(self._transport):
            for start in range(0, len(new), size):
                part = slice(start, start + size)
                self._kept.add(asked[part], self._ask(samples[places[part]]))
        if not names:
            return np.zeros((0, 1), np.float32)
        answers = self._kept.answers(names)
        return in_batches(lambda part: self.reading.logits(torch.from_numpy(part)), answers, batch)

    def verify(self) -> None:
        """Ask for metadata and probes again and compare; each call costs the probes.

        Raises:
            InfNetChangedError: the model describes itself otherwise, or labels a probe otherwise.
            BackendError, QueryBudgetError: see ``log_probabilities``.
        """
        with closing(self._transport):
            found = self._digest(self._metadata())
        if found != self.digest:
            raise InfNetChangedError(
                f"{self.url} describes itself otherwise than when it was frozen, or gives a probe "
                "another label: it is another model now; freeze it again"
            )

    def _metadata(self) -> ModelMetadata:
        return decode_metadata(self._transport.get(self._path).body)

    def _digest(self, metadata: ModelMetadata) -> str:
        self._check(self._probes)
        self._meter.afford(len(self._probes))
        parts = [
            self._ask(self._probes[start : start + self._most_batch])
            for start in range(0, len(self._probes), self._most_batch)
        ]
        labels = self.reading.logits(torch.from_numpy(np.concatenate(parts))).argmax(1).numpy()
        described = encode_metadata(metadata)[1]
        return hashlib.sha256(described + labels.astype("<i8").tobytes()).hexdigest()

    def _ask(self, samples: Samples) -> Array:
        """The model's answers ``(n, ...)`` to n samples, in one request."""
        self._meter.wait()
        count = len(samples)
        headers, body = encode_request(InferRequest((Tensor(self._input, samples),)))
        reply = self._transport.post(
            f"{self._path}/infer", headers, body, sending=lambda: self._meter.send(count)
        )
        outputs = decode_response(reply.body, reply.header_length).outputs
        if not outputs:
            raise ProtocolError(f"{self.url} answered without outputs, expected scores")
        answers = outputs[0].data
        misfit = self.reading.misfit(answers.shape, count)
        if self._row is not None and answers.shape[1:] != self._row:
            misfit = misfit or f"{answers.shape[1:]} after {self._row}, expected one shape"
        if misfit:
            raise ProtocolError(f"{self.url}: {misfit}")
        if np.isnan(answers).any():
            raise ProtocolError(f"{self.url} answered with NaN, expected a score for each class")
        self._row = answers.shape[1:]
        return answers

    def _check(self, samples: Samples) -> None:
        lengths = samples.shape[1:]
        fits = len(lengths) == len(self._shape) and all(
            free in (-1, length) for free, length in zip(self._shape, lengths, strict=True)
        )
        if samples.dtype != np.float32 or not fits:
            raise SpecError(
                f"{self.url} takes float32 samples of shape {self._shape}, got {samples.dtype} "
                f"{lengths}"
            )


def _only_input(metadata: ModelMetadata, terms: Terms) -> tuple[str, tuple[int, ...], int]:
    """Name and sample shape of the model's one input, and how many samples a request may hold."""
    inputs = metadata.inputs
    batch = inputs[0].shape[0] if len(inputs) == 1 and inputs[0].shape else 0
    if len(inputs) != 1 or inputs[0].datatype != "FP32" or batch not in (-1, 1):
        raise SpecError(
            f"model {metadata.name!r} takes {inputs}, expected one FP32 input of shape "
            "(-1, ...): serve the InfNet with a free batch axis"
        )
    return inputs[0].name, inputs[0].shape[1:], terms.most_batch if batch == -1 else 1


def _check_outputs(metadata: ModelMetadata, reading: Reading) -> None:
    shape = metadata.outputs[0].shape if metadata.outputs else ()
    if not shape or -1 in shape[1:]:  # nothing is said; the answers to the probes will show it
        return
    misfit = reading.misfit((1, *shape[1:]), 1)
    if misfit:
        raise SpecError(f"model {metadata.name!r}: {misfit}")


def _usual(shape: tuple[int, ...]) -> Samples:
    if -1 in shape:
        raise SpecError(f"the model takes samples of shape {shape}: give probes= of real ones")
    return usual_probes(shape)
