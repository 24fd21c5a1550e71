"""A comparison as one self-contained page: one table, one plot."""

from __future__ import annotations

from collections.abc import Sequence

from obfnet.auditing.comparison import COLUMNS, Compared, cautions, front
from obfnet.auditing.pages.bubbles import plot
from obfnet.auditing.pages.html import bullets, page, paragraph, section, table

TITLE = "Audits compared"


def render(compared: Sequence[Compared]) -> str:
    """The page of ``compared``, from ``comparison.gather``."""
    best = ", ".join(each.name for each in front(compared))
    doubts = cautions(compared)
    return page(
        TITLE,
        f"<h1>{TITLE}</h1>",
        paragraph(
            "The label always leaks: the backend computes it. Leakage starts there: 0 is an "
            "attacker who learns only the label, 1 is no protection."
        ),
        bullets(doubts) if doubts else "",
        table(
            "Each transform, with its best attack",
            ["transform", "verdict", *COLUMNS],
            [
                [
                    each.name,
                    each.verdict or "not judged",
                    *(cell(each.row) for cell in COLUMNS.values()),
                ]
                for each in compared
            ],
        ),
        section(
            "Accuracy against leakage",
            plot(compared),
            paragraph(
                "Higher and further left is better. The bigger a dot, the more multiply-"
                "accumulates it costs on the device; of a ring the cost is not known. Lines are "
                f"95 % intervals. No other is better in both than: {best}."
            ),
        ),
    )
