"""``obfnet.freeze``: whatever classifies becomes an InfNet, and stays what it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import overload

from torch import nn

from obfnet.errors import SpecError
from obfnet.nets.answers import Answers, Reading
from obfnet.nets.endpoint import EndpointInfNet
from obfnet.nets.infnet import InfNet, Scores
from obfnet.nets.onnx_infnet import OnnxInfNet
from obfnet.nets.terms import Terms
from obfnet.nets.torch_infnet import TorchInfNet, digest, freeze_module
from obfnet.specs import Samples

__all__ = ["InfNet", "Reading", "Scores", "Terms", "TorchInfNet", "digest", "freeze"]


@overload
def freeze(
    model: nn.Module,
    answers: Answers = "logits",
    classes: int | None = None,
    outputs: Sequence[int] | None = None,
    *,
    probes: Samples | None = None,
    terms: Terms | None = None,
) -> TorchInfNet: ...


@overload
def freeze(
    model: str | Path,
    answers: Answers = "logits",
    classes: int | None = None,
    outputs: Sequence[int] | None = None,
    *,
    probes: Samples | None = None,
    terms: Terms | None = None,
) -> InfNet: ...


def freeze(
    model: nn.Module | str | Path,
    answers: Answers = "logits",
    classes: int | None = None,
    outputs: Sequence[int] | None = None,
    *,
    probes: Samples | None = None,
    terms: Terms | None = None,
) -> InfNet:
    """Make an InfNet of a classifier and take its digest.

    Args:
        model: a torch module (frozen in place), the path of an ``.onnx`` file, or the URL of a
            live Open Inference Protocol v2 model, ``http://host:port/v2/models/NAME`` with or
            without ``/versions/V``. It takes float32 samples ``(n, *shape)``.
        answers: what it answers with: ``"logits"`` ``(n, classes)`` (log-probabilities are as
            good), ``"probabilities"`` ``(n, classes)`` or ``"labels"`` ``(n,)``.
        classes: how many classes it knows; needed for labels without ``outputs``.
        outputs: which of its classes are the data's, in the data's order, e.g. ten of a thousand.
        probes: a few real samples ``(n, *shape)`` that identify a live model, and on which the
            gradients of an ONNX file are checked; by default noise in [0, 1].
        terms: how fast, how often and in what batches a live model may be asked.

    Returns:
        A ``TorchInfNet``, ``OnnxInfNet`` or ``EndpointInfNet``.

    Raises:
        SpecError: no such kind of model, no such file or URL, or no classifier that answers so.
        BackendError: the live model is away, refuses, or its answers cannot be understood.
        QueryBudgetError: the terms do not even allow the probes.
    """
    reading = Reading(answers, classes, None if outputs is None else tuple(outputs))
    if isinstance(model, nn.Module):
        return freeze_module(model, reading)
    if isinstance(model, str) and "://" in model:
        return EndpointInfNet(model, reading, terms or Terms(), probes)
    if isinstance(model, (str, Path)):
        return OnnxInfNet(Path(model), reading, probes)
    raise SpecError(
        f"expected a torch.nn.Module, the path of an ONNX file or the URL of a live model, got "
        f"{type(model).__name__}"
    )
