"""What every study is asked, and the studies by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Ask:
    """How to run a study.

    Args:
        folder: where results go; work that is finished is found again there.
        command: what to quote in the results.
        seed: root of the seed tree.
        quick: a few steps only, to see that all of it runs; its figures mean nothing.
        effort: of audits, the name of a preset; None for the study's own.
        data: name of the dataset, where the study's name does not say it.
    """

    folder: Path
    command: str
    seed: int = 0
    quick: bool = False
    effort: str | None = None
    data: str = ""


Study = Callable[[Ask], Path]
