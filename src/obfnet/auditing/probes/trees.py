"""Decision trees on x', its principal components and the label."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.ensemble import ExtraTreesClassifier
from torch import Tensor

from obfnet.auditing.evidence import Known
from obfnet.auditing.probe import Probe
from obfnet.auditing.view import View
from obfnet.specs import Labels, Samples

#: Principal components beside the values themselves, which a tree sees one at a time.
COMPONENTS = 48
#: Trees of each forest: enough that more change little, fewer where effort is small.
FEWEST, MOST = 60, 300
#: Samples in a leaf at least; validation pairs choose. Few fit a plain rule, many a faint one.
LEAVES = (1, 12)


class TreesProbe(Probe):
    """Two forests of extremely randomised trees (Geurts, Ernst, Wehenkel 2006), the better one.

    Thresholds on single values find what a net's smooth layers pass over: flags, steps, codes
    and whatever else a malicious forge writes into a corner of x'.
    """

    name = "trees"

    def fit(self, known: Known, attribute: str, seed: int) -> None:
        """Grow the forests on the attacker's pairs; validation pairs choose between them."""
        train, held = known.train, known.validation
        self._view = View(train.released, known.classes)
        rows = self._view(train.released, train.answers)
        self._axes = _axes(rows)
        count = int(np.clip(known.effort.steps // 12, FEWEST, MOST))
        seen, wanted = self._columns(rows), train.attributes[attribute]
        held_seen = self._columns(self._view(held.released, held.answers))
        grown = [
            ExtraTreesClassifier(count, min_samples_leaf=leaf, n_jobs=1, random_state=seed % 2**32)
            .fit(seen, wanted)
            for leaf in LEAVES
        ]  # fmt: skip
        truth = held.attributes[attribute]
        self._forest: Any = max(grown, key=lambda forest: forest.score(held_seen, truth))

    def infer(self, released: Samples, answers: Labels) -> Labels:
        """The value that most trees hold likely."""
        found: Labels = self._forest.predict(self._columns(self._view(released, answers)))
        return found.astype(np.int64)

    def _columns(self, rows: Tensor) -> npt.NDArray[np.float32]:
        columns: npt.NDArray[np.float32] = torch.cat([rows, rows @ self._axes], dim=1).numpy()
        return columns


def _axes(rows: Tensor) -> Tensor:
    """The directions ``(width, components)`` in which rows vary most; rows are about centred."""
    spread = rows - rows.mean(dim=0)
    axes: Tensor = torch.linalg.eigh(spread.T @ spread).eigenvectors
    return axes[:, -COMPONENTS:]
