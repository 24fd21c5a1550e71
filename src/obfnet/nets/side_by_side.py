"""Layers of K nets as one layer each: grouped convolutions and batched matrix products.

Between layers, values are pictures ``(n, K * channels, height, width)`` or vectors
``(K, n, width)``; before the first weights, all nets share ``(n, *shape)``.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm, conv2d, conv_transpose2d, linear


class Flow(NamedTuple):
    """What goes from layer to layer, and whether the nets still share it."""

    values: Tensor
    shared: bool


class Layer(nn.Module):
    """One layer of K nets, with the names of weights that it has in each."""

    def __init__(self, layers: Sequence[nn.Module]) -> None:
        super().__init__()
        self.count = len(layers)
        self.one = [copy.deepcopy(layers[0])]  # in a list: its weights are none of this layer's
        for name, _ in layers[0].named_parameters():
            whole = torch.cat([layer.get_parameter(name).detach() for layer in layers])
            self.register_parameter(name, nn.Parameter(whole))
        for name, values in layers[0].named_buffers():
            parts = [layer.get_buffer(name) for layer in layers]
            self.register_buffer(name, torch.cat(parts) if values.ndim else values.clone())

    def train(self, mode: bool = True) -> Layer:
        """Put the layer into train or eval mode."""
        self.one[0].train(mode)
        super().train(mode)
        return self

    def forward(self, flow: Flow) -> Flow:
        """The layer of each net on its own values; this one treats every value by itself."""
        return Flow(self.one[0](flow.values), flow.shared)


class _Flatten(Layer):
    def forward(self, flow: Flow) -> Flow:
        if flow.shared:
            return Flow(flow.values.flatten(1), True)
        return Flow(nets_first(flow, self.count).flatten(2), False)


class _Unflatten(Layer):
    def forward(self, flow: Flow) -> Flow:
        (layer,) = self.one
        assert isinstance(layer, nn.Unflatten)
        shape = tuple(int(length) for length in layer.unflattened_size)
        if flow.shared:
            return Flow(flow.values.unflatten(1, shape), True)
        return Flow(as_channels(flow.values.unflatten(2, shape)), False)


class _Linear(Layer):
    weight: Tensor
    bias: Tensor | None

    def forward(self, flow: Flow) -> Flow:
        bias = getattr(self, "bias", None)
        if flow.shared:  # one product for all nets
            wide = linear(flow.values, self.weight, bias)
            return Flow(wide.unflatten(1, (self.count, -1)).transpose(0, 1), False)
        weights = self.weight.unflatten(0, (self.count, -1)).transpose(1, 2)
        if bias is None:
            return Flow(torch.bmm(flow.values, weights), False)
        return Flow(torch.baddbmm(bias.view(self.count, 1, -1), flow.values, weights), False)


class _Conv2d(Layer):
    weight: Tensor

    def forward(self, flow: Flow) -> Flow:
        (layer,) = self.one
        assert isinstance(layer, nn.Conv2d)
        values, groups = flow.values, self.count * layer.groups
        if flow.shared and layer.groups == 1:
            groups = 1
        elif flow.shared:
            values = values.repeat(1, self.count, 1, 1)
        made = conv2d(
            values,
            self.weight,
            getattr(self, "bias", None),
            layer.stride,
            layer.padding,
            layer.dilation,
            groups,
        )
        return Flow(made, False)


class _ConvTranspose2d(Layer):
    weight: Tensor

    def forward(self, flow: Flow) -> Flow:
        (layer,) = self.one
        assert isinstance(layer, nn.ConvTranspose2d)
        made = conv_transpose2d(
            flow.values.repeat(1, self.count, 1, 1) if flow.shared else flow.values,
            self.weight,
            getattr(self, "bias", None),
            layer.stride,
            layer.padding,  # type: ignore[arg-type]  # no transposed one has it in words
            layer.output_padding,
            self.count * layer.groups,
            layer.dilation,
        )
        return Flow(made, False)


class _BatchNorm(Layer):
    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def forward(self, flow: Flow) -> Flow:
        (layer,) = self.one
        assert isinstance(layer, nn.modules.batchnorm._BatchNorm)
        values = flow.values
        if flow.shared:
            values = values.repeat(1, self.count, *[1] * (values.ndim - 2))
        elif values.ndim == 3:
            values = values.transpose(0, 1).flatten(1)
        if self.training:
            self.num_batches_tracked += 1
        made = batch_norm(
            values,
            self.running_mean,
            self.running_var,
            getattr(self, "weight", None),
            getattr(self, "bias", None),
            self.training,
            layer.momentum or 0.0,
            layer.eps,
        )
        if made.ndim == 2:
            made = made.unflatten(1, (self.count, -1)).transpose(0, 1)
        return Flow(made, False)


def nets_first(flow: Flow, count: int) -> Tensor:
    """Values as ``(K, n, …)``."""
    values = flow.values
    if flow.shared:
        return values.expand(count, *values.shape)
    if values.ndim == 4:
        values = torch.unflatten(values, 1, (count, -1)).transpose(0, 1)
    return values


def as_channels(values: Tensor) -> Tensor:
    """Pictures ``(K, n, channels, height, width)`` as ``(n, K * channels, height, width)``."""
    return values.transpose(0, 1).flatten(1, 2)


#: How each kind of layer stands side by side.
LAYERS: dict[type[nn.Module], Callable[[Sequence[nn.Module]], Layer]] = {
    nn.Linear: _Linear,
    nn.Conv2d: _Conv2d,
    nn.ConvTranspose2d: _ConvTranspose2d,
    nn.BatchNorm1d: _BatchNorm,
    nn.BatchNorm2d: _BatchNorm,
    nn.Flatten: _Flatten,
    nn.Unflatten: _Unflatten,
    # These treat every value or channel by itself.
    nn.ReLU: Layer,
    nn.GELU: Layer,
    nn.Sigmoid: Layer,
    nn.Tanh: Layer,
    nn.Identity: Layer,
    nn.Dropout: Layer,
    nn.MaxPool2d: Layer,
    nn.AvgPool2d: Layer,
    nn.AdaptiveAvgPool2d: Layer,
    nn.Upsample: Layer,
}


def fits(net: nn.Module) -> bool:
    """Whether nets like ``net`` can stand side by side: sequences of ``LAYERS`` only."""
    if isinstance(net, nn.Sequential) and type(net).forward is nn.Sequential.forward:
        return all(fits(layer) for layer in net)
    if isinstance(net, nn.Flatten):
        return net.start_dim == 1 and net.end_dim == -1
    if isinstance(net, nn.Unflatten):
        return net.dim == 1 and len(net.unflattened_size) == 3
    if isinstance(net, nn.Conv2d | nn.ConvTranspose2d) and net.padding_mode != "zeros":
        return False
    if isinstance(net, nn.BatchNorm1d | nn.BatchNorm2d):
        return bool(net.track_running_stats and net.momentum is not None)
    return type(net) in LAYERS or getattr(net, "elementwise", False)


def join(nets: Sequence[nn.Module]) -> nn.Module:
    """K nets that fit as one, from ``Flow`` to ``Flow``."""
    if isinstance(nets[0], nn.Sequential):
        names = [name for name, _ in nets[0].named_children()]
        joined = nn.Sequential()
        for name in names:
            joined.add_module(name, join([net.get_submodule(name) for net in nets]))
        return joined
    return LAYERS.get(type(nets[0]), Layer)(nets)
