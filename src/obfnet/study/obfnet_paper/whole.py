"""``obfnet study obfnet``: all parts of the first paper's study, one after another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from html import escape
from pathlib import Path
from types import MappingProxyType
from typing import Any

from obfnet import files
from obfnet.progress import say
from obfnet.study import alternatives_page, listening, results
from obfnet.study.alternatives import alternatives_study
from obfnet.study.obfnet_paper.asl import obfnet_asl, obfnet_asl64
from obfnet.study.obfnet_paper.fsd import obfnet_fsd
from obfnet.study.obfnet_paper.mnist import obfnet_mnist
from obfnet.study.obfnet_paper.page import COLUMNS, document
from obfnet.study.obfnet_paper.run import NOTE
from obfnet.study.obfnet_paper.time_page import body
from obfnet.study.obfnet_paper.timing import obfnet_time
from obfnet.study.sheet import Columns, table
from obfnet.study.study import Ask, Study

TITLE = "The ObfNet paper again"
Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Part:
    """One of the studies, which may be run by itself.

    Args:
        study: makes its rows; found again here if its folder is this one's sub-folder.
        shown: its rows as HTML.
    """

    study: Study
    shown: Callable[[Rows], str]


def _of(study: Study, columns: Columns = COLUMNS) -> Part:
    return Part(study, partial(table, columns))


PARTS: Mapping[str, Part] = MappingProxyType(
    {
        "obfnet-fsd": _of(obfnet_fsd),
        "obfnet-mnist": _of(obfnet_mnist),
        "obfnet-asl": _of(obfnet_asl),
        "obfnet-time": Part(obfnet_time, body),
        "listening": _of(partial(listening.listening_study, ("fsd", "mnist")), listening.COLUMNS),
        "alternatives": _of(
            partial(alternatives_study, ("mnist", "fsd")), alternatives_page.COLUMNS
        ),
        "obfnet-asl64": _of(obfnet_asl64),
    }
)


def obfnet(ask: Ask) -> Path:
    """Every part in a sub-folder of its name, and all rows together above them.

    The paper's nets at 64x64 take hours, and come last.
    """
    found: dict[str, dict[str, Any]] = {}
    path = ask.folder / "results.json"
    for name, part in PARTS.items():
        say(f"part {name}")
        own = replace(ask, folder=ask.folder / name)
        found[name] = results.read(part.study(own))
        path = publish(ask, found)
    return path


def publish(ask: Ask, found: Mapping[str, Mapping[str, Any]]) -> Path:
    """Write results and page of the parts that there are."""
    rows = [row for content in found.values() for row in content["rows"]]
    seconds = sum(content["seconds"] for content in found.values())
    path = results.write(ask.folder, ask.command, rows, seconds)
    sections = "".join(
        f'<h2><a href="{name}/index.html">{escape(name)}</a></h2><p>{len(content["rows"])} rows, '
        f"{content['seconds'] / 60:.0f} minutes; its page has pictures and plots.</p>"
        f"{PARTS[name].shown(content['rows'])}"
        for name, content in found.items()
    )
    files.write(ask.folder / "index.html", document(results.read(path), TITLE, NOTE, sections))
    return path
