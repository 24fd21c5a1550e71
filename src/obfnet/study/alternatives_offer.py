"""What an alternative offers: what is sent instead of a sample, and who answers it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from obfnet.auditing.subject import Subject, Transform
from obfnet.bundling.onnx_export import export_onnx
from obfnet.edge.onnxruntime_runtime import load
from obfnet.nets.frozen import TorchInfNet
from obfnet.nets.infnet import InfNet
from obfnet.seeds import branch
from obfnet.specs import Samples
from obfnet.study.making import Workplace

#: What the backend's owner must do before anything works.
NOTHING = "nothing"


@dataclass(frozen=True, eq=False)
class Offer:
    """One alternative, made and ready to be measured.

    Args:
        subject: name and transform, as an audit takes them.
        infnet: answers x'.
        change: what the backend must change, ``NOTHING`` for the unmodified InfNet.
        device: what a device runs on one sample ``(1, *shape)``, as fast as it can be had here;
            the subject's own transform by default.
        args: the method's own parameters, for the row.
    """

    subject: Subject
    infnet: InfNet
    change: str = NOTHING
    device: Callable[[Samples], Samples] | None = None
    args: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Bench:
    """What every alternative is made from.

    Args:
        place: data, splits, seed.
        infnet: the InfNet in service, unmodified.
        folder: where forged ObfNets and finished parts are kept.
        quick: a few steps only.
    """

    place: Workplace
    infnet: TorchInfNet
    folder: Path
    quick: bool = False


#: Makes one alternative when its turn comes: a study that was killed makes only what is missing.
Maker = Callable[[Bench], Offer]


def on_one_thread(net: nn.Module, samples: Samples) -> Transform:
    """``net`` as a device would run it: exported, in onnxruntime, on one thread."""
    return load(export_onnx(net, samples))


def probes(place: Workplace, count: int = 64) -> Samples:
    """Real training samples for the parity check of an export, drawn: data may lie by class."""
    order = np.random.default_rng(branch(place.seed, "probes"))
    chosen = order.permutation(place.splits.train)[:count]
    return np.ascontiguousarray(place.data.samples[chosen])
