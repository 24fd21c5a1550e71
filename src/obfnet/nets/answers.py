"""Read what a model answers, be it logits, probabilities or labels, as scores of the classes."""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import Literal, get_args

import torch
from torch import Tensor

from obfnet.errors import SpecError

Answers = Literal["logits", "probabilities", "labels"]

#: Added to a probability before its logarithm, and what a label leaves for every other class.
FLOOR = 1e-9
#: So many rows that all lie on the simplex are no accident.
_ENOUGH_ROWS = 4


@dataclass(frozen=True)
class Reading:
    """How answers of a model become logits of the data's classes.

    Args:
        answers: ``"logits"`` (log-probabilities are logits too), ``"probabilities"`` or
            ``"labels"``.
        classes: how many classes the model knows; needed for labels without ``outputs``,
            otherwise compared with what it answers.
        outputs: which of the model's classes are the data's, in the data's order.

    Raises:
        SpecError: not one of these answers, too few classes, labels without their number, or
            outputs that repeat or lie outside the classes.
    """

    answers: Answers = "logits"
    classes: int | None = None
    outputs: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if self.answers not in get_args(Answers):
            known = ", ".join(map(repr, get_args(Answers)))
            raise SpecError(f"expected answers to be one of {known}, got {self.answers!r}")
        if self.classes is not None and self.classes < 2:
            raise SpecError(f"expected 2 classes or more, got classes={self.classes}")
        if self.outputs is not None:
            known_outputs = range(self.classes or max((*self.outputs, 0)) + 1)
            valid = all(output in known_outputs for output in self.outputs)
            if not valid or len(set(self.outputs)) != len(self.outputs) or len(self.outputs) < 2:
                raise SpecError(
                    f"expected outputs to be 2 or more different classes in "
                    f"[0, {self.classes or '...'}), got {self.outputs}"
                )
        if self.answers == "labels" and self.classes is None and self.outputs is None:
            raise SpecError(
                "a model that answers with labels does not show how many there are: give classes="
            )

    def logits(self, raw: Tensor) -> Tensor:
        """Logits ``(n, classes)``, float32, of the model's answers to n samples.

        Args:
            raw: ``(n, classes)``, or ``(n,)`` or ``(n, 1)`` for labels; see ``misfit``.

        Raises:
            SpecError: the answers are not of the kind that ``answers`` says.
        """
        if self.answers == "labels":
            return self._of_labels(raw.reshape(len(raw)))
        scores = raw.float()
        if self.answers == "probabilities":
            low, high = scores.detach().aminmax()
            if low < -1e-3 or high > 1 + 1e-3:
                raise SpecError(
                    f"the InfNet answers with values in [{low:g}, {high:g}], which are no "
                    "probabilities: freeze it with answers='logits'"
                )
            scores = (scores.clamp(min=0) + FLOOR).log()
        elif _on_simplex(scores.detach()):
            raise SpecError(
                "the InfNet's answers are all positive and sum to one: it ends in a softmax; "
                "freeze it with answers='probabilities', or without that last layer"
            )
        return scores if self.outputs is None else scores[:, list(self.outputs)]

    def misfit(self, shape: tuple[int, ...], count: int) -> str:
        """Why answers of this shape are not those of a classifier to ``count`` samples, or ``""``.

        Args:
            shape: shape of the answers.
            count: number of samples asked about.
        """
        if self.answers == "labels":
            fits = shape in ((count,), (count, 1))
            expected = f"({count},)"
        else:
            least = max((*(self.outputs or ()), 1)) + 1
            fits = len(shape) == 2 and shape[0] == count and shape[1] >= least
            fits = fits and self.classes in (None, shape[1])
            expected = f"({count}, {self.classes or f'{least} or more classes'})"
        if fits:
            return ""
        return (
            f"the InfNet answers with shape {shape} for {count} samples, expected {expected}: it "
            f"is no classifier of single samples that answers with {self.answers}"
        )

    def _of_labels(self, raw: Tensor) -> Tensor:
        labels, known = raw.long(), self.classes
        broken = raw.is_floating_point() and bool((labels != raw).any())
        if broken or (labels < 0).any() or (known and (labels >= known).any()):
            raise SpecError(
                f"the InfNet answers with {raw[:4].tolist()}, expected labels as whole numbers in "
                f"[0, {known or '...'}): correct answers= or classes="
            )
        wanted = torch.tensor(self.outputs or range(known or 0))
        return torch.where(labels[:, None] == wanted, 0.0, log(FLOOR))


def _on_simplex(scores: Tensor) -> bool:
    if len(scores) < _ENOUGH_ROWS or scores.min() < 0:
        return False
    return bool(((scores.sum(1) - 1).abs() < 1e-3).all())
