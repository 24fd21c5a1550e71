"""Layers of K nets as one layer each: grouped convolutions and batched matrix products.

A net that has no parts but these, none of them altered or tied to another, computes side by
side what it computes alone, up to the rounding of another order of sums and to the draws of
dropout.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from enum import Enum
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm, conv2d, conv_transpose2d, linear


class Layout(Enum):
    """How the values of K nets are laid out where each net alone has ``(n, *shape)``."""

    #: ``(n, *shape)``: before the first weights, all nets have the same values.
    SHARED = "shared"
    #: ``(K, n, *shape)``.
    NETS = "nets"
    #: ``(n, K * shape[0], *shape[1:])``.
    CHANNELS = "channels"


class Flow(NamedTuple):
    """What goes from layer to layer."""

    values: Tensor
    layout: Layout


class Layer(nn.Module):
    """One layer of K nets, with the names of weights that it has in each."""

    def __init__(self, layers: Sequence[nn.Module]) -> None:
        super().__init__()
        self.count = len(layers)
        self.one = [copy.deepcopy(layers[0])]  # in a list: its weights are none of this layer's
        for name, _ in layers[0].named_parameters():
            parts = [layer.get_parameter(name) for layer in layers]
            whole = torch.cat([part.detach() for part in parts])
            self.register_parameter(name, nn.Parameter(whole, parts[0].requires_grad))
        for name, values in layers[0].named_buffers():
            buffers = [layer.get_buffer(name) for layer in layers]
            self.register_buffer(name, torch.cat(buffers) if values.ndim else values.clone())

    def train(self, mode: bool = True) -> Layer:
        """Put the layer into train or eval mode."""
        self.one[0].train(mode)
        super().train(mode)
        return self

    def forward(self, flow: Flow) -> Flow:
        """The layer of each net on its own values; this one treats every value by itself."""
        return Flow(self.one[0](flow.values), flow.layout)


class _Places(Layer):
    """A layer that treats every channel of every sample by itself."""

    def forward(self, flow: Flow) -> Flow:
        pictures = flow.values.ndim == 4 and flow.layout is Layout.CHANNELS
        if pictures or flow.layout is Layout.SHARED:
            return super().forward(flow)
        made = self.one[0](nets_first(flow, self.count).flatten(0, 1))
        return Flow(torch.unflatten(made, 0, (self.count, -1)), Layout.NETS)


class _Flatten(Layer):
    def forward(self, flow: Flow) -> Flow:
        if flow.layout is Layout.SHARED:
            return Flow(flow.values.flatten(1), flow.layout)
        return Flow(nets_first(flow, self.count).flatten(2), Layout.NETS)


class _Unflatten(Layer):
    def forward(self, flow: Flow) -> Flow:
        (layer,) = self.one
        assert isinstance(layer, nn.Unflatten)
        shape = tuple(int(length) for length in layer.unflattened_size)
        if flow.layout is Layout.SHARED:
            return Flow(flow.values.unflatten(1, shape), flow.layout)
        return Flow(nets_first(flow, self.count).unflatten(2, shape), Layout.NETS)


class _Linear(Layer):
    weight: Tensor
    bias: Tensor | None

    def forward(self, flow: Flow) -> Flow:
        bias = getattr(self, "bias", None)
        if flow.layout is Layout.SHARED:  # one product for all nets
            wide = linear(flow.values, self.weight, bias)
            return Flow(wide.unflatten(-1, (self.count, -1)).movedim(-2, 0), Layout.NETS)
        values = nets_first(flow, self.count)
        flat = values.flatten(1, -2)
        weights = self.weight.unflatten(0, (self.count, -1)).transpose(1, 2)
        if bias is None:
            made = torch.bmm(flat, weights)
        else:
            made = torch.baddbmm(bias.view(self.count, 1, -1), flat, weights)
        return Flow(made.unflatten(1, values.shape[1:-1]), Layout.NETS)


class _Conv2d(Layer):
    weight: Tensor

    def forward(self, flow: Flow) -> Flow:
        (layer,) = self.one
        assert isinstance(layer, nn.Conv2d)
        together = flow.layout is Layout.SHARED and layer.groups == 1
        made = conv2d(
            flow.values if together else as_channels(flow, self.count),
            self.weight,
            getattr(self, "bias", None),
            layer.stride,
            layer.padding,
            layer.dilation,
            1 if together else self.count * layer.groups,
        )
        return Flow(made, Layout.CHANNELS)


class _ConvTranspose2d(Layer):
    weight: Tensor

    def forward(self, flow: Flow) -> Flow:
        (layer,) = self.one
        assert isinstance(layer, nn.ConvTranspose2d)
        made = conv_transpose2d(
            as_channels(flow, self.count),
            self.weight,
            getattr(self, "bias", None),
            layer.stride,
            layer.padding,  # type: ignore[arg-type]  # no transposed one has it in words
            layer.output_padding,
            self.count * layer.groups,
            layer.dilation,
        )
        return Flow(made, Layout.CHANNELS)


class _BatchNorm(Layer):
    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def forward(self, flow: Flow) -> Flow:
        (layer,) = self.one
        assert isinstance(layer, nn.modules.batchnorm._BatchNorm)
        if self.training:
            self.num_batches_tracked += 1
        made = batch_norm(
            as_channels(flow, self.count),
            self.running_mean,
            self.running_var,
            getattr(self, "weight", None),
            getattr(self, "bias", None),
            self.training,
            layer.momentum or 0.0,
            layer.eps,
        )
        return Flow(made, Layout.CHANNELS)


def nets_first(flow: Flow, count: int) -> Tensor:
    """Values as ``(K, n, *shape)``."""
    if flow.layout is Layout.SHARED:
        return flow.values.expand(count, *flow.values.shape)
    if flow.layout is Layout.CHANNELS:
        return torch.unflatten(flow.values, 1, (count, -1)).transpose(0, 1)
    return flow.values


def as_channels(flow: Flow, count: int) -> Tensor:
    """Values as ``(n, K * shape[0], *shape[1:])``."""
    if flow.layout is Layout.CHANNELS:
        return flow.values
    return nets_first(flow, count).transpose(0, 1).flatten(1, 2)


#: How each kind of layer stands side by side.
LAYERS: dict[type[nn.Module], Callable[[Sequence[nn.Module]], Layer]] = {
    nn.Linear: _Linear,
    nn.Conv2d: _Conv2d,
    nn.ConvTranspose2d: _ConvTranspose2d,
    nn.BatchNorm1d: _BatchNorm,
    nn.BatchNorm2d: _BatchNorm,
    nn.Flatten: _Flatten,
    nn.Unflatten: _Unflatten,
    nn.ReLU: Layer,
    nn.GELU: Layer,
    nn.Sigmoid: Layer,
    nn.Tanh: Layer,
    nn.Identity: Layer,
    nn.Dropout: Layer,
    nn.MaxPool2d: _Places,
    nn.AvgPool2d: _Places,
    nn.AdaptiveAvgPool2d: _Places,
    nn.Upsample: _Places,
}


def fits(net: nn.Module) -> bool:
    """Whether nets like ``net`` can stand side by side: sequences of ``LAYERS`` and no more.

    A layer of one's own without weights says with ``elementwise = True`` that it treats every
    value by itself.
    """
    named = (
        *net.named_parameters(remove_duplicate=False),
        *net.named_buffers(remove_duplicate=False),
    )
    tied = len({id(values) for _, values in named}) < len(named)
    return not tied and _stands(net)


def _stands(net: nn.Module) -> bool:
    hooked = any(hooks for name, hooks in vars(net).items() if name.endswith("_hooks"))
    if hooked or "forward" in vars(net):  # an older weight_norm, say
        return False
    own = any(True for _ in (*net.parameters(recurse=False), *net.buffers(recurse=False)))
    kind = type(net)
    if isinstance(net, nn.Sequential):
        plain = kind.forward is nn.Sequential.forward and kind.train is nn.Module.train
        return plain and not own and all(map(_stands, net))
    if kind not in LAYERS:
        return bool(getattr(net, "elementwise", False)) and not own and not list(net.children())
    if isinstance(net, nn.Flatten):
        return net.start_dim == 1 and net.end_dim == -1
    if isinstance(net, nn.Unflatten):
        return net.dim == 1 and all(isinstance(each, int) for each in net.unflattened_size)
    if isinstance(net, nn.Conv2d | nn.ConvTranspose2d):
        return net.padding_mode == "zeros"
    if isinstance(net, nn.BatchNorm1d | nn.BatchNorm2d):
        return bool(net.track_running_stats and net.momentum is not None)
    return True


def join(nets: Sequence[nn.Module]) -> nn.Module:
    """K nets that fit as one, from ``Flow`` to ``Flow``."""
    if isinstance(nets[0], nn.Sequential):
        joined = nn.Sequential()
        for name in nets[0]._modules:  # named_children leaves out a layer that comes twice
            joined.add_module(name, join([net.get_submodule(name) for net in nets]))
        return joined
    return LAYERS.get(type(nets[0]), Layer)(nets)
