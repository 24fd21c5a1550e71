"""What an attacker may learn from, and what it is judged on, kept apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from obfnet.data.dataset import Dataset
from obfnet.data.splits import Splits
from obfnet.errors import NotMeasurableError
from obfnet.nets.frozen import InfNet
from obfnet.specs import Labels, Samples, SampleSpec

#: The thing under audit: samples ``(n, *shape)`` to obfuscated samples of the same shape.
Transform = Callable[[Samples], Samples]


@dataclass(frozen=True, eq=False)
class Pairs:
    """Samples with what left the device for them.

    Args:
        originals: x, ``(n, *shape)``.
        released: x', ``(n, *shape)``.
        answers: the label the backend computes from x', ``(n,)``: every attacker knows it.
        labels: the true label, ``(n,)``, for accuracy only.
        attributes: private attributes by name, each ``(n,)``.
    """

    originals: Samples
    released: Samples
    answers: Labels
    labels: Labels
    attributes: Mapping[str, Labels]

    def __len__(self) -> int:
        return len(self.originals)


@dataclass(frozen=True, eq=False)
class Evidence:
    """Disjoint pairs: to train an attack on, to choose it by, and to judge it on."""

    train: Pairs
    validation: Pairs
    evaluation: Pairs
    spec: SampleSpec
    classes: int


def collect(
    transform: Transform,
    infnet: InfNet,
    data: Dataset,
    splits: Splits,
    most_train: int,
) -> Evidence:
    """Send the attacker's and the evaluation's samples through ``transform`` and the InfNet.

    Args:
        transform: what is audited.
        infnet: answers x' as the backend does.
        data: samples with labels and private attributes.
        splits: disjoint by construction.
        most_train: at most this many attacker pairs, the first of a shuffled part.

    Raises:
        NotMeasurableError: x' has another shape or dtype, or holds NaN or infinity.
    """

    def pairs(indices: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Pairs:
        originals = data.samples[indices]
        released = np.asarray(transform(originals))
        if released.shape != originals.shape or released.dtype != np.float32:
            raise NotMeasurableError(
                f"the transform gave {released.dtype} {released.shape}, expected float32 "
                f"{originals.shape}: x' must look like x"
            )
        if not np.isfinite(released).all():
            raise NotMeasurableError("the transform gave NaN or infinity: mend it, then audit")
        return Pairs(
            originals,
            released,
            infnet.predict(released),
            data.labels[indices],
            {name: values[indices] for name, values in data.attributes.items()},
        )

    return Evidence(
        pairs(splits.attacker_train[:most_train]),
        pairs(splits.attacker_validation[:most_train]),
        pairs(splits.evaluation),
        data.spec,
        len(data.classes),
    )
