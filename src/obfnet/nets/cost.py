"""What a net costs a device: parameters, multiply-accumulates and bytes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

import torch
from torch import Tensor, nn

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


@dataclass(frozen=True)
class Cost:
    """What a device stores and computes.

    Args:
        params: learned values.
        macs: multiply-accumulates for one sample.
        bytes: see :func:`stored_bytes`.
    """

    params: int
    macs: int
    bytes: int

    def __add__(self, other: Cost) -> Cost:
        """The cost of two nets in a row."""
        return Cost(self.params + other.params, self.macs + other.macs, self.bytes + other.bytes)

    def __str__(self) -> str:
        return f"{self.params:,} parameters, {self.macs:,} MACs, {self.bytes:,} bytes"


def cost(module: nn.Module, shape: tuple[int, ...]) -> Cost:
    """What ``module`` costs for one sample of ``shape``; a module on "meta" takes no memory."""
    return Cost(parameters(module), macs(module, shape), stored_bytes(module))


def parameters(module: nn.Module) -> int:
    """Number of learned values, buffers not counted."""
    return sum(parameter.numel() for parameter in module.parameters())


def stored_bytes(module: nn.Module) -> int:
    """Bytes of the numbers an export of ``module`` holds, as float32.

    Four bytes for each parameter and for each floating-point buffer (batch normalisation's
    running mean and variance; its counter of batches is not exported). This is an upper bound:
    the ONNX exporter folds batch normalisation into the layer before it. What describes the
    graph in a file comes on top, some ten kilobytes, whatever the size of the net.
    """
    floats = (tensor for tensor in module.buffers() if tensor.is_floating_point())
    return 4 * sum(tensor.numel() for tensor in chain(module.parameters(), floats))


def macs(module: nn.Module, shape: tuple[int, ...]) -> int:
    """Multiply-accumulates of convolutions and dense layers for one sample of ``shape``.

    Grouped convolutions count what they compute: each output sees the inputs of its group.
    """
    total = 0

    def count(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        if isinstance(layer, CONVOLUTIONS):
            total += output[0].numel() * layer.weight[0].numel()
        elif isinstance(layer, TRANSPOSED):  # each *input* value meets a kernel
            total += inputs[0][0].numel() * layer.weight[0].numel()
        elif isinstance(layer, nn.Linear):
            total += output[0].numel() * layer.in_features

    hooks = [layer.register_forward_hook(count) for layer in module.modules()]
    training = module.training
    where = next(chain(module.parameters(), module.buffers()), torch.empty(0)).device
    try:
        with torch.inference_mode():
            module.eval()(torch.zeros(1, *shape, device=where))
    finally:
        module.train(training)
        for hook in hooks:
            hook.remove()
    return total
