"""A torch stand-in for an InfNet that gives no gradients, learned from its answers alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from obfnet.errors import SpecError
from obfnet.forging.loop import Schedule, build, fit
from obfnet.nets.infnet import InfNet
from obfnet.nets.torch_infnet import TorchInfNet, freeze_module
from obfnet.seeds import branch
from obfnet.specs import Samples

#: Share of the samples that chooses the checkpoint, and as many again that measure agreement.
HELD = 0.1
#: Fewer samples would leave nothing to measure agreement on.
LEAST_SAMPLES = 50


class Surrogate(TorchInfNet):
    """A torch InfNet that answers much like another one; its labels are not the other's.

    Args:
        module: the trained net.
        infnet: digest of the InfNet that it was learned from.
        agreement: share of ``measured`` held-out samples to which both give the same label.
        measured: number of those samples.
    """

    def __init__(self, module: nn.Module, infnet: str, agreement: float, measured: int) -> None:
        frozen = freeze_module(module)
        super().__init__(frozen.module, frozen.digest, frozen.reading)
        self.infnet = infnet
        self.agreement = agreement
        self.measured = measured


def distil(
    infnet: InfNet,
    factory: Callable[[], nn.Module],
    samples: Samples,
    schedule: Schedule,
    seed: int,
) -> Surrogate:
    """Train a stand-in on the InfNet's log-probabilities (Hinton et al., arXiv 1503.02531).

    Every sample is asked about once. A tenth of them chooses the checkpoint, another tenth, which
    nothing else sees, measures the agreement. Rows or ObfNets made with the surrogate's gradients
    must be checked on the InfNet itself: what they reach there is what counts.

    Args:
        infnet: frozen, checked before and after.
        factory: makes an untrained net that maps samples to logits of the InfNet's classes.
        samples: ``(n, *shape)`` of the training part only, 50 or more.
        schedule: how long and how fast.
        seed: fixes the held-out samples, initial weights and order.

    Raises:
        SpecError: too few samples, or a net with another number of classes.
        InfNetChangedError: the InfNet is no longer what was asked.
        BackendError, QueryBudgetError: a live InfNet does not answer.
    """
    if len(samples) < LEAST_SAMPLES:
        raise SpecError(f"expected {LEAST_SAMPLES} samples or more, got {len(samples)}")
    infnet.verify()
    answers = torch.from_numpy(infnet.log_probabilities(samples))
    infnet.verify()
    order = np.random.default_rng(branch(seed, "held")).permutation(len(samples))
    held = round(HELD * len(samples))
    measuring, choosing, training = np.split(order, (held, 2 * held))
    module = build(factory, branch(seed, "surrogate"))
    inputs, targets = torch.tensor(samples[training]), answers[training].exp()
    _check(module, inputs[:2], answers.shape[1])

    def loss(indices: torch.Tensor) -> torch.Tensor:
        found = module(inputs[indices]).log_softmax(1)
        mean: torch.Tensor = -(targets[indices] * found).sum(1).mean()
        return mean

    def agreement(part: np.typing.NDArray[np.int64]) -> float:
        found = TorchInfNet(module, "").predict(samples[part])
        return float((found == answers[part].argmax(1).numpy()).mean())

    fit(
        module,
        loss,
        lambda: agreement(choosing),
        len(training),
        schedule,
        branch(seed, "order"),
        "distil",
    )
    return Surrogate(module, infnet.digest, agreement(measuring), held)


def _check(module: nn.Module, inputs: torch.Tensor, classes: int) -> None:
    with torch.inference_mode():
        shape = tuple(module.eval()(inputs).shape)
    if shape != (len(inputs), classes):
        raise SpecError(
            f"the surrogate answers with shape {shape} for {len(inputs)} samples, expected "
            f"{(len(inputs), classes)}: the InfNet has {classes} classes"
        )
