"""The decoder of pictures, refined until the InfNet too takes its answers for the originals."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from obfnet.auditing.attacks.convolutional import ConvolutionalDecoder, Rows, guessed
from obfnet.auditing.evidence import Known
from obfnet.auditing.features import Features, distance
from obfnet.forging.loop import fit

#: Share of an effort's steps, after those of the plain decoder: each costs the InfNet's too.
SHARE = 0.2
#: Weight of the feature loss beside the squared error in units of the plain decoder's.
WEIGHT = 1.0
#: Validation pairs that the best checkpoint is chosen on.
HELD = 256


class PerceptualDecoder(ConvolutionalDecoder):
    """White-box attacker with pairs and the InfNet's weights: squared error and feature loss.

    Squared error alone answers the mean of all samples that could have been, which is blurred and
    looks like none of them. The InfNet's own layers notice (Johnson, Alahi and Fei-Fei, ECCV 2016;
    Dosovitskiy and Brox, NIPS 2016).
    """

    name = "perceptual"
    knows = "pairs (x, x'), the label and the InfNet's layers"

    def fit(self, known: Known, seed: int) -> None:
        """Train as the plain decoder does, then on both losses; chosen on validation pairs.

        Raises:
            NotMeasurableError: samples are no pictures, or the InfNet shows no layers.
        """
        features = Features(known.infnet)
        super().fit(known, seed)
        net, train = self._net, self._rows(known.train, known.made)
        whole = self._rows(known.validation)
        held = Rows(whole.seen[:HELD], whole.wanted[:HELD], HELD)
        guess, held_guess = guessed(net, train.seen), guessed(net, held.seen)

        def loss(seen: Tensor, guess: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
            answer = net(seen, guess)
            with torch.no_grad():
                target = features(wanted.reshape(-1, *self._shape))
            apart = distance(features(answer.reshape(-1, *self._shape)), target).mean()
            return mse_loss(answer, wanted), apart

        with torch.inference_mode():
            squares, apart = (float(part) for part in loss(held.seen, held_guess, held.wanted))
        unit, other = max(squares, 1e-8), max(apart, 1e-8)

        def total(parts: tuple[Tensor, Tensor]) -> Tensor:
            return parts[0] / unit + WEIGHT * parts[1] / other

        fit(
            net,
            loss=lambda i: total(loss(train.seen[i], guess[i], train.wanted[i])),
            score=lambda: -float(total(loss(held.seen, held_guess, held.wanted))),
            count=len(train.seen),
            schedule=known.effort.schedule(len(train.seen), rate=1e-3, share=SHARE),
            seed=seed,
            label="attack: perceptual",
        )
