"""The rows of a codebook, and what a frozen classifier says of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from obfnet.errors import NotForgeableError, SpecError
from obfnet.nets.frozen import Scores
from obfnet.specs import Labels, Samples

#: A row recognised with less may be answered otherwise by another runtime.
LEAST_CONFIDENCE = 0.9
#: Probabilities below this count as this, so that their logarithm stays finite.
LEAST_PROBABILITY = 1e-12


@dataclass(frozen=True, eq=False)
class RecognisedRows:
    """Rows of a table and what the InfNet says of them.

    Args:
        rows: ``(K, E, *shape)``, E exemplars of each code, one of which is drawn at release;
            float32, within the value range of a raw sample.
        log_probabilities: ``(K, classes)``, the InfNet's answer to each code: the logarithm of
            the mean over its exemplars, for each is drawn with probability 1/E.
        labels: ``(K,)``, the class that the InfNet recognises in every exemplar of a code.
        queries: samples the InfNet answered to find this table, passes for gradients included;
            tables that were chosen from one pool together share theirs.
    """

    rows: Tensor
    log_probabilities: Tensor
    labels: Labels
    queries: int


def classes_of(codes: int, classes: int) -> Labels:
    """The class that each of K codes stands for, ``(K,)``: code k for ``k % classes``.

    Raises:
        SpecError: K is no multiple of the number of classes.
    """
    if codes < 1 or codes % classes:
        raise SpecError(
            f"expected a multiple of the InfNet's {classes} classes, got {codes} codes: use "
            f"{classes} or a multiple"
        )
    return np.arange(codes) % classes


def check_request(exemplars: int, confidence: float) -> None:
    """Refuse what no table can have.

    Raises:
        SpecError: no exemplar, or a confidence outside ``[LEAST_CONFIDENCE, 1)``.
    """
    if exemplars < 1:
        raise SpecError(f"expected at least 1 exemplar for each code, got {exemplars}")
    if not LEAST_CONFIDENCE <= confidence < 1:
        raise SpecError(
            f"expected a confidence of at least {LEAST_CONFIDENCE} and below 1, got {confidence}: "
            "rows recognised with less may be answered otherwise by another runtime"
        )


def recognise(rows: Samples, answers: Scores, queries: int, advice: str) -> RecognisedRows:
    """Rows of a table, if the InfNet recognises every exemplar as the class of its code.

    Args:
        rows: ``(K, E, *shape)``.
        answers: ``(K, E, classes)``, the InfNet's log-probabilities.
        queries: what finding them took.
        advice: what to do where one is not recognised.

    Raises:
        NotForgeableError: an exemplar has less than ``LEAST_CONFIDENCE`` of its class.
    """
    codes, exemplars, classes = answers.shape
    labels = classes_of(codes, classes)
    reached = np.exp(answers[np.arange(codes), :, labels])
    lost = np.argwhere(~(reached >= LEAST_CONFIDENCE))  # NaN is lost as well
    if len(lost):
        code, exemplar = lost[0]
        raise NotForgeableError(
            f"{len(lost)} of {codes * exemplars} rows are not recognised as their class (first: "
            f"code {code} has probability {reached[code, exemplar]:.2f} of class {labels[code]}, "
            f"expected at least {LEAST_CONFIDENCE}): {advice}"
        )
    finite = torch.tensor(answers, dtype=torch.float32).clamp(min=math.log(LEAST_PROBABILITY))
    mean = finite.logsumexp(1) - math.log(exemplars)
    return RecognisedRows(torch.tensor(rows, dtype=torch.float32), mean, labels, queries)


def says_labels_only(answers: Scores) -> bool:
    """Whether log-probabilities ``(n, classes)`` hold labels and nothing more.

    True where every answer is the same numbers in another order and all classes but one tie,
    however the InfNet writes a label down (0 and minus infinity, or smoothed). Needs two
    answers to tell.
    """
    ordered = np.sort(answers, axis=1)
    tied = (ordered[:, :-1] == ordered[:, :1]).all()
    return bool(len(answers) > 1 and tied and (ordered == ordered[:1]).all())
