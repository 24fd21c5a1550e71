"""Samples to look at and to listen to: before, after, and what attackers made of them."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from obfnet.auditing.pages.html import Markup, paragraph, section
from obfnet.auditing.pages.pictures import data_uri
from obfnet.auditing.pages.sound import clips
from obfnet.auditing.shown import Shown
from obfnet.errors import MissingExtraError
from obfnet.specs import Samples, SampleSpec

Content = Mapping[str, Any]
#: Clips of each kind: a few are enough to hear it, and a page must stay small.
MOST_CLIPS = 4
ORDER = (
    "Samples of different classes, in the same order in every row. Values outside the range of a "
    "raw sample are shown at its ends."
)


def exhibits(content: Content, samples: Shown | None) -> Markup:
    """Pictures of x, x', the best reconstruction and the label-only one; clips of MFCC."""
    title = "Samples"
    if samples is None:
        return section(title, paragraph("No samples were kept beside this report."))
    sample = content["sample"]
    spec = SampleSpec(tuple(sample["shape"]), sample["low"], sample["high"])
    best = content["row"]["best_attack"]
    lines = {
        "x, what the sensor saw": samples.original,
        "x', what the backend sees": samples.released,
        f"the best reconstruction, by {best}": samples.reconstruction,
        "an attacker who knows only the label": samples.floor,
    }
    if len(spec.shape) != 3:
        return section(title, paragraph("These samples are no pictures: none are shown."))
    parts = [_row(caption, _pictures(caption, shown, spec)) for caption, shown in lines.items()]
    if sample["kind"] != "mfcc":
        return section(title, paragraph(ORDER), *parts)
    note = (
        f"{ORDER} They are heat maps of MFCC: time runs to the right, higher coefficients are "
        "further up."
    )
    return section(title, paragraph(note), *parts, _heard(lines))


def _pictures(caption: str, samples: Samples, spec: SampleSpec) -> str:
    return "".join(
        f'<img alt="sample {position}: {escape(caption)}" src="{data_uri(sample, spec)}">'
        for position, sample in enumerate(samples, start=1)
    )


def _heard(lines: Mapping[str, Samples]) -> str:
    """The same as clips, found from MFCC by Griffin and Lim's method."""
    note = (
        "Sound is made from MFCC by an inverse that loses pitch and phase: compare x' and the "
        "reconstructions with x as it sounds here, not with the recording."
    )
    try:
        rows = [_row(name, _players(name, shown[:MOST_CLIPS])) for name, shown in lines.items()]
    except MissingExtraError as error:
        return paragraph(f"There are no clips to listen to: {error}")
    return paragraph(note) + "".join(rows)


def _players(caption: str, samples: Samples) -> str:
    return "".join(
        f'<audio controls preload="none" aria-label="sample {position}: {escape(caption)}" '
        f'src="{uri}"></audio>'
        for position, uri in enumerate(clips(samples), start=1)
    )


def _row(caption: str, inside: str) -> str:
    return f"<figure><figcaption>{escape(caption)}</figcaption><div>{inside}</div></figure>"
