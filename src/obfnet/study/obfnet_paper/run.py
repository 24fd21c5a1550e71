"""Run the settings of a study one after another; results are written after each row."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from obfnet import files
from obfnet.study import results
from obfnet.study.obfnet_paper.page import render
from obfnet.study.obfnet_paper.place import open_place
from obfnet.study.obfnet_paper.rows import Made, rows_of
from obfnet.study.obfnet_paper.trial import Setting
from obfnet.study.spent import clock
from obfnet.study.study import Ask

NOTE = (
    "Accuracy is of the InfNet on x' of test samples that nothing was chosen on, its interval "
    "takes the drawing of test samples (of recordings where sessions are held out) and, where "
    "there are several, of seeds together. Leakage is 0 for an attacker who "
    "learns only the label and 1 where nothing protects; the best of several attacks is chosen "
    "on the attacker's validation pairs. Attributes stand beside the best constant guess "
    "(chance) and the best guess from the label. The label always leaks. The local twin is a "
    "classifier of the same cost on the device alone, trained for as long: where the ObfNet trains "
    "through the InfNet that is not long, the codebook's twin trains longer."
)


def run(settings: Sequence[Setting], title: str, ask: Ask) -> Path:
    """Make every row that is not there yet; returns the path of ``results.json``.

    Its seconds are of all processes that worked in the folder. What is finished is kept under a
    digest of everything it was asked to be, and found again by a run that goes on after a kill.
    Rows and parts of audits are made again after a change of the code, InfNets and ObfNets are
    not: begin a new folder where how these are made has changed.
    """
    made: list[Made] = []
    seconds = clock(ask.folder)
    path = ask.folder / "results.json"
    for setting in settings:
        place = open_place(setting, ask)
        for each in rows_of(place):
            made.append(each)
            path = publish(ask, made, title, seconds())
    return path


def publish(ask: Ask, made: Sequence[Made], title: str, seconds: float) -> Path:
    """Write results and page of the rows that there are."""
    path = results.write(ask.folder, ask.command, [each.row for each in made], seconds)
    files.write(ask.folder / "index.html", render(results.read(path), made, title, NOTE))
    return path
