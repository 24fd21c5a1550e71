"""Rows of forged ObfNets: their accuracy over seeds, beside their local twins."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from obfnet.auditing.intervals import Interval, of_fraction
from obfnet.data.dataset import Dataset
from obfnet.forging.sets import ObfNetSet
from obfnet.mechanisms.certificate import least_bits
from obfnet.nets.frozen import InfNet
from obfnet.specs import Labels, Samples

#: Whether each ObfNet's x' of each sample was answered right, ``(ObfNets, n)``.
Right = npt.NDArray[np.bool_]
#: Student's 97.5 % quantile for n - 1 degrees of freedom.
_STUDENT = {2: 12.71, 3: 4.303, 4: 3.182, 5: 2.776, 8: 2.365, 10: 2.262}


def row(
    fleet: Sequence[ObfNetSet],
    infnet: InfNet,
    held: Dataset,
    seeds: Sequence[int],
    clean: float | None = None,
    interval: Callable[[Right], Interval] | None = None,
) -> dict[str, Any]:
    """One results row over all ObfNets of ``fleet``, judged on the test samples ``held``.

    Args:
        fleet: of one forging.
        infnet: asked about x' of every test sample.
        held: test samples with their labels.
        seeds: what the row says it is over.
        clean: accuracy on raw test samples; by default the InfNet is asked.
        interval: of the mean accuracy; by default over seeds where there are several, over
            samples of a single one.
    """
    obfnets = [obfnet for each in fleet for obfnet in each.obfnets]
    clean = _share(infnet.predict(held.samples), held) if clean is None else clean
    right = np.stack([_answers(infnet, each(held.samples)) == held.labels for each in obfnets])
    accuracies = [float(each) for each in right.mean(axis=1)]
    twins = [_share(each.twin.predict(held.samples), held) for each in fleet if each.twin]
    accuracy = float(np.mean(accuracies))
    first = obfnets[0]
    certificate = first.mechanism.certificate()
    cost = first.cost
    minimum = least_bits(len(held.classes), accuracy)
    return {
        "dataset": held.name,
        "obfnet": first.name,
        "mechanism": first.mechanism.name,
        "mechanism_args": dict(vars(first.mechanism)),
        "seeds": list(seeds),
        "clean_accuracy": clean,
        "accuracy": accuracy,
        "accuracy_ci": list((interval or _interval)(right)),
        "accuracies": accuracies,
        "validation_accuracy": float(np.mean([each.validation_accuracy for each in obfnets])),
        "drop": clean - accuracy,
        "twin_accuracy": float(np.mean(twins)) if twins else None,
        "certified_bits": certificate.bits if certificate.certified else None,
        "excess_bits": certificate.bits - minimum if certificate.certified else None,
        "params": cost.params,
        "macs": cost.macs,
        "forge_seconds": float(np.mean([each.seconds for each in obfnets])),
        "distinctness": None if fleet[0].distinctness is None else fleet[0].distinctness.to_dict(),
    }


def _interval(right: Right) -> Interval:
    if len(right) > 1:
        return over_seeds(right.mean(axis=1))
    return of_fraction(int(right.sum()), right.size)


def over_seeds(values: Sequence[float] | npt.NDArray[np.float64]) -> Interval:
    """95 % interval of the mean over two seeds or more, by Student's t."""
    mean = float(np.mean(values))
    quantile = _STUDENT[max(count for count in _STUDENT if count <= len(values))]
    half = quantile * float(np.std(values, ddof=1)) / math.sqrt(len(values))
    return (mean - half, mean + half)


def _answers(infnet: InfNet, obfuscated: Samples) -> Labels:
    """The InfNet's labels, asked about every different x' once: a codebook has few."""
    as_one = np.dtype((np.void, obfuscated[0].nbytes))
    values = np.ascontiguousarray(obfuscated).reshape(len(obfuscated), -1).view(as_one).ravel()
    _, first, place = np.unique(values, return_index=True, return_inverse=True)
    return infnet.predict(obfuscated[first])[place]


def _share(found: np.ndarray[Any, np.dtype[np.int64]], held: Dataset) -> float:
    return float((found == held.labels).mean())
