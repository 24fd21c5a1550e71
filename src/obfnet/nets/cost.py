"""What a net costs a device: parameters and multiply-accumulates."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def parameters(module: nn.Module) -> int:
    """Number of learned values, buffers not counted."""
    return sum(parameter.numel() for parameter in module.parameters())


def macs(module: nn.Module, shape: tuple[int, ...]) -> int:
    """Multiply-accumulates of convolutions and dense layers for one sample of ``shape``."""
    total = 0

    def count(layer: nn.Module, _inputs: object, output: Tensor) -> None:
        nonlocal total
        if isinstance(layer, nn.Conv2d):
            total += output[0].numel() * layer.weight[0].numel()
        elif isinstance(layer, nn.Linear):
            total += output[0].numel() * layer.in_features

    hooks = [layer.register_forward_hook(count) for layer in module.modules()]
    training = module.training
    try:
        with torch.inference_mode():
            module.eval()(torch.zeros(1, *shape))
    finally:
        module.train(training)
        for hook in hooks:
            hook.remove()
    return total
