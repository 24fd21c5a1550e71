"""The decoder of pictures, refined under the scores that judge it beside squared error."""

from __future__ import annotations

from torch import Tensor

from obfnet.auditing.attacks.refined import Apart, RefinedDecoder
from obfnet.auditing.evidence import Known
from obfnet.auditing.scores import SMOOTH

#: Scores that it trains on.
JUDGED = ("ssim", "pyramid")


class SimilarDecoder(RefinedDecoder):
    """White-box attacker with pairs who wants similar pictures rather than close values."""

    name = "similar"

    def apart(self, known: Known) -> Apart:
        """The sum of the scores."""

        def judged(answer: Tensor, wanted: Tensor) -> Tensor:
            inside = answer.clamp(known.spec.low, known.spec.high)
            scores = [SMOOTH[name](wanted, inside, known.spec).mean() for name in JUDGED]
            return scores[0] + scores[1]

        return judged
