"""One timed way of forging for MNIST's I_C, in a process of its own; prints JSON.

``python -m obfnet.study.forge_timing WAY SEED [COUNT] [TARGET]``: allocator, threads and caches are
then those of this way alone.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from obfnet.forging.codebook import forge_codebooks
from obfnet.forging.fleet import forge
from obfnet.forging.job import Factory, Job
from obfnet.forging.loop import Schedule
from obfnet.forging.obfnet import ObfNet
from obfnet.forging.recipe import Recipe
from obfnet.forging.through import forge_through
from obfnet.mechanisms.codebook import Codebook
from obfnet.mechanisms.none import NoMechanism
from obfnet.nets.frozen import TorchInfNet
from obfnet.nets.mlp import MlpEncoder
from obfnet.nets.mnist import mlp_obfnet
from obfnet.nets.separable import SeparableEncoder
from obfnet.seeds import branch
from obfnet.study.making import Workplace, make_infnet, open_workplace

#: Epochs of the paper's procedure; its validation accuracy rises little after the second.
PAPER_EPOCHS = 2
#: Long enough to pass any accuracy that the paper's procedure reaches; each stops when it does.
CODEBOOK = {
    "separable": Schedule(epochs=12, batch=128, rate=4e-3, checks=8),
    "mlp": Schedule(epochs=30, batch=512, rate=1e-2, checks=4),
}
FAST = Schedule(epochs=3, batch=128, rate=5e-3, checks=8)
SHAPE, CLASSES, WIDTH = (1, 28, 28), 10, 64
ENCODERS: dict[str, Factory] = {
    "separable": partial(SeparableEncoder, SHAPE, CLASSES),
    "mlp": partial(MlpEncoder, SHAPE, CLASSES, (128,), batch_norm=True),
}


@dataclass(frozen=True)
class Timed:
    """What a way of forging took and reached.

    Args:
        seconds: wall time for each ObfNet, until its best validation accuracy or the target.
        validation: validation accuracy, the mean over ObfNets.
        accuracy: test accuracy, likewise.
        obfnets: how many were forged.
    """

    seconds: float
    validation: float
    accuracy: float
    obfnets: int


def paper(place: Workplace, infnet: TorchInfNet, seed: int, _count: int, _target: float) -> Timed:
    """One O_M-64 as the paper trains it, in PyTorch's defaults: Adam at a constant rate."""
    torch.manual_seed(seed)
    net = nn.Sequential(*mlp_obfnet(SHAPE, WIDTH))
    optimiser = torch.optim.Adam(net.parameters())
    samples = torch.from_numpy(place.data.samples[place.splits.train])
    labels = torch.from_numpy(place.data.labels[place.splits.train])
    best, seconds, kept = 0.0, 0.0, net.state_dict()
    started = time.perf_counter()
    for _ in range(PAPER_EPOCHS):
        net.train()
        for indices in torch.randperm(len(samples)).split(128):
            optimiser.zero_grad()
            cross_entropy(infnet.module(net(samples[indices])), labels[indices]).backward()
            optimiser.step()
        reached = _share(place, infnet, net, place.splits.validation)
        if reached > best:
            best, seconds = reached, time.perf_counter() - started
            kept = {name: values.clone() for name, values in net.state_dict().items()}
    net.load_state_dict(kept)
    return Timed(seconds, best, _share(place, infnet, net, place.splits.test), 1)


def fast_paper(
    place: Workplace, infnet: TorchInfNet, seed: int, count: int, target: float
) -> Timed:
    """The paper's procedure made fast: ``count`` O_M-64 at once, to the same accuracy."""
    schedule = replace(FAST, target=target)
    arguments = {"shape": SHAPE, "width": WIDTH}
    job = Job(
        infnet,
        place.data,
        place.splits,
        NoMechanism(),
        Recipe("obfnets", "mnist-om", arguments, "encoder"),
        schedule,
        Recipe("obfnets", "mnist-om", arguments, "decoder"),
        seed=seed,
    )
    return _timed(place, infnet, lambda: forge_through(job, _seeds(seed, count)))


def at_once(
    encoder: str, place: Workplace, infnet: TorchInfNet, seed: int, count: int, target: float
) -> Timed:
    """``count`` codebook ObfNets by one call of ``forge``, distinctness checked."""

    def make() -> list[ObfNet]:
        fleet = forge(
            infnet,
            place.data,
            devices=count,
            splits=place.splits,
            encoder=ENCODERS[encoder],
            schedule=_codebook(encoder, target),
            twins=False,
            seed=seed,
        )
        return [each.obfnets[0] for each in fleet]

    return _timed(place, infnet, make)


def one_by_one(
    encoder: str, place: Workplace, infnet: TorchInfNet, seed: int, count: int, target: float
) -> Timed:
    """The same ObfNets, forged one after another."""
    mechanism, schedule = Codebook(CLASSES), _codebook(encoder, target)
    job = Job(infnet, place.data, place.splits, mechanism, ENCODERS[encoder], schedule, seed=seed)
    return _timed(
        place,
        infnet,
        lambda: [forge_codebooks(job, [each])[0] for each in _seeds(seed, count)],
    )


Way = Callable[[Workplace, TorchInfNet, int, int, float], Timed]
WAYS: dict[str, Way] = {
    "paper": paper,
    "fast-paper": fast_paper,
    "separable": partial(at_once, "separable"),
    "separable-one-by-one": partial(one_by_one, "separable"),
    "mlp": partial(at_once, "mlp"),
    "mlp-one-by-one": partial(one_by_one, "mlp"),
}


def _codebook(encoder: str, target: float) -> Schedule:
    return replace(CODEBOOK[encoder], target=target)


def _seeds(seed: int, count: int) -> list[int]:
    return [branch(seed, "device", number, 0) for number in range(count)]


def _timed(place: Workplace, infnet: TorchInfNet, make: Callable[[], list[ObfNet]]) -> Timed:
    started = time.perf_counter()
    made = make()
    seconds = (time.perf_counter() - started) / len(made)
    held = place.data.take(place.splits.test)
    shares = [float((infnet.predict(o(held.samples)) == held.labels).mean()) for o in made[:4]]
    reached = float(np.mean([each.validation_accuracy for each in made]))
    return Timed(seconds, reached, float(np.mean(shares)), len(made))


def _share(
    place: Workplace,
    infnet: TorchInfNet,
    net: nn.Module,
    part: np.ndarray[tuple[int], np.dtype[np.int64]],
) -> float:
    net.eval()
    held = place.data.take(part)
    with torch.inference_mode():
        x = torch.cat([net(each) for each in torch.from_numpy(held.samples).split(512)])
    return float((infnet.predict(x.numpy()) == held.labels).mean())


def main(way: str, seed: str, count: str = "1", target: str = "1") -> None:
    """Time one way and print what came out."""
    place = open_workplace("mnist", 0)
    infnet = make_infnet(place)
    print(json.dumps(asdict(WAYS[way](place, infnet, int(seed), int(count), float(target)))))


if __name__ == "__main__":
    main(*sys.argv[1:])
