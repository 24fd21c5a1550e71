"""An ONNX file as an InfNet: run by onnxruntime, differentiated in torch where that agrees."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor

from obfnet.errors import InfNetChangedError, SpecError
from obfnet.nets.answers import Reading
from obfnet.nets.infnet import InfNet, Scores, in_batches
from obfnet.nets.onnx_graph import UnknownOperatorError, interpret
from obfnet.nets.probes import probes as usual_probes
from obfnet.specs import Samples
from obfnet.threads import available

#: Largest difference between onnxruntime and torch, relative to the largest answer above one.
TOLERANCE = 1e-4
_ONLY_FATAL = 4


class OnnxInfNet(InfNet):
    """A classifier in an ONNX file with one float32 input; its first output is taken.

    Args:
        path: the file; its digest is the SHA-256 of its bytes, followed by those of the files
            that hold its weights, if there are any.
        reading: how its answers are read.
        probes: real samples ``(n, *shape)`` on which onnxruntime and torch must agree; by
            default noise in [0, 1].

    Attributes:
        why_no_gradients: what stands in the way of gradients; empty if ``differentiable``.

    Raises:
        SpecError: no such file, one that onnxruntime cannot run, or no classifier of float32
            samples that answers so.
    """

    def __init__(self, path: Path, reading: Reading, probes: Samples | None = None) -> None:
        self.path = path
        self.reading = reading
        try:
            self.digest = file_digest(path)
        except OSError as error:
            raise SpecError(
                f"there is no file {path} to read ({error.strerror}), expected a torch module, an "
                "ONNX file or a URL"
            ) from error
        except Exception as error:  # protobuf's errors share no public base
            raise SpecError(f"{path} is no ONNX file: {error}") from error
        self._session = _session(path)
        self._input, shape, self._fixed = _only_input(self._session, path)
        self._graph: Callable[[Tensor], Tensor] | None = None
        self.why_no_gradients = "it answers with labels" if reading.answers == "labels" else ""
        if probes is None and None not in shape:
            probes = usual_probes(tuple(length or 0 for length in shape))
        if probes is None:
            self.why_no_gradients = f"its samples have shape {shape}: give probes= to check it on"
            return
        answers = self._answers(probes)
        self._read(answers)  # no classifier, or another kind of answers: say so now
        if not self.why_no_gradients:
            self._convert(probes, answers)

    def logits(self, samples: Tensor) -> Tensor:
        """Logits ``(n, classes)`` of samples ``(n, *shape)``, differentiable in the samples.

        Raises:
            SpecError: this file gives no gradients; ``why_no_gradients`` has the reason.
        """
        if self._graph is None:
            raise SpecError(
                f"{self.path} gives no gradients: {self.why_no_gradients}; forge without them, or "
                "distil a surrogate"
            )
        return self._read(self._in_fixed_batches(self._graph, samples))

    def log_probabilities(self, samples: Samples, batch: int = 512) -> Scores:
        """Log-softmax of the logits, by onnxruntime.

        Raises:
            SpecError: samples that it does not take, or answers of another kind than was said.
        """
        return in_batches(lambda part: self._read(self._answers(part)), samples, batch)

    def verify(self) -> None:
        """Read the file again and compare its digest.

        Raises:
            InfNetChangedError: it is another one now, or gone.
        """
        try:
            found = file_digest(self.path)
        except Exception as error:  # gone, or no longer ONNX
            raise InfNetChangedError(f"{self.path} cannot be read any more: {error}") from error
        if found != self.digest:
            raise InfNetChangedError(
                f"{self.path} has digest {found[:12]}, expected {self.digest[:12]}: the file was "
                "replaced; freeze it again"
            )

    def _read(self, answers: Tensor) -> Tensor:
        count = len(answers) if answers.ndim else 0
        misfit = self.reading.misfit(tuple(answers.shape), count)
        if misfit:
            raise SpecError(f"{self.path}: {misfit}")
        return self.reading.logits(answers)

    def _answers(self, samples: Samples) -> Tensor:
        return self._in_fixed_batches(self._run, torch.tensor(samples))

    def _in_fixed_batches(self, run: Callable[[Tensor], Tensor], samples: Tensor) -> Tensor:
        """Run as many samples at once as the file demands, the last of them repeated to fill up."""
        if not self._fixed:
            return run(samples)
        filling = samples[-1:].expand(-len(samples) % self._fixed, *samples.shape[1:])
        parts = torch.cat([samples, filling]).split(self._fixed)
        return torch.cat([run(part) for part in parts])[: len(samples)]

    def _run(self, samples: Tensor) -> Tensor:
        try:
            answers = np.asarray(self._session.run(None, {self._input: samples.numpy()})[0])
        except Exception as error:  # onnxruntime's errors share no public base
            shape = tuple(samples.shape)
            raise SpecError(f"{self.path} cannot answer samples {shape}: {error}") from error
        if answers.shape[:1] != samples.shape[:1]:
            raise SpecError(f"{self.path}: {self.reading.misfit(answers.shape, len(samples))}")
        return torch.from_numpy(answers)

    def _convert(self, probes: Samples, wanted: Tensor) -> None:
        """Take gradients from torch if it gives the answers that onnxruntime gives."""
        try:
            graph = interpret(onnx.load(self.path))
            for count in (1, len(probes)):
                found = self._in_fixed_batches(graph, torch.tensor(probes[:count])).detach()
                scale = max(1.0, float(wanted[:count].abs().max()))
                difference = float((found - wanted[:count]).abs().max())
                if found.shape != wanted[:count].shape or not difference <= TOLERANCE * scale:
                    self.why_no_gradients = (
                        f"in torch its answers differ by {difference:.2g} from onnxruntime's"
                    )
                    return
        except UnknownOperatorError as error:
            self.why_no_gradients = str(error)
        except Exception as error:  # whatever a graph does that an operator here does not take
            self.why_no_gradients = f"its graph does not run in torch: {error}"
        else:
            self._graph, self.differentiable = graph, True


def file_digest(path: Path) -> str:
    """SHA-256 of an ONNX file and of the files beside it that hold its weights."""
    total = hashlib.sha256(path.read_bytes())
    model = onnx.load(path, load_external_data=False)
    beside = {
        entry.value
        for tensor in model.graph.initializer
        if tensor.data_location == onnx.TensorProto.EXTERNAL
        for entry in tensor.external_data
        if entry.key == "location"
    }
    for name in sorted(beside):
        total.update((path.parent / name).read_bytes())
    return total.hexdigest()


def _session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = available()
    options.inter_op_num_threads = 1
    options.log_severity_level = _ONLY_FATAL
    # Threads that spin between two batches would take the time of the training loop.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors share no public base
        raise SpecError(f"{path} cannot be run, expected an ONNX model: {error}") from error


def _only_input(
    session: onnxruntime.InferenceSession, path: Path
) -> tuple[str, tuple[int | None, ...], int]:
    """Name and sample shape (None where free) of the one input, and its batch, 0 where free."""
    inputs = session.get_inputs()
    if len(inputs) != 1 or inputs[0].type != "tensor(float)" or not inputs[0].shape:
        described = [(tensor.name, tensor.type, tensor.shape) for tensor in inputs]
        raise SpecError(f"{path} takes {described}, expected one float32 input (n, ...)")
    batch, *shape = (length if isinstance(length, int) else None for length in inputs[0].shape)
    return inputs[0].name, tuple(shape), batch or 0
