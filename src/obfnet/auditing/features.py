"""How differently two samples look to the InfNet: a perceptual distance without a download."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from obfnet.errors import NotMeasurableError
from obfnet.nets.infnet import InfNet
from obfnet.nets.torch_infnet import TorchInfNet

#: Layers whose answers are compared.
LAYERS = (nn.Conv1d, nn.Conv2d, nn.Linear)
#: At most so many, spread over the net's depth.
MOST = 5


class Features:
    """Answers of an InfNet's convolutions and dense layers, the last one left out.

    LPIPS (Zhang et al., CVPR 2018) with all weights one and the InfNet in the place of a net that
    was trained on photographs.

    Args:
        infnet: whose layers see.

    Raises:
        NotMeasurableError: it is no torch module, or has no layers between samples and logits.
    """

    def __init__(self, infnet: InfNet) -> None:
        if not isinstance(infnet, TorchInfNet):
            raise NotMeasurableError(
                f"needs the layers of the InfNet, and a {type(infnet).__name__} shows only its "
                "answers"
            )
        layers = [layer for layer in infnet.module.modules() if isinstance(layer, LAYERS)][:-1]
        if not layers:
            raise NotMeasurableError("the InfNet has no layers between samples and logits")
        every = max(1, -(-len(layers) // MOST))
        self._infnet, self._layers = infnet, layers[::every]

    def __call__(self, samples: Tensor) -> list[Tensor]:
        """One ``(n, channels, ...)`` for each layer, every place's channels of length one.

        Differentiable in ``samples`` ``(n, *shape)``. The InfNet is left as it was.
        """
        found: list[Tensor] = []
        hooks = [
            layer.register_forward_hook(lambda _, __, answer: found.append(answer))
            for layer in self._layers
        ]
        try:
            self._infnet.module(samples)
        finally:
            for hook in hooks:
                hook.remove()
        return [nn.functional.normalize(torch.relu(answer), dim=1) for answer in found]


def distance(one: Sequence[Tensor], other: Sequence[Tensor]) -> Tensor:
    """Perceptual distance of each pair, ``(n,)``, in [0, 2]: mean over layers and places.

    Args:
        one: what ``Features`` makes of n samples.
        other: what it makes of n others.
    """
    parts = [
        (a - b).square().sum(1).flatten(1).mean(1) if a.ndim > 2 else (a - b).square().sum(1)
        for a, b in zip(one, other, strict=True)
    ]
    return torch.stack(parts).mean(0)
