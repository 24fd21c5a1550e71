"""A decoder of pictures trained on pairs (x, x'): dense where x' is scrambled, else local."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from obfnet.auditing.attack import Attack
from obfnet.auditing.decoder import COARSE, Decoder
from obfnet.auditing.evidence import Known, Pairs
from obfnet.auditing.linear import bounded_ridge
from obfnet.auditing.view import View
from obfnet.errors import NotMeasurableError
from obfnet.forging.loop import Schedule, build, fit
from obfnet.specs import Labels, Samples

#: Share of an effort's steps: one of them costs two of the other decoders'.
SHARE = 0.5
#: An effort of as many steps or more gets the wide net.
MANY_STEPS, WIDE, NARROW = 2_000, 32, 16


@dataclass(frozen=True, eq=False)
class Rows:
    """Pairs as a decoder takes them.

    Args:
        seen: x' and label, ``(n, prod(released) + classes)``.
        wanted: flat samples, ``(n, prod(shape))``.
        own: the first so many are real samples, the others mixtures.
    """

    seen: Tensor
    wanted: Tensor
    own: int


class ConvolutionalDecoder(Attack):
    """White-box attacker with pairs: ridge regression, then a residual U-Net with a dense lift."""

    name = "convolutional"

    def fit(self, known: Known, seed: int) -> None:
        """Fit the linear part, then train the net on top; both chosen on validation pairs.

        Raises:
            NotMeasurableError: samples are no pictures of 8x8 or more.
        """
        released = np.concatenate([known.train.released, known.made.released])
        self._view = View(released, known.classes)
        self._shape = picture(known.spec.shape)
        train = self._rows(known.train, known.made)
        validation = self._rows(known.validation)
        effort = known.effort
        width = WIDE if effort.steps >= MANY_STEPS else NARROW
        schedule = effort.schedule(len(train.seen), rate=3e-3, share=SHARE)
        seen = known.subject.released or self._shape
        self._net = learn(train, validation, seen, self._shape, width, schedule, seed)

    def reconstruct(self, released: Samples, answers: Labels) -> Samples:
        """The net's output for each x' and label."""
        return decoded(self._net, self._view(released, answers)).reshape(-1, *self._shape)

    def _rows(self, *parts: Pairs) -> Rows:
        together = (
            np.concatenate([getattr(pairs, name) for pairs in parts])
            for name in ("released", "answers", "originals")
        )
        released, answers, originals = together
        flat = torch.from_numpy(originals.reshape(len(originals), -1))
        return Rows(self._view(released, answers), flat, len(parts[0]))


def learn(
    train: Rows,
    validation: Rows,
    released: tuple[int, ...],
    shape: tuple[int, int, int],
    width: int,
    schedule: Schedule,
    seed: int,
) -> Decoder:
    """Train a decoder for squared error; its best checkpoint on ``validation``.

    Args:
        train: the pairs to learn from.
        validation: others to choose by.
        released: shape of x', which may be another than a sample's.
        shape: of a sample.
        width: see ``Decoder``.
        schedule: how long and how fast.
        seed: fixes weights and the order of pairs.
    """
    linear = bounded_ridge(
        train.seen, train.wanted, validation.seen, validation.wanted, train.own, seed
    )
    classes = train.seen.shape[1] - prod(released)
    module = build(lambda: Decoder(linear, released, classes, shape, width), seed)
    assert isinstance(module, Decoder)
    net: Decoder = module
    guess = guessed(net, train.seen)
    held_guess = guessed(net, validation.seen)
    fit(
        net,
        loss=lambda indices: mse_loss(
            net(train.seen[indices], guess[indices]), train.wanted[indices]
        ),
        score=lambda: -_error(net, validation, held_guess),
        count=len(train.seen),
        schedule=schedule,
        seed=seed,
        label="attack: convolutional",
    )
    return net


BATCH = 512


def decoded(net: Decoder, seen: Tensor) -> Samples:
    """What the net makes of rows, ``(n, prod(shape))``, batch by batch: bounds memory."""
    with torch.inference_mode():
        parts = [net(some).numpy() for some in seen.split(BATCH)]
    return np.concatenate(parts)


def guessed(net: Decoder, seen: Tensor) -> Tensor:
    """What the net's linear part alone makes of rows."""
    with torch.no_grad():
        return torch.cat([net.linear(some) for some in seen.split(BATCH)])


def picture(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """``shape`` where it is of a picture large enough for two grids.

    Raises:
        NotMeasurableError: it is not.
    """
    if len(shape) != 3 or min(shape[1:]) < COARSE:
        raise NotMeasurableError(
            f"samples of shape {shape} are no pictures (channels, height, width) of "
            f"{COARSE}x{COARSE} or more: convolutions see nothing in them"
        )
    channels, height, width = shape
    return channels, height, width


def _error(net: Decoder, rows: Rows, guess: Tensor) -> float:
    parts = zip(rows.seen.split(BATCH), guess.split(BATCH), rows.wanted.split(BATCH), strict=True)
    total = sum(float(mse_loss(net(a, b), c, reduction="sum")) for a, b, c in parts)
    return total / rows.wanted.numel()
