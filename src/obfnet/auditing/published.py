"""An audit's outcome in a folder: JSON, samples, verdict and page; and all of it made again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from obfnet import files
from obfnet.auditing import report_json
from obfnet.auditing.pages.report_page import render
from obfnet.auditing.report import Report
from obfnet.auditing.report_json import About
from obfnet.auditing.verdict.criteria import Named
from obfnet.auditing.verdict.judging import Verdict, judge

PAGE = "index.html"


def publish(
    folder: Path, report: Report, about: About, criteria: Sequence[Named] = ()
) -> dict[str, Any]:
    """Write ``report.json``, the samples of its pictures and the page to ``folder``.

    Args:
        folder: where they go; what an earlier audit left there is replaced.
        report: of ``obfnet.audit``.
        about: what the report cannot know of itself.
        criteria: to judge it by; none, no verdict.

    Returns:
        What ``report.json`` holds.

    Raises:
        SpecError: the folder is of a forging, which has a ``report.json`` of its own.
    """
    report_json.keep(folder, report, about)
    return republish(folder, criteria)


def republish(folder: Path, criteria: Sequence[Named] = ()) -> dict[str, Any]:
    """Judge and show the report in ``folder`` again.

    Args:
        folder: that ``publish`` wrote.
        criteria: to judge it by anew; none, an earlier verdict stands.

    Returns:
        What ``report.json`` holds now.

    Raises:
        SpecError: there is no report.
    """
    content = report_json.read(folder)
    if criteria:
        content["verdict"] = judge(content, criteria).to_dict()
        report_json.write(folder, content)
    files.write(folder / PAGE, render(content, report_json.read_samples(folder)))
    return content


def verdict_of(content: report_json.Content) -> Verdict | None:
    """The verdict that a report holds, if it was judged."""
    return None if content["verdict"] is None else Verdict.of(content["verdict"])
