"""Forging through the InfNet, as the ObfNet paper does it, for any mechanism in between."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain

import numpy as np
import torch
from torch import Tensor, nn

from obfnet.errors import SpecError
from obfnet.forging.augment import fitting
from obfnet.forging.job import Job, Material, Objectives, material
from obfnet.forging.loop import fit_many
from obfnet.forging.obfnet import ObfNet
from obfnet.forging.objectives.batch import Batch
from obfnet.forging.precision import fast_convolutions
from obfnet.mechanisms.mechanism import Mechanism
from obfnet.mechanisms.none import NoMechanism
from obfnet.nets.frozen import InfNet, TorchInfNet
from obfnet.nets.stack import Stack, State
from obfnet.seeds import branch


def forge_through(job: Job, seeds: Sequence[int], given: Material | None = None) -> list[ObfNet]:
    """Forge one ObfNet for each seed by sending every training batch through the InfNet and back.

    The paper chooses checkpoints on test data; here they are chosen on ``splits.validation``.

    Args:
        job: what they share; it has a decoder, and its InfNet gives gradients.
        seeds: one for each; fixes its initial weights.
        given: of the job, by default taken now.

    Raises:
        SpecError: the InfNet gives no gradients, there is no decoder, or x' has another shape.
        InfNetChangedError: training has written to the InfNet.
    """
    started = time.perf_counter()
    if job.decoder is None or not job.infnet.differentiable:
        raise SpecError(
            f"{job.mechanism.name!r} ObfNets are trained through the InfNet: that needs a decoder "
            "and an InfNet that gives gradients (distil a surrogate of one that gives none)"
        )
    infnet, mechanism = job.infnet, job.mechanism
    infnet.verify()
    nets = _Halves(job.stack("encoder", seeds), job.stack("decoder", seeds))
    width = _check_shapes(nets, mechanism, job)
    objectives = Objectives(job, seeds, width)
    given = given or material(job)

    # The paper does not vary its samples; what it publishes is forged as it does.
    published = isinstance(mechanism, NoMechanism)
    augment = None if published else fitting(job.data.kind, job.data.spec.shape)

    def losses(indices: Tensor, present: list[int]) -> Tensor:
        samples = given.samples[indices]
        varied = samples if augment is None else augment(samples)
        released = _relaxed(mechanism, nets.encoders(varied))
        obfuscated = nets.decoders.each(released)
        with fast_convolutions():
            logits = infnet.logits(_wide(obfuscated))
        answers = logits.float().log_softmax(1).unflatten(0, (len(present), -1))
        batch = Batch(
            samples=samples,
            labels=given.labels[indices],
            answers=answers,
            released=released,
            obfuscated=obfuscated,
            teacher=None if given.teacher is None else given.teacher[indices],
            attributes={name: each[indices] for name, each in given.attributes.items()},
        )
        return objectives(present, batch)

    def scores(present: list[int]) -> list[float]:
        hits = np.zeros(len(present))
        draws = [np.random.default_rng(branch(seeds[number], "noise")) for number in present]
        for start in range(0, len(given.held_samples), 512):
            codes = nets.encoders(given.held_samples[start : start + 512]).numpy()
            released = [
                np.asarray(mechanism.release(code, draw.random), np.float32)
                for code, draw in zip(codes, draws, strict=True)
            ]
            obfuscated = nets.decoders.each(torch.from_numpy(np.stack(released)))
            found = infnet.logits(_wide(obfuscated)).argmax(1).unflatten(0, (len(present), -1))
            hits += (found.numpy() == given.held_labels[start : start + 512]).sum(axis=1)
        return [float(each) for each in hits / len(given.held_samples)]

    with _channels_last(infnet):
        trained = fit_many(
            nets,
            losses,
            scores,
            len(given.samples),
            job.schedule,
            branch(job.seed, "order"),
            "forge through the InfNet",
            objectives.adversaries,
            objectives.betas,
        )
    infnet.verify()
    seconds = (time.perf_counter() - started) / len(seeds)
    return [
        ObfNet(*nets.halves(state, mechanism), job.data.spec, seed, seconds, fit)
        for (fit, state), seed in zip(trained, seeds, strict=True)
    ]


class _Halves:
    """Encoders and decoders that train together."""

    def __init__(self, encoders: Stack, decoders: Stack) -> None:
        self.encoders, self.decoders = encoders, decoders
        self.module = nn.ModuleDict({"encoder": encoders, "decoder": decoders})

    @property
    def count(self) -> int:
        return self.encoders.count

    def state(self, position: int) -> State:
        return {
            f"{half}.{name}": values
            for half, stack in (("encoder", self.encoders), ("decoder", self.decoders))
            for name, values in stack.state(position).items()
        }

    def keep(self, positions: Sequence[int]) -> None:
        self.encoders.keep(positions)
        self.decoders.keep(positions)

    def halves(self, state: State, mechanism: Mechanism) -> tuple[nn.Module, Mechanism, nn.Module]:
        """Encoder, mechanism and decoder of one net."""

        def part(half: str) -> State:
            start = f"{half}."
            return {n.removeprefix(start): v for n, v in state.items() if n.startswith(start)}

        return self.encoders.net(part("encoder")), mechanism, self.decoders.net(part("decoder"))


def _relaxed(mechanism: Mechanism, codes: Tensor) -> Tensor:
    """Released codes ``(K, n, k)`` of codes ``(K, n, k)``."""
    return torch.unflatten(mechanism.relax(codes.flatten(0, 1)), 0, codes.shape[:2])


def _wide(obfuscated: Tensor) -> Tensor:
    """All nets' x' ``(K, n, *shape)`` as one batch, with channels last if they are pictures."""
    batch = obfuscated.flatten(0, 1)
    return batch.contiguous(memory_format=torch.channels_last) if batch.ndim == 4 else batch


def _check_shapes(nets: _Halves, mechanism: Mechanism, job: Job) -> int:
    """The width of a released code, if x' has the shape of x."""
    nets.module.eval()
    with torch.inference_mode():
        probe = torch.from_numpy(job.data.samples[job.splits.train[:2]])
        released = _relaxed(mechanism, nets.encoders(probe))
        obfuscated = nets.decoders.each(released)
    if obfuscated.shape[1:] != probe.shape:
        raise SpecError(
            f"the ObfNet gives shape {tuple(obfuscated.shape[2:])}, expected the sample's shape "
            f"{tuple(probe.shape[1:])}"
        )
    return released.shape[2:].numel()


@contextmanager
def _channels_last(infnet: InfNet) -> Iterator[None]:
    """Lay the InfNet's weights out for fast convolutions, and back; their values stay."""
    if not isinstance(infnet, TorchInfNet):
        yield
        return
    module = infnet.module
    before = [values.stride() for values in _values(module)]
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    try:
        yield
    finally:
        for values, strides in zip(_values(module), before, strict=True):
            if values.stride() != strides:
                plain = torch.empty_strided(values.shape, strides, dtype=values.dtype)
                values.data = plain.copy_(values.data)


def _values(module: nn.Module) -> Iterator[Tensor]:
    return chain(module.parameters(), module.buffers())
