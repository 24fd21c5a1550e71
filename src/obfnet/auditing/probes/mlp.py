"""A deep classifier on x' and the label."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from obfnet.auditing.evidence import Known
from obfnet.auditing.probe import Probe, values_of
from obfnet.auditing.view import View
from obfnet.forging.loop import build, fit
from obfnet.specs import Labels, Samples


class MlpProbe(Probe):
    """Two hidden layers with dropout, until validation accuracy stops rising."""

    name = "mlp"

    def fit(self, known: Known, attribute: str, seed: int) -> None:
        """Train on the attacker's pairs; the best checkpoint on validation pairs stays."""
        train, validation = known.train, known.validation
        self._view = View(train.released, known.classes)
        seen = self._view(train.released, train.answers)
        target = torch.from_numpy(train.attributes[attribute])
        held_seen = self._view(validation.released, validation.answers)
        held = validation.attributes[attribute]
        values = values_of(known, attribute)
        net = self._net = build(lambda: _classifier(self._view.width, values), seed)
        fit(
            net,
            loss=lambda indices: cross_entropy(net(seen[indices]), target[indices]),
            score=lambda: float((net(held_seen).argmax(1).numpy() == held).mean()),
            count=len(seen),
            schedule=known.effort.schedule(len(seen), share=0.5),
            seed=seed,
            label=f"probe: {attribute}",
        )

    def infer(self, released: Samples, answers: Labels) -> Labels:
        """The most likely value for each x' and label."""
        with torch.inference_mode():
            found: Labels = self._net(self._view(released, answers)).argmax(1).numpy()
        return found


def _classifier(inputs: int, values: int, hidden: int = 512) -> nn.Module:
    return nn.Sequential(
        nn.Linear(inputs, hidden),
        nn.BatchNorm1d(hidden),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.Linear(hidden, hidden),
        nn.BatchNorm1d(hidden),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.Linear(hidden, values),
    )
