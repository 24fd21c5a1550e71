"""An exported net answers as the original does, at any batch size, or is not handed out."""

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from obfnet.bundling.onnx_export import BATCHES, export_onnx
from obfnet.errors import ExportError

SAMPLES = np.random.default_rng(0).random((40, 1, 4, 4), dtype=np.float32)


class Restless(nn.Module):
    """Answers otherwise each time it is asked."""

    def __init__(self):
        super().__init__()
        self.calls = 0

    def forward(self, samples):
        self.calls += 1
        return samples.flatten(1) + self.calls


class Undefined(nn.Module):
    """Answers NaN."""

    def forward(self, samples):
        return (samples.flatten(1) - 2).sqrt()


class Branching(nn.Module):
    """Looks at its values to choose a way, which no exported graph can follow."""

    def forward(self, samples):
        return samples * 2 if samples.sum() > 0 else samples


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_parity_at_any_batch():
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(1, 3, 3, padding=1),
        nn.BatchNorm2d(3),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Flatten(),
        nn.Linear(48, 5),
    )
    content = export_onnx(module, SAMPLES)
    assert not module.training
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    assert [tensor.name for tensor in session.get_inputs()] == ["input"]
    assert [tensor.name for tensor in session.get_outputs()] == ["output"]
    for batch in (*BATCHES, 40):
        (found,) = session.run(None, {"input": SAMPLES[:batch]})
        with torch.inference_mode():
            wanted = module(torch.from_numpy(SAMPLES[:batch]))
        np.testing.assert_allclose(found, wanted, atol=1e-5)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_net_that_answers_otherwise_is_not_handed_out():
    with pytest.raises(ExportError, match="differs from the original"):
        export_onnx(Restless(), SAMPLES)


def test_net_that_cannot_be_exported():
    with pytest.raises(ExportError):
        export_onnx(Branching(), SAMPLES)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_net_that_answers_nan_is_not_handed_out():
    with pytest.raises(ExportError):
        export_onnx(Undefined(), SAMPLES)


def test_too_few_samples():
    with pytest.raises(ExportError, match="17 real samples, got 16"):
        export_onnx(nn.Flatten(), SAMPLES[:16])
