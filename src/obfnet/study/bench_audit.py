"""``obfnet bench audit``: our decoder beside the inverse network that is its published peer.

He, Zhang and Lee, "Model Inversion Attacks Against Collaborative Inference" (ACSAC 2019), black
box, "same set", MNIST, LeNet's second ReLU. Layers of LeNet and of their inverse network are those
of the code its authors published; what neither paper nor code fixes is in ``NOTE``.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from obfnet.auditing.attacks.convolutional import Rows, decoded, learn
from obfnet.auditing.intervals import Values, of_mean_ratio
from obfnet.auditing.scores import SCORES
from obfnet.auditing.view import View
from obfnet.data import mnist
from obfnet.data.loading import load
from obfnet.forging.infnet import train_infnet
from obfnet.forging.loop import Schedule, build, fit
from obfnet.progress import say
from obfnet.seeds import branch
from obfnet.specs import Samples, SampleSpec
from obfnet.study.sheet import publish
from obfnet.threads import available

TITLE = "Decoders of LeNet's second ReLU on MNIST"
NOTE = (
    "Black box, same set: the attacker has pairs of LeNet's own training samples, the 10,000 test "
    "samples are scored; higher is better. Published: He, Zhang and Lee, ACSAC 2019. The rebuilt "
    "inverse network has its authors' layers, rate, batch and epochs, but our pairs, plain Adam "
    "and a cosine schedule; its best checkpoint counts. Not given by them and assumed: PSNR in "
    "[0, 1] averaged over samples, SSIM in 7x7 windows."
)
SHAPE, FEATURES = (1, 28, 28), (16, 8, 8)
SPEC = SampleSpec(SHAPE, 0.0, 1.0)
PAIRS, WIDTH = 20_000, 16
LENET = Schedule(epochs=4, batch=64)
ATTACK = Schedule(epochs=12, batch=128, rate=3e-3, patience=5)
THEIRS = Schedule(epochs=50, batch=32, rate=1e-3)
#: Mean PSNR in dB and mean SSIM, as published.
PUBLISHED = {"PSNR, dB": 20.35, "SSIM": 0.733}


def bench_audit(folder: Path, seed: int, command: str) -> Path:
    """Train LeNet, then both decoders on the same pairs; score them on the same test samples."""
    started = time.perf_counter()
    torch.set_num_threads(available())
    data = load("mnist")
    splits = mnist.split(data, branch(seed, "split"))
    infnet = train_infnet(lenet, data, splits, LENET, branch(seed, "lenet"))
    test = data.samples[splits.test]
    accuracy = float((infnet.predict(test) == data.labels[splits.test]).mean())
    say(f"LeNet: {accuracy:.2%}")
    assert isinstance(infnet.module, nn.Sequential)
    features = infnet.module[:LAYERS_TO_RELU2]
    own = np.random.default_rng(branch(seed, "pairs")).permutation(splits.train)[:PAIRS]
    train, held, unseen = (
        _features(features, data.samples[part]) for part in (own, splits.validation, splits.test)
    )
    say(f"decoders, {len(own)} pairs")
    guesses = {
        "ours": _ours(train, held, unseen, branch(seed, "ours")),
        "theirs": _theirs(train, held, unseen, branch(seed, "theirs")),
    }
    scores = {
        name: score(test, guess.reshape(test.shape).clip(0, 1)) for name, guess in guesses.items()
    }
    rows = [row for unit in PUBLISHED for row in _rows(unit, scores, accuracy, seed)]
    return publish(folder, command, rows, time.perf_counter() - started, TITLE, NOTE)


def _features(layers: nn.Module, samples: Samples) -> Rows:
    """Features as rows, beside the samples they were made from."""
    flat = torch.from_numpy(samples)
    with torch.no_grad():
        parts = [layers(some).flatten(1) for some in flat.split(1024)]
    return Rows(torch.cat(parts), flat.flatten(1), len(samples))


def _ours(train: Rows, held: Rows, unseen: Rows, seed: int) -> Samples:
    """The convolutional attack's decoder, without a label."""
    view = View(train.seen.numpy(), classes=1)  # a label that says nothing

    def viewed(rows: Rows) -> Rows:
        return Rows(view(rows.seen.numpy(), np.zeros(rows.own, np.int64)), rows.wanted, rows.own)

    net = learn(viewed(train), viewed(held), FEATURES, SHAPE, WIDTH, ATTACK, seed)
    return decoded(net, viewed(unseen).seen)


def _theirs(train: Rows, held: Rows, unseen: Rows, seed: int) -> Samples:
    """Their inverse network, trained in their units, [-1, 1]."""
    net = build(inverse_network, seed)

    def error(rows: Rows) -> Tensor:
        return mse_loss(net(rows.seen.reshape(-1, *FEATURES)).flatten(1), 2 * rows.wanted - 1)

    def loss(indices: Tensor) -> Tensor:
        return error(Rows(train.seen[indices], train.wanted[indices], len(indices)))

    fit(net, loss, lambda: -float(error(held)), len(train.seen), THEIRS, seed, "their network")
    with torch.inference_mode():
        guess: Samples = (net(unseen.seen.reshape(-1, *FEATURES)) / 2 + 0.5).flatten(1).numpy()
    return guess


class _Signed(nn.Module):
    """[0, 1] to [-1, 1], as their data is."""

    def forward(self, samples: Tensor) -> Tensor:
        return 2 * samples - 1


#: With the scaling: convolution, ReLU, pool, convolution, ReLU.
LAYERS_TO_RELU2 = 6


def lenet() -> nn.Sequential:
    """Their LeNet: 8 and 16 maps of 5x5, unpadded, then dense 120, 84, 10."""
    return nn.Sequential(
        _Signed(),
        nn.Conv2d(1, 8, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(256, 120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, 10),
    )


def inverse_network() -> nn.Sequential:
    """Their inverse network for the second ReLU, 3.4 k parameters; answers in [-1, 1]."""
    return nn.Sequential(
        nn.ConvTranspose2d(16, 8, 5),
        nn.ReLU(),
        nn.ConvTranspose2d(8, 1, 5, stride=2, output_padding=1),
    )


def score(originals: Samples, guess: Samples) -> Mapping[str, Values]:
    """PSNR and SSIM of each sample ``(n, 1, height, width)`` in [0, 1], ``(n,)`` each."""
    squares = np.square(originals.astype(np.float64) - guess).reshape(len(guess), -1).mean(axis=1)
    similar = 1 - SCORES["ssim"](originals, guess, SPEC)
    return {"PSNR, dB": -10 * np.log10(np.maximum(squares, 1e-10)), "SSIM": similar}


def _rows(
    unit: str, scores: Mapping[str, Mapping[str, Values]], accuracy: float, seed: int
) -> list[dict[str, Any]]:
    """Ours beside theirs as rebuilt, and beside theirs as published."""
    ours, theirs = scores["ours"][unit], scores["theirs"][unit]
    published = np.full_like(ours, PUBLISHED[unit])
    baselines = {
        "inverse network of He et al., rebuilt": theirs,
        "inverse network of He et al., as published": published,
    }
    return [
        {
            "bench": "audit",
            "dataset": "mnist",
            "infnet": "LeNet, second ReLU",
            "subject": "convolutional decoder",
            "baseline": name,
            "ratio": float(ours.mean() / values.mean()),
            "ratio_ci": list(of_mean_ratio(ours, values, seed)),
            "unit": unit,
            "value": float(ours.mean()),
            "baseline_value": float(values.mean()),
            "accuracy": accuracy,
            "rounds": 1,
            "seeds": [seed],
        }
        for name, values in baselines.items()
    ]
