"""An encoder that smuggles a secret through a mechanism, and the decoder that unpacks it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from obfnet.auditing.effort import Effort
from obfnet.forging.loop import build, fit
from obfnet.mechanisms.mechanism import Mechanism
from obfnet.seeds import branch
from obfnet.specs import Labels, Samples

#: Part of an attack's steps that one smuggler gets: an examination trains several.
SHARE = 0.25


@dataclass(frozen=True, eq=False)
class Cargo:
    """What a malicious backend trains with; ``held`` parts choose the checkpoint.

    Args:
        originals, held_originals: x, ``(n, *shape)``.
        thumbnails, held_thumbnails: what is smuggled of x, ``(n, cells)``.
        labels, held_labels: what the service is asked for, ``(n,)``.
        attributes, held_attributes: private attributes by name, each ``(n,)``.
        classes: number of labels.
        effort: bounds the training.
    """

    originals: Samples
    held_originals: Samples
    thumbnails: Tensor
    held_thumbnails: Tensor
    labels: Labels
    held_labels: Labels
    attributes: Mapping[str, Labels]
    held_attributes: Mapping[str, Labels]
    classes: int
    effort: Effort


@dataclass(frozen=True, eq=False)
class Told:
    """What the decoder makes of a release: ``(n, cells)``, ``(n,)`` and ``(n,)``."""

    thumbnails: Tensor
    secrets: Labels
    labels: Labels


@dataclass(frozen=True, eq=False)
class _Wanted:
    """What a release should tell of each sample."""

    thumbnails: Tensor
    secrets: Tensor
    labels: Tensor


class Smuggler:
    """Encoder and decoder, trained together through the mechanism.

    A released index is decoded by a table, and trained by the *expected* loss over the codes,
    which is exact (no relaxation that promises what the device will not release); afterwards
    the table is the best there is for the codes released. Any other code is decoded by a net.

    Args:
        mechanism: on the device, out of the backend's reach.
        cargo: what to train with.
        secret: the attribute to smuggle, or None for the thumbnail.
        weight: of the label's cross-entropy beside the secret's loss.
        seed: fixes weights, order and the mechanism's noise.
    """

    def __init__(
        self, mechanism: Mechanism, cargo: Cargo, secret: str | None, weight: float, seed: int
    ) -> None:
        self._mechanism, self._secret, self._weight = mechanism, secret, weight
        self._noise = np.random.default_rng(branch(seed, "noise")).random
        wanted = _wanted(cargo.thumbnails, cargo.labels, cargo.attributes, secret)
        held = _wanted(cargo.held_thumbnails, cargo.held_labels, cargo.held_attributes, secret)
        width = mechanism.width
        assert width is not None  # whatever certifies something knows its code
        self._cells, self._values = cargo.thumbnails.shape[1], _count(wanted.secrets, held.secrets)
        outputs = self._cells + self._values + cargo.classes
        probe = mechanism.release(np.zeros((2, width), np.float32), self._noise)
        self._indexed = probe.ndim == 1
        self._variance = float(cargo.thumbnails.var(0).mean()) or 1.0
        self._net = _Pair(cargo.originals[0].size, width, outputs, self._indexed, seed)
        if self._indexed:
            self._begin(cargo, seed)
        self._train(cargo, wanted, held, seed)
        if self._indexed:
            self._count_codes(cargo.originals, wanted, cargo.classes)

    def read(self, samples: Samples) -> Told:
        """What the backend learns of ``samples`` ``(n, *shape)`` from the exact release."""
        with torch.inference_mode():
            released = self._release(samples)
            out = self._net.reader(released)
        thumbnail, secret, label = self._parts(out)
        return Told(thumbnail, secret.argmax(1).numpy(), label.argmax(1).numpy())

    def recognised(self, samples: Samples, gallery: int) -> int:
        """For how many samples a fresh release is nearest to their own earlier ones.

        Args:
            samples: ``(n, *shape)``.
            gallery: earlier releases of each that are averaged, where they differ.
        """
        with torch.inference_mode():
            first, again = self._release(samples), self._release(samples)
            if torch.equal(first, again):
                seen = first
            else:
                seen = torch.stack([self._release(samples) for _ in range(gallery)]).mean(0)
            nearest = torch.cdist(again, seen).argmin(1)
        return int((nearest == torch.arange(len(nearest))).sum())

    def _begin(self, cargo: Cargo, seed: int) -> None:
        """Code k starts as a sample of label k modulo classes, and as a value of the secret.

        Else two labels settle on one code and another code is never released.
        """
        codes = np.arange(self._net.table.shape[1])
        labels = codes % cargo.classes
        secrets = (codes if self._weight == 0 else codes // cargo.classes) % self._values
        draw = np.random.default_rng(branch(seed, "codes"))
        drawn = draw.integers(0, len(cargo.labels), len(codes))
        if self._weight > 0:
            for code, label in enumerate(labels):
                alike = np.flatnonzero(cargo.labels == label)
                drawn[code] = draw.choice(alike) if len(alike) else drawn[code]
        starts = [cargo.thumbnails[drawn]]
        for values, count in ((secrets, self._values), (labels, cargo.classes)):
            starts.append(3 * nn.functional.one_hot(torch.from_numpy(values), count).float())
        with torch.no_grad():
            self._net.table.copy_(torch.cat(starts, dim=1).T)

    def _train(self, cargo: Cargo, wanted: _Wanted, held: _Wanted, seed: int) -> None:
        samples, count = torch.from_numpy(cargo.originals), len(cargo.originals)
        everyone = torch.arange(len(held.labels))

        def loss(indices: Tensor) -> Tensor:
            relaxed = self._mechanism.relax(self._net.encoder(samples[indices]))
            return self._loss(relaxed.exp() if self._indexed else relaxed, wanted, indices)

        fit(
            self._net,
            loss,
            lambda: -float(self._loss(self._release(cargo.held_originals), held, everyone)),
            count,
            cargo.effort.schedule(count, rate=2e-3, share=SHARE),
            branch(seed, "order"),
            "examination: malicious forge",
        )

    def _loss(self, released: Tensor, wanted: _Wanted, indices: Tensor) -> Tensor:
        """Mean loss of released codes ``(n, width)``: over codes by their shares, or of a net."""
        if self._indexed:
            shares, out = released, self._net.table.T[None]
        else:
            shares = released.new_ones(len(released), 1)
            out = self._net.reader(released)[:, None]
        thumbnail, secret, label = self._parts(out)
        if self._secret is None:
            apart = thumbnail - wanted.thumbnails[indices][:, None]
            costs = (apart**2).mean(2) / self._variance
        else:
            costs = _surprise(secret, wanted.secrets[indices])
        costs = costs + self._weight * _surprise(label, wanted.labels[indices])
        return (shares * costs).sum(1).mean()

    def _release(self, samples: Samples) -> Tensor:
        """What the device releases: codes ``(n, width)``; an index as a one among zeros."""
        codes = [
            self._net.encoder(part).detach().numpy() for part in torch.tensor(samples).split(1024)
        ]
        released = torch.from_numpy(self._mechanism.release(np.concatenate(codes), self._noise))
        if not self._indexed:
            return released
        width = self._mechanism.width
        assert width is not None
        return nn.functional.one_hot(released, width).float()

    def _count_codes(self, originals: Samples, wanted: _Wanted, classes: int) -> None:
        """The best table for the codes that are released: means, and frequencies of values."""
        with torch.inference_mode():
            codes = self._release(originals)
            kinds = [wanted.thumbnails]
            for values, count in ((wanted.secrets, self._values), (wanted.labels, classes)):
                kinds.append(nn.functional.one_hot(values, count).float())
            told = torch.cat(kinds, dim=1)
            # A code that never occurred says nothing: it reads as the mean of all.
            means = (codes.T @ told + 1e-3 * told.mean(0)) / (codes.sum(0)[:, None] + 1e-3)
            self._net.table.copy_(means.T)

    def _parts(self, out: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Thumbnail, secret and label along the last axis."""
        labels = out.shape[-1] - self._cells - self._values
        thumbnail, secret, label = out.split([self._cells, self._values, labels], dim=-1)
        return thumbnail, secret, label


