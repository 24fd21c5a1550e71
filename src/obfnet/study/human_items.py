"""What volunteers are shown or played: clips and pictures, raw and through each ObfNet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from obfnet.auditing.pages.pictures import data_uri as picture
from obfnet.auditing.pages.sound import data_uri as clip
from obfnet.errors import SpecError
from obfnet.seeds import branch
from obfnet.study.alternatives_offer import Bench
from obfnet.study.listening import subjects
from obfnet.study.listening_sound import sound_of

#: Samples of each class that a volunteer's one through an ObfNet is drawn from, at most.
POOL = 10
PIXELS = 252


@dataclass(frozen=True)
class Item:
    """One thing to be named.

    Args:
        subject: what it was sent through; never told to the volunteer.
        truth: its class; never told either.
        media: a data URI, ``data:image/png`` or ``data:audio/wav``, which says neither.
    """

    subject: str
    truth: int
    media: str

    @property
    def heard(self) -> bool:
        """Whether it is sound."""
        return self.media.startswith("data:audio/")


def make_items(bench: Bench, pool: int = POOL) -> list[Item]:
    """Up to ``pool`` evaluation samples of each class for every subject, as many of each.

    No sample is there twice, so nobody meets one raw and obfuscated. A volunteer is asked about
    one item of each subject and class: see ``Store.next``.

    Raises:
        SpecError: fewer samples of a class than subjects.
        MissingExtraError: spoken digits, and librosa is not installed.
    """
    place = bench.place
    makers = subjects(bench)
    order = np.random.default_rng(branch(place.seed, "volunteers"))
    chosen = order.permutation(place.splits.evaluation)
    own = [chosen[place.data.labels[chosen] == label] for label in range(len(place.data.classes))]
    least = min(map(len, own))
    each = min(pool, least // len(makers))
    if each < 1:
        raise SpecError(
            f"expected at least {len(makers)} evaluation samples of each class, one for each way "
            f"to send it, got {least} of one class: take a larger dataset"
        )
    made = []
    for position, (name, make) in enumerate(makers.items()):
        here = slice(position * each, (position + 1) * each)
        part = place.data.take(np.concatenate([indices[here] for indices in own]))
        sent = make().transform(part.samples)
        if place.data.kind == "mfcc":
            seed = branch(place.seed, "sound") % 2**32
            media = [clip(sound) for sound in sound_of(sent, seed, bench.folder / "sound")]
        else:
            media = [picture(sample, place.data.spec, PIXELS) for sample in sent]
        made += [Item(name, int(truth), uri) for truth, uri in zip(part.labels, media, strict=True)]
    return made
