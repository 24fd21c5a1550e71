"""What volunteers are shown or played: clips and pictures, raw and through each ObfNet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from obfnet.auditing.pages.pictures import data_uri as picture
from obfnet.auditing.pages.sound import data_uri as clip
from obfnet.seeds import branch
from obfnet.study.alternatives_offer import Bench
from obfnet.study.listening import subjects
from obfnet.study.listening_sound import sound_of

#: As many clips through each ObfNet as the paper's volunteers heard.
EACH = 10
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


def make_items(bench: Bench, each: int = EACH) -> list[Item]:
    """``each`` evaluation samples for every subject, no sample twice.

    Classes are drawn as they come: a volunteer who counts what was there learns nothing, and chance
    is what it is for each by itself.

    Raises:
        MissingExtraError: spoken digits, and librosa is not installed.
    """
    place = bench.place
    order = np.random.default_rng(branch(place.seed, "volunteers"))
    chosen = order.permutation(place.splits.evaluation)
    made = []
    for position, (name, make) in enumerate(subjects(bench).items()):
        part = place.data.take(chosen[position * each : (position + 1) * each])
        sent = make().transform(part.samples)
        if place.data.kind == "mfcc":
            seed = branch(place.seed, "sound") % 2**32
            media = [clip(sound) for sound in sound_of(sent, seed, bench.folder / "sound")]
        else:
            media = [picture(sample, place.data.spec, PIXELS) for sample in sent]
        made += [Item(name, int(truth), uri) for truth, uri in zip(part.labels, media, strict=True)]
    return made
