"""``obfnet study listening``: what is still heard in x', or seen, by whom it was not made for.

The paper's own test of privacy: ten volunteers heard ten clips through each of four ObfNets, turned
back from MFCC into sound, and named 4 to 7 % of the digits. Here machines listen and look, and one
of them is allowed to learn from what is sent.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from html import escape
from pathlib import Path
from types import MappingProxyType
from typing import Any

from obfnet.auditing.adapters import subject_of
from obfnet.auditing.intervals import of_fraction
from obfnet.auditing.subject import Subject
from obfnet.progress import say
from obfnet.study.alternatives_offer import Bench
from obfnet.study.alternatives_ours import forged_set, wanted
from obfnet.study.confusion import said, table
from obfnet.study.kept import kept, key
from obfnet.study.listening_clips import clip_panel, installed
from obfnet.study.listening_panel import Panel
from obfnet.study.listening_pictures import picture_panel
from obfnet.study.making import make_infnet, open_workplace
from obfnet.study.sheet import publish
from obfnet.study.study import Ask
from obfnet.study.transforms import identity

TITLE = "Machines that listen and look"
NOTE = (
    "Who is asked names the digit of evaluation samples. All but the adaptive one learnt from raw "
    "samples only; the adaptive one learns from what is sent, and tells private attributes too. "
    "The label leaks by design, so an adaptive listener that names the digit proves nothing; one "
    "that names the speaker would. Intervals (Clopper and Pearson) and p-values are per sample: a "
    "codebook sends few different x', so of its rows they are narrower than the truth. Chance is "
    "the most frequent digit of the samples that the adaptive one learns from."
)
#: Shares of digits that the paper's ten volunteers named right: range over its four pairs of nets.
PUBLISHED = MappingProxyType({"raw": [1.0, 1.0], "O_C": [0.05, 0.07], "O_M": [0.04, 0.07]})
Row = dict[str, Any]

COLUMNS: Mapping[str, Callable[[Mapping[str, Any]], str]] = MappingProxyType(
    {
        "data": lambda row: row["dataset"],
        "what is sent": lambda row: row["obfnet"],
        "InfNet's accuracy": lambda row: f"{row['accuracy']:.2%}",
        "who never met x'": lambda row: "; ".join(
            f"{name}: {said(score)}"
            for name, score in row["listeners"].items()
            if not score["adaptive"]
        ),
        "adaptive": lambda row: "; ".join(
            said(score) for score in row["listeners"].values() if score["adaptive"]
        ),
        "private attributes, adaptive": lambda row: ", ".join(
            f"{name} {found['accuracy']:.0%} (chance {found['chance']:.0%}, label "
            f"{found['label_only']:.0%})"
            for name, found in row["attributes"].items()
        ),
        "paper's volunteers": lambda row: (
            f"{row['published'][0]:.0%} to {row['published'][1]:.0%}" if row["published"] else "-"
        ),
        "samples": lambda row: str(row["evaluated"]),
    }
)


def listening_study(datasets: Sequence[str], ask: Ask) -> Path:
    """A row for raw samples and for each ObfNet on every one of ``datasets``; published after each.

    Finished rows, ObfNets and batches of sound are kept in the folder.
    """
    started = time.perf_counter()
    rows: list[Row] = []
    path = ask.folder / "results.json"
    for data_name in datasets:
        place = open_workplace(data_name, ask.seed)
        bench = Bench(place, make_infnet(place), ask.folder / data_name, ask.quick)
        for row in rows_of(bench):
            rows.append(row)
            seconds = time.perf_counter() - started
            path = publish(ask.folder, ask.command, rows, seconds, TITLE, NOTE, COLUMNS, matrices)
    return path


def rows_of(bench: Bench) -> Iterator[Row]:
    """One row after another, each made or found again; the panel is made when first asked.

    A recogniser that was installed since makes every row anew, with it.
    """
    place = bench.place
    made: list[Panel] = []
    asked = installed() if place.data.kind == "mfcc" else ()

    def panel() -> Panel:
        if not made:
            made.append((clip_panel if place.data.kind == "mfcc" else picture_panel)(bench))
        return made[0]

    for name, subject in subjects(bench).items():
        say(f"{name} on {place.data.name}")
        digest = key(run=place.run, name=name, quick=bench.quick, listeners=asked)
        make = partial(_row, bench, name, subject, panel)
        yield kept(
            bench.folder / "listening" / f"{digest}.json",
            make,
            lambda row: json.dumps(row, allow_nan=False).encode(),
            json.loads,
        )


def subjects(bench: Bench) -> dict[str, Callable[[], Subject]]:
    """Raw samples and each ObfNet; forged when called."""
    made: dict[str, Callable[[], Subject]] = {"raw": lambda: Subject("raw", identity)}
    for each in wanted(bench.place.data.name):
        made[each.name] = lambda each=each: subject_of(  # type: ignore[misc]
            forged_set(bench, each), each.name
        )
    return made


def _row(bench: Bench, name: str, make: Callable[[], Subject], panel: Callable[[], Panel]) -> Row:
    place, subject = bench.place, make()
    held = place.data.take(place.splits.test)
    answers = bench.infnet.predict(subject.transform(held.samples))
    hits = int((answers == held.labels).sum())
    clean = float((bench.infnet.predict(held.samples) == held.labels).mean())
    return {
        "dataset": place.data.name,
        "split": place.case.split_label,
        "infnet": place.case.infnet_label,
        "obfnet": name,
        "seeds": [place.seed],
        "clean_accuracy": clean,
        "accuracy": hits / len(held),
        "accuracy_ci": list(of_fraction(hits, len(held))),
        "drop": clean - hits / len(held),
        "published": PUBLISHED.get(name) if place.data.kind == "mfcc" else None,
        **panel()(subject),
    }


def matrices(rows: Sequence[Mapping[str, Any]]) -> str:
    """Every confusion matrix, as the paper's figures 7 and 17 to 19 have them."""
    parts = ["<h2>Confusion matrices</h2>"]
    for row in rows:
        parts.append(f"<h3>{escape(row['dataset'])}, {escape(row['obfnet'])}</h3>")
        for name, score in row["listeners"].items():
            names = [str(number) for number in range(len(score["confusion"]))]
            parts.append(table(f"{name}: {said(score)}", score["confusion"], names))
    return "".join(parts)
