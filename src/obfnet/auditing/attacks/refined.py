"""The decoder of pictures, refined under another loss beside squared error."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from obfnet.auditing.attacks.convolutional import ConvolutionalDecoder, Rows, guessed
from obfnet.auditing.evidence import Known
from obfnet.forging.loop import fit

#: Share of an effort's steps, after those of the plain decoder: each may cost the InfNet's too.
SHARE = 0.2
#: Weight of the other loss beside the squared error, both in units of the plain decoder's.
WEIGHT = 1.0
#: Validation pairs that the best checkpoint is chosen on.
HELD = 256
#: Answers and samples ``(n, *shape)`` to how far they are apart, a scalar.
Apart = Callable[[Tensor, Tensor], Tensor]


class RefinedDecoder(ConvolutionalDecoder):
    """Trains as the plain decoder does, then on two losses; a subclass says which the other is.

    Squared error alone answers the mean of all samples that could have been, which is blurred and
    looks like none of them.
    """

    @abstractmethod
    def apart(self, known: Known) -> Apart:
        """The other loss."""

    def fit(self, known: Known, seed: int) -> None:
        """Train on one loss, then on both; chosen on validation pairs.

        Raises:
            NotMeasurableError: samples are no pictures, or the other loss cannot be had.
        """
        other = self.apart(known)
        super().fit(known, seed)
        net, train = self._net, self._rows(known.train, known.made)
        whole = self._rows(known.validation)
        held = Rows(whole.seen[:HELD], whole.wanted[:HELD], HELD)
        guess, held_guess = guessed(net, train.seen), guessed(net, held.seen)

        def loss(seen: Tensor, guess: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
            answer = net(seen, guess)
            pictures = (flat.reshape(-1, *self._shape) for flat in (answer, wanted))
            return mse_loss(answer, wanted), other(*pictures)

        with torch.inference_mode():
            parts = loss(held.seen, held_guess, held.wanted)
            units = [max(float(part), 1e-8) for part in parts]

        def total(parts: tuple[Tensor, Tensor]) -> Tensor:
            return parts[0] / units[0] + WEIGHT * parts[1] / units[1]

        fit(
            net,
            loss=lambda i: total(loss(train.seen[i], guess[i], train.wanted[i])),
            score=lambda: -float(total(loss(held.seen, held_guess, held.wanted))),
            count=len(train.seen),
            schedule=known.effort.schedule(len(train.seen), rate=1e-3, share=SHARE),
            seed=seed,
            label=f"attack: {self.name}",
        )
