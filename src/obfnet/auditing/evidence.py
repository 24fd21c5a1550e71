"""What an attacker may learn from, and what it is judged on, kept apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from obfnet.data.dataset import Dataset
from obfnet.data.splits import Splits
from obfnet.errors import NotMeasurableError, SpecError
from obfnet.nets.frozen import InfNet
from obfnet.seeds import branch
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
class Known:
    """What an attack may learn from.

    Args:
        train: the attacker's own samples.
        made: more pairs that the attacker makes, who knows the transform: mixtures of two of its
            own samples, sent through it. Without labels or attributes that mean anything.
        validation: the attacker's too, to choose by.
        spec: what a sample looks like.
        classes: number of labels.
    """

    train: Pairs
    made: Pairs
    validation: Pairs
    spec: SampleSpec
    classes: int


@dataclass(frozen=True, eq=False)
class Evidence:
    """What an attack may learn from, and, disjoint from it, what it is judged on."""

    known: Known
    evaluation: Pairs


#: Samples that a transform is given at once: bounds memory.
BATCH = 1024
#: Pairs an attacker with fewer makes up to, by mixing its own samples.
ENOUGH = 12_000


def collect(
    transform: Transform,
    infnet: InfNet,
    data: Dataset,
    splits: Splits,
    most_train: int,
    seed: int = 0,
) -> Evidence:
    """Send the attacker's and the evaluation's samples through ``transform`` and the InfNet.

    Args:
        transform: what is audited.
        infnet: answers x' as the backend does.
        data: samples with labels and private attributes.
        splits: disjoint by construction.
        most_train: at most this many pairs of the attacker's own, and as many for validation;
            drawn at random.
        seed: fixes what is drawn and mixed.

    Raises:
        SpecError: the InfNet answers with classes that the data does not have, or evaluation
            samples have no label.
        NotMeasurableError: x' has another shape or dtype, or holds NaN or infinity.
    """
    unknown = int((data.labels[splits.evaluation] < 0).sum())
    if unknown:
        raise SpecError(
            f"{unknown} evaluation samples have no label, expected one for each: accuracy is "
            "judged on them"
        )
    generator = np.random.default_rng(branch(seed, "attacker"))
    train = generator.permutation(splits.attacker_train)[:most_train]
    held = generator.permutation(splits.attacker_validation)[:most_train]

    def pairs(originals: Samples, indices: Labels) -> Pairs:
        released = send(transform, originals)
        answers = infnet.predict(released)
        if answers.max(initial=0) >= len(data.classes):
            raise SpecError(
                f"the InfNet answers with class {answers.max()}, the data has {len(data.classes)}"
            )
        return Pairs(
            originals,
            released,
            answers,
            data.labels[indices],
            {name: values[indices] for name, values in data.attributes.items()},
        )

    one, other = generator.choice(train, (2, max(0, ENOUGH - len(train))))
    share = generator.beta(0.5, 0.5, len(one)).astype(np.float32)
    share = share.reshape(-1, *[1] * len(data.spec.shape))
    mixed = share * data.samples[one] + (1 - share) * data.samples[other]
    known = Known(
        train=pairs(data.samples[train], train),
        made=pairs(mixed, one),
        validation=pairs(data.samples[held], held),
        spec=data.spec,
        classes=len(data.classes),
    )
    return Evidence(known, pairs(data.samples[splits.evaluation], splits.evaluation))


def send(transform: Transform, originals: Samples) -> Samples:
    """x' of all samples, batch by batch, checked."""
    parts = [np.zeros_like(originals[:0])]
    for start in range(0, len(originals), BATCH):
        batch = originals[start : start + BATCH]
        released = np.asarray(transform(batch))
        if released.shape != batch.shape or released.dtype != np.float32:
            raise NotMeasurableError(
                f"the transform gave {released.dtype} {released.shape}, expected float32 "
                f"{batch.shape}: x' must look like x"
            )
        if not np.isfinite(released).all():
            raise NotMeasurableError("the transform gave NaN or infinity: mend it, then audit")
        parts.append(released)
    return np.concatenate(parts)
