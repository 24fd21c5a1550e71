"""What an export must pass: the InfNet is as accurate through it as through what was forged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from obfnet.data.dataset import Dataset
from obfnet.data.splits import Splits, spread
from obfnet.errors import ExportError, SpecError
from obfnet.mechanisms.entropy import Uniform
from obfnet.nets.infnet import InfNet
from obfnet.specs import Labels, Samples

#: The accuracy an export may lose, as a fraction.
TOLERANCE = 0.002
#: Samples that ranges are taken from, and that accuracy is measured on, at most.
CALIBRATION, JUDGED = 256, 5000
_SEED = 0

#: Samples and randomness to x'.
Randomised = Callable[[Samples, Uniform], Samples]


@dataclass(frozen=True, eq=False)
class Gate:
    """An InfNet and real samples to judge exports by.

    Args:
        infnet: that the ObfNets were forged for.
        samples: to measure accuracy on, ``(n, *shape)``.
        labels: of them ``(n,)``.
        calibration: other samples, that the ranges of full int8 are taken from.
        tolerance: of accuracy; a fraction, at least 0.

    Raises:
        SpecError: there are no samples, not as many labels, or a tolerance below 0.
    """

    infnet: InfNet
    samples: Samples
    labels: Labels
    calibration: Samples
    tolerance: float = TOLERANCE

    def __post_init__(self) -> None:
        if not len(self.samples) or len(self.samples) != len(self.labels):
            raise SpecError(
                f"expected samples and as many labels, got {len(self.samples)} and "
                f"{len(self.labels)}"
            )
        if not self.tolerance >= 0:
            raise SpecError(f"expected a tolerance of 0 or more, got {self.tolerance}")

    def check(self, what: str, forged: Randomised, exported: Randomised) -> float:
        """The accuracy of the InfNet through ``exported``, a fraction.

        Both are asked the same samples with the same randomness.

        Raises:
            ExportError: it is more than ``tolerance`` below that through ``forged``.
        """
        before, after = self.accuracy(forged), self.accuracy(exported)
        if before - after > self.tolerance + 1e-9:
            raise ExportError(
                f"{what}: the InfNet is right for {after:.2%} of {len(self.samples)} samples, "
                f"{before:.2%} before the export; a loss of {self.tolerance:.2%} is allowed. "
                "Export with more precision, or allow more"
            )
        return after

    def accuracy(self, transform: Randomised) -> float:
        """How often the InfNet is right about x'."""
        uniform = np.random.default_rng(_SEED).random
        return float((self.infnet.predict(transform(self.samples, uniform)) == self.labels).mean())

    def answers_alike(self, before: Samples) -> Callable[[Samples], bool]:
        """Whether the InfNet gives other samples the labels that it gives ``before``."""
        wanted = self.infnet.predict(before)
        return lambda after: bool((self.infnet.predict(after) == wanted).all())


def gate_of(infnet: InfNet, data: Dataset, splits: Splits, tolerance: float = TOLERANCE) -> Gate:
    """A gate of validation samples, calibrated on samples of the training part.

    Args:
        infnet: that the ObfNets were forged for.
        data: they were forged with.
        splits: likewise; up to ``JUDGED`` validation samples are spread evenly over theirs.
        tolerance: of accuracy, a fraction.
    """
    judged = spread(splits.validation, JUDGED)
    return Gate(
        infnet,
        data.samples[judged],
        data.labels[judged],
        data.samples[spread(splits.train, CALIBRATION)],
        tolerance,
    )


def resolvable(splits: Splits) -> float:
    """The usual tolerance, or one sample where so few are judged that it is more."""
    return max(TOLERANCE, 1 / len(splits.validation))
