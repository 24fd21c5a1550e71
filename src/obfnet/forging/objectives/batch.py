"""One mini-batch as the terms of an objective see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor


@dataclass(frozen=True, eq=False)
class Batch:
    """One mini-batch of n samples, seen by K nets at once.

    Args:
        samples: x, ``(n, *shape)``.
        labels: ``(n,)`` int64, what x' should be answered with.
        answers: ``(K, n, classes)``, log-probabilities of the InfNet's answer to each net's x'.
        released: ``(K, n, k)``, the relaxed released code; for a codebook log-probabilities of
            each index.
        obfuscated: x' ``(K, n, *shape)``, or None where the InfNet is out of the loop.
        teacher: ``(n, classes)``, log-probabilities of I(x), where a term asked for them.
        attributes: private attributes by name, each ``(n,)`` int64.
    """

    samples: Tensor
    labels: Tensor
    answers: Tensor
    released: Tensor
    obfuscated: Tensor | None = None
    teacher: Tensor | None = None
    attributes: Mapping[str, Tensor] = field(default_factory=dict)
