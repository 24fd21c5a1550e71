"""``obfnet study obfnet``: all parts of the first paper's study, one after another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from html import escape
from pathlib import Path
from types import MappingProxyType
from typing import Any

from obfnet import files
from obfnet.progress import say
from obfnet.study import results
from obfnet.study.obfnet_paper.asl import obfnet_asl, obfnet_asl64
from obfnet.study.obfnet_paper.fsd import obfnet_fsd
from obfnet.study.obfnet_paper.mnist import obfnet_mnist
from obfnet.study.obfnet_paper.page import COLUMNS, document
from obfnet.study.obfnet_paper.run import NOTE
from obfnet.study.obfnet_paper.time_page import body
from obfnet.study.obfnet_paper.timing import obfnet_time
from obfnet.study.sheet import table
from obfnet.study.study import Ask, Study

TITLE = "The ObfNet paper again"
#: Each may be run by itself, and is found again here if its folder is this one's sub-folder.
PARTS: Mapping[str, Study] = MappingProxyType(
    {
        "obfnet-fsd": obfnet_fsd,
        "obfnet-mnist": obfnet_mnist,
        "obfnet-asl": obfnet_asl,
        "obfnet-time": obfnet_time,
        "obfnet-asl64": obfnet_asl64,
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
        found[name] = results.read(part(own))
        path = publish(ask, found)
    return path


def publish(ask: Ask, found: Mapping[str, Mapping[str, Any]]) -> Path:
    """Write results and page of the parts that there are."""
    rows = [row for content in found.values() for row in content["rows"]]
    seconds = sum(content["seconds"] for content in found.values())
    path = results.write(ask.folder, ask.command, rows, seconds)
    links = "".join(
        f'<li><a href="{name}/index.html">{escape(name)}</a>: {len(content["rows"])} rows, '
        f"{content['seconds'] / 60:.0f} minutes; with pictures and plots</li>"
        for name, content in found.items()
    )
    timed = [row for row in rows if "bench" in row]
    judged = [row for row in rows if "bench" not in row]
    tables = table(COLUMNS, judged) + (f"<h2>Times</h2>{body(timed)}" if timed else "")
    page = document(results.read(path), TITLE, NOTE, f"<ul>{links}</ul>{tables}")
    files.write(ask.folder / "index.html", page)
    return path
