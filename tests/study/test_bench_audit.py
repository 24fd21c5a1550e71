"""The peer is rebuilt to its published shapes, and scored as pictures are."""

import numpy as np
import pytest
import torch

pytest.importorskip("skimage")

from obfnet.study.bench_audit import (
    FEATURES,
    LAYERS_TO_RELU2,
    SHAPE,
    inverse_network,
    lenet,
    score,
)


def test_the_inverse_network_turns_features_into_samples():
    samples = torch.rand(2, *SHAPE)
    net = lenet()
    assert net(samples).shape == (2, 10)
    features = net[:LAYERS_TO_RELU2](samples)
    assert features.shape[1:] == FEATURES
    assert features.min() == 0  # behind a ReLU
    assert inverse_network()(features).shape == samples.shape


def test_scores_are_psnr_and_ssim():
    samples = np.random.default_rng(0).uniform(0, 0.9, (3, *SHAPE)).astype(np.float32)
    same = score(samples, samples)
    assert np.allclose(same["SSIM"], 1)
    assert np.all(same["PSNR, dB"] >= 99)
    shifted = score(samples, samples + np.float32(0.1))
    assert np.allclose(shifted["PSNR, dB"], 20, atol=1e-3)
    assert np.all(shifted["SSIM"] < 0.999)
