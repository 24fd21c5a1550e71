"""The codebook's two forms agree, and its exact form lets nothing else through."""

import numpy as np
import pytest
import torch

from obfnet.errors import ObfuscationFailedError, SpecError, UnknownNameError
from obfnet.mechanisms.codebook import Codebook
from obfnet.mechanisms.mechanism import make


def test_release_is_the_index_of_the_largest_value():
    code = np.array([[0.1, 3, 2], [5, -1, 4]], np.float32)
    assert Codebook(3).release(code).tolist() == [1, 0]


def test_the_relaxed_form_approaches_the_exact_one():
    code = torch.randn(50, 7, generator=torch.Generator().manual_seed(0))
    soft = Codebook(7).relax(1e5 * code)
    assert (soft.argmax(1).numpy() == Codebook(7).release(code.numpy())).all()
    assert soft.max(1).values.min() > 0.99


def test_the_relaxed_form_carries_gradients():
    code = torch.randn(4, 5, requires_grad=True)
    Codebook(5).relax(code)[:, 0].sum().backward()
    assert code.grad.abs().sum() > 0


@pytest.mark.parametrize(
    "code",
    [
        np.zeros((2, 4), np.float32),
        np.zeros(3, np.float32),
        np.array([[np.nan, 1, 2]], np.float32),
        np.array([[np.inf, 1, 2]], np.float32),
    ],
)
def test_anything_but_a_finite_code_is_refused(code):
    with pytest.raises(ObfuscationFailedError):
        Codebook(3).release(code)


@pytest.mark.parametrize("arguments", [(1,), (0,), (10, 0), (10, 3)])
def test_arguments_must_make_sense(arguments):
    with pytest.raises(SpecError):
        Codebook(*arguments)


def test_made_by_name():
    assert make("codebook", {"codes": 12, "rows_per_class": 3}) == Codebook(12, 3)
    assert make("none", {}).name == "none"
    with pytest.raises(UnknownNameError):
        make("magic", {})