class _Pair(nn.Module):
    """Encoder ``(n, *shape)`` to code, and a reader of what is released.

    Args:
        size: values of a sample.
        width: of the code.
        outputs: of the reader.
        indexed: whether the reader is a table, one column for each code.
        seed: fixes the weights.
    """

    def __init__(self, size: int, width: int, outputs: int, indexed: bool, seed: int) -> None:
        super().__init__()
        self.encoder = build(lambda: _encoder(size, width), branch(seed, "encoder"))
        self.table = nn.Parameter(torch.zeros(outputs, width if indexed else 0))
        self.net = build(lambda: _reader(width, outputs), branch(seed, "reader"))
        self._indexed = indexed

    def reader(self, released: Tensor) -> Tensor:
        """What is read ``(n, outputs)`` of released codes ``(n, width)``."""
        read: Tensor = released @ self.table.T if self._indexed else self.net(released)
        return read


def _encoder(size: int, width: int) -> nn.Module:
    return nn.Sequential(
        nn.Flatten(),
        nn.BatchNorm1d(size, affine=False),
        *_hidden(size, 512),
        *_hidden(512, 256),
        nn.Linear(256, width),
    )


def _reader(width: int, outputs: int) -> nn.Module:
    return nn.Sequential(*_hidden(width, 256), *_hidden(256, 256), nn.Linear(256, outputs))


def _hidden(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    return nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs), nn.GELU()


def _surprise(scores: Tensor, truth: Tensor) -> Tensor:
    """-log p of the true value: scores ``(n or 1, K, values)``, truth ``(n,)`` to ``(n, K)``."""
    logs = scores.log_softmax(2).expand(len(truth), -1, -1)
    return -logs.gather(2, truth[:, None, None].expand(-1, logs.shape[1], 1)).squeeze(2)


def _count(*values: Tensor) -> int:
    return 1 + int(max(each.max() for each in values))


def _wanted(
    thumbnails: Tensor, labels: Labels, attributes: Mapping[str, Labels], secret: str | None
) -> _Wanted:
    secrets = np.zeros_like(labels) if secret is None else attributes[secret]
    return _Wanted(thumbnails, torch.tensor(secrets), torch.tensor(labels))
