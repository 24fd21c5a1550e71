"""A partitioned net: its first layers run on the device, and the backend gets altered features.

*Nullification and noise* is Wang et al. (KDD 2018): part of the sample is zeroed, features are
clipped to a bound, Laplace noise is added, and the rest of the net is retrained on such features.
*Siamese* is Ossia et al. (IoT-J 2020, arXiv 1703.02952): the first layers are tuned so that samples
of one class lie close together, few principal components of their features are sent with noise, and
the backend puts them back and is retrained. Both are rebuilt here for this InfNet from what the
papers describe; strengths are ours.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import takewhile

import numpy as np
import torch
from torch import Tensor, nn

from obfnet.auditing.subject import Subject, Transform
from obfnet.errors import SpecError
from obfnet.nets.cost import cost
from obfnet.nets.frozen import freeze
from obfnet.seeds import branch
from obfnet.specs import Samples
from obfnet.study.alternatives_offer import Bench, Maker, Offer, on_one_thread, probes
from obfnet.study.alternatives_retrained import copied, retrained

CHANGE = "serve the upper layers only, retrained; and give the lower ones away"
NULLED = 0.1  # share of a sample's values that is zeroed
SCALES = (0.1, 0.5)  # Laplace's scale, in units of the bound
BATCH = 512  # samples at once: feature maps are many times larger
CALIBRATION = 512  # training samples that the bound is the median of


class TwoDoors(nn.Module):
    """A backend that takes features, and raw samples for comparison: told apart by their shape.

    Args:
        shape: of a raw sample.
        whole: answers raw samples.
        upper: answers what the device sends.
    """

    def __init__(self, shape: tuple[int, ...], whole: nn.Module, upper: nn.Module) -> None:
        super().__init__()
        self.shape, self.whole, self.upper = shape, whole, upper

    def forward(self, received: Tensor) -> Tensor:
        """Logits ``(n, classes)``."""
        net = self.whole if received.shape[1:] == self.shape else self.upper
        logits: Tensor = net(received)
        return logits


def cut(module: nn.Module) -> tuple[nn.Sequential, nn.Sequential]:
    """The convolutions of an I_C, and the dense layers above them.

    Raises:
        SpecError: it is no sequence with convolutions below a ``Flatten``.
    """
    layers = list(module) if isinstance(module, nn.Sequential) else []
    lower = list(takewhile(lambda layer: not isinstance(layer, nn.Flatten), layers))
    if not lower or len(lower) == len(layers):
        raise SpecError(
            f"cannot cut a {type(module).__name__}: expected a Sequential of convolutions, "
            "Flatten and dense layers"
        )
    return nn.Sequential(*lower), nn.Sequential(*layers[len(lower) :])


def partitions() -> dict[str, Maker]:
    """Features as they are, and nullified with weak and strong noise."""
    makers: dict[str, Maker] = {"partitioned, plain features": _plain}
    for scale in SCALES:
        name = f"partitioned, nullification and noise {scale:g}"
        makers[name] = partial(_nullified, name, scale)
    return makers


def features(lower: nn.Module) -> Transform:
    """What the device's layers make of samples."""

    def run(samples: Samples) -> Samples:
        with torch.inference_mode():
            parts = [lower(some).numpy() for some in torch.tensor(samples).split(BATCH)]
        found: Samples = np.concatenate(parts)
        return found

    return run


def nullified(extract: Transform, bound: float, scale: float, share: float, seed: int) -> Transform:
    """Zero a random ``share`` of each sample, clip its features to ``bound``, add Laplace noise.

    Args:
        extract: samples to features.
        bound: greatest magnitude of a feature; a sample above it is scaled down as a whole.
        scale: of the noise, in units of ``bound``.
        share: of a sample's values, drawn anew for each sample.
        seed: of the draws.
    """
    draw = np.random.default_rng(seed)

    def alter(samples: Samples) -> Samples:
        kept = (draw.random(samples.shape) >= share).astype(np.float32)
        found = extract(samples * kept)
        largest = np.abs(found).reshape(len(found), -1).max(axis=1)
        found = found / np.maximum(1, largest / bound).reshape(-1, *[1] * (found.ndim - 1))
        noise = draw.laplace(0, scale * bound, found.shape)
        return np.asarray(found + noise, np.float32)

    return alter


def offered(
    bench: Bench,
    name: str,
    lower: nn.Module,
    make: Callable[[Transform, int], Transform],
    upper: Callable[[], nn.Module],
    device: nn.Module | None = None,
) -> Offer:
    """Retrain ``upper`` on what is sent, and put both together.

    Args:
        bench: what it is made from.
        name: in tables.
        lower: the device's layers.
        make: from those layers as a callable, and a seed, to what the device does.
        upper: what the backend starts from.
        device: all that the device runs as a net, where that is more than ``lower``.
    """
    place = bench.place
    shape = place.data.spec.shape
    runs = device or lower
    fast = on_one_thread(runs, probes(place))
    sent, training = (
        make(features(runs), branch(place.seed, name, use)) for use in ("sent", "training")
    )
    net = retrained(bench, name, training, upper)
    both = freeze(TwoDoors(shape, bench.infnet.module, net.module))
    released = sent(probes(place, 1)).shape[1:]
    spent = cost(runs, shape)
    subject = Subject(name, sent, cost=spent, released=released)
    return Offer(subject, both, CHANGE, make(fast, branch(place.seed, name, "timed")))


def _plain(bench: Bench) -> Offer:
    lower, upper = cut(bench.infnet.module)
    shape = bench.place.data.spec.shape
    both = freeze(TwoDoors(shape, bench.infnet.module, upper))
    send = features(lower)
    subject = Subject(
        "partitioned, plain features",
        send,
        cost=cost(lower, shape),
        released=send(probes(bench.place, 1)).shape[1:],
    )
    fast = on_one_thread(lower, probes(bench.place))
    return Offer(subject, both, "serve the upper layers only, and give the lower ones away", fast)


def _nullified(name: str, scale: float, bench: Bench) -> Offer:
    lower, upper = cut(bench.infnet.module)
    found = features(lower)(probes(bench.place, CALIBRATION))
    bound = float(np.median(np.abs(found).reshape(len(found), -1).max(axis=1)))

    def make(extract: Transform, seed: int) -> Transform:
        return nullified(extract, bound, scale, NULLED, seed)

    offer = offered(bench, name, lower, make, copied(upper))
    args = {"nulled": NULLED, "bound": bound, "scale": scale}
    return Offer(offer.subject, offer.infnet, offer.change, offer.device, args)
