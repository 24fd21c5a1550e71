"""One audit as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from obfnet.auditing.pages import proven, recovered, told
from obfnet.auditing.pages.exhibits import exhibits
from obfnet.auditing.pages.html import page, paragraph
from obfnet.auditing.shown import Shown

#: The order of a page: the verdict first, then the figures by what a reader asks next.
SECTIONS = (
    told.attacker,
    recovered.reconstructions,
    recovered.attributes,
    recovered.examinations,
    proven.certificate,
    proven.twin,
)
LAST = (proven.spent, told.untested, told.again)


def render(content: Mapping[str, Any], samples: Shown | None) -> str:
    """The page of a report.

    Args:
        content: of ``report.json``, see ``auditing.report_json``.
        samples: to look at, or None where none were kept.
    """
    name = content["subject"]["name"]
    title = f"Audit: {name} on {content['dataset']}"
    return page(
        title,
        f"<h1>{escape(title)}</h1>",
        paragraph(f"What a sample tells after “{name}”, beyond the label that the service needs."),
        told.verdict(content),
        told.headline(content),
        *(part(content) for part in SECTIONS),
        exhibits(content, samples),
        *(part(content) for part in LAST),
    )
