"""Formats by name, and what is said where what makes one is not installed."""

import sys

import numpy as np
import pytest
from torch import nn

from obfnet.bundling.formats import find
from obfnet.bundling.litert_export import export_litert
from obfnet.errors import MissingExtraError, UnknownNameError

SAMPLES = np.random.default_rng(0).random((40, 1, 4, 4), dtype=np.float32)


def test_a_forge_without_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "litert_torch", None)
    with pytest.raises(MissingExtraError, match=r"obfnet\[litert\]"):
        export_litert(nn.Flatten(), SAMPLES)


def test_formats_by_name():
    assert (find("onnx").suffix, find("litert").suffix) == (".onnx", ".tflite")
    with pytest.raises(UnknownNameError, match="onnx, litert"):
        find("tar")
