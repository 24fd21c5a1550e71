"""K nets of one architecture as one net: stacked weights, one batched computation.

No net's numbers depend on its neighbours: side by side, each computes what it computes alone.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from obfnet.nets.side_by_side import Flow, Layer, Layout, fits, join, nets_first

State = dict[str, Tensor]


class Stack(nn.Module):
    """K nets as one.

    Nets made of ``nn.Sequential`` and of ``side_by_side.LAYERS`` are computed at once; any
    others one after another, with the same results.

    Args:
        nets: K nets of one architecture; their weights are copied.
    """

    def __init__(self, nets: Sequence[nn.Module]) -> None:
        super().__init__()
        self.count = len(nets)
        self.one = [copy.deepcopy(nets[0])]  # in a list: the pattern, no part of this net
        self.batched = fits(nets[0])
        self.nets = join(nets) if self.batched else nn.ModuleList(map(copy.deepcopy, nets))

    @property
    def module(self) -> nn.Module:
        """All nets with every parameter stacked along its first axis: this one."""
        return self

    def forward(self, samples: Tensor) -> Tensor:
        """Outputs ``(K, n, *out)`` of samples ``(n, *shape)`` that all nets share."""
        if self.batched:
            return nets_first(self.nets(Flow(samples, Layout.SHARED)), self.count)
        return torch.stack([net(samples) for net in self.nets.children()])

    def each(self, inputs: Tensor) -> Tensor:
        """Outputs ``(K, n, *out)`` of inputs ``(K, n, *shape)``, row k for net k."""
        if self.batched:
            return nets_first(self.nets(Flow(inputs, Layout.NETS)), self.count)
        return torch.stack(
            [net(own) for net, own in zip(self.nets.children(), inputs, strict=True)]
        )

    def state(self, position: int) -> State:
        """A copy of the weights and buffers of the net at ``position``, as it names them."""
        if not self.batched:
            own = list(self.nets.children())[position].state_dict()
            return {name: values.clone() for name, values in own.items()}
        return {
            name: chosen(values, self.count, [position]).contiguous()
            for name, values in self.nets.state_dict().items()
        }

    def net(self, state: State) -> nn.Module:
        """A net of this architecture with the weights ``state``, in eval mode."""
        made = copy.deepcopy(self.one[0])
        made.load_state_dict(state)
        return made.eval()

    def keep(self, positions: Sequence[int]) -> None:
        """Drop all nets but those at ``positions``; parameters remain the same objects."""
        if self.batched:
            for values in (*self.nets.parameters(), *self.nets.buffers()):
                values.data = chosen(values.data, self.count, positions)
                values.grad = None
            for layer in self.nets.modules():
                if isinstance(layer, Layer):
                    layer.count = len(positions)
        else:
            alone = list(self.nets.children())
            self.nets = nn.ModuleList(alone[position] for position in positions)
        self.count = len(positions)


def chosen(values: Tensor, count: int, positions: Sequence[int]) -> Tensor:
    """A copy of the parts at ``positions`` of ``values``, whose first axis holds ``count``.

    A value without axes counts for all nets alike.
    """
    if not values.ndim:
        return values.clone()
    return torch.unflatten(values, 0, (count, -1))[list(positions)].flatten(0, 1)
