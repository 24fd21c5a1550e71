"""The decoder of pictures, refined until the InfNet too takes its answers for the originals."""

from __future__ import annotations

import torch
from torch import Tensor

from obfnet.auditing.attacks.refined import Apart, RefinedDecoder
from obfnet.auditing.evidence import Known
from obfnet.auditing.features import Features, distance


class PerceptualDecoder(RefinedDecoder):
    """White-box attacker with pairs and the InfNet's weights: squared error and feature loss.

    The InfNet's own layers notice what squared error does not (Johnson, Alahi and Fei-Fei, ECCV
    2016; Dosovitskiy and Brox, NIPS 2016).
    """

    name = "perceptual"
    knows = "pairs (x, x'), the label and the InfNet's layers"

    def apart(self, known: Known) -> Apart:
        """Distance of what the InfNet's layers see.

        Raises:
            NotMeasurableError: the InfNet shows no layers.
        """
        features = Features(known.infnet)

        def seen(answer: Tensor, wanted: Tensor) -> Tensor:
            with torch.no_grad():
                target = features(wanted)
            return distance(features(answer), target).mean()

        return seen
