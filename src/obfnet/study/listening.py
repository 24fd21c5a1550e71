"""``obfnet study listening``: what is still heard in x', or seen, by whom it was not made for.

The paper's own test of privacy: ten volunteers heard ten clips through each of four ObfNets, turned
back from MFCC into sound, and named 4 to 7 % of the digits. Here machines listen and look, and one
of them is allowed to learn from what is sent.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from html import escape
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from obfnet.auditing.adapters.forged import one_of
from obfnet.auditing.intervals import of_fraction
from obfnet.auditing.subject import Subject
from obfnet.forging.loop import Schedule
from obfnet.mechanisms.codebook import Codebook
from obfnet.progress import say
from obfnet.seeds import branch
from obfnet.study.alternatives_offer import Bench
from obfnet.study.alternatives_ours import forged_set, wanted
from obfnet.study.audit_subjects import Wanted
from obfnet.study.cases import Case, case
from obfnet.study.confusion import said, table
from obfnet.study.kept import kept, key
from obfnet.study.listening_clips import clip_panel, installed
from obfnet.study.listening_panel import Panel
from obfnet.study.listening_pictures import picture_panel
from obfnet.study.making import Workplace, make_infnet, open_workplace
from obfnet.study.sheet import publish
from obfnet.study.spent import clock
from obfnet.study.study import Ask
from obfnet.study.transforms import identity

#: ObfNets in a set of codebooks: each sends only as many different x' as there are digits.
CODEBOOKS = 8
TITLE = "Machines that listen and look"
NOTE = (
    "Who is asked names the digit of evaluation samples. All but the adaptive one learnt from raw "
    "samples only; the adaptive one learns from what is sent, sound and x' itself, whichever tells "
    "more on validation samples, and tells private attributes too. "
    "The label leaks by design, so an adaptive listener that names the digit proves nothing; one "
    "that names the speaker would. Intervals (Clopper and Pearson) and p-values are per sample: a "
    f"set of {CODEBOOKS} codebooks sends {10 * CODEBOOKS} different x', so of its rows they are "
    "narrower than the truth. Before it becomes sound x' is clipped to the range of MFCC. Chance "
    "is the most frequent digit of the samples that the adaptive one learns from."
)
#: Shares of digits that the paper's ten volunteers named right, by ObfNet and InfNet: Fig. 7, 17
#: to 19.
PUBLISHED = MappingProxyType(
    {
        ("raw", "I_C"): 1.0,
        ("O_C", "I_C"): 0.05,
        ("O_C", "I_M"): 0.07,
        ("O_M", "I_C"): 0.07,
        ("O_M", "I_M"): 0.04,
    }
)
#: Spoken digits have the paper's four pairs of nets, other data one InfNet.
DENSE = replace(
    case("fsd"), infnet="fsd-im", infnet_label="I_M", infnet_schedule=Schedule(epochs=60, batch=32)
)
INFNETS = MappingProxyType({"fsd": (case("fsd"), DENSE)})
Row = dict[str, Any]

COLUMNS: Mapping[str, Callable[[Mapping[str, Any]], str]] = MappingProxyType(
    {
        "data": lambda row: row["dataset"],
        "what is sent": lambda row: row["obfnet"],
        "InfNet": lambda row: row["infnet"],
        "its accuracy": lambda row: f"{row['accuracy']:.2%}",
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
        "paper's volunteers": lambda row: f"{row['published']:.0%}",
        "samples": lambda row: str(row["evaluated"]),
    }
)


def listening_study(datasets: Sequence[str], ask: Ask) -> Path:
    """A row for raw samples and for each ObfNet on every one of ``datasets``; published after each.

    Finished rows, ObfNets and batches of sound are kept in the folder.
    """
    rows: list[Row] = []
    seconds = clock(ask.folder)
    path = ask.folder / "results.json"
    for data_name, chosen in _places(datasets):
        place = open_workplace(data_name, ask.seed, chosen)
        bench = Bench(place, make_infnet(place), ask.folder / place.run, ask.quick)
        for row in rows_of(bench):
            rows.append(row)
            path = publish(ask.folder, ask.command, rows, seconds(), TITLE, NOTE, COLUMNS, matrices)
    return path


def _places(datasets: Sequence[str]) -> Iterator[tuple[str, Case]]:
    for data_name in datasets:
        for chosen in INFNETS.get(data_name, (case(data_name),)):
            yield data_name, chosen


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
        made[each.name] = partial(_subject, bench, each)
    return made


def _subject(bench: Bench, wanted: Wanted) -> Subject:
    """One ObfNet, or a set of codebooks, one of which is drawn for each sample."""
    size = CODEBOOKS if isinstance(wanted.mechanism, Codebook) else 1
    made = forged_set(bench, wanted, size)
    draw = np.random.default_rng(branch(bench.place.seed, "drawn", wanted.name))
    return Subject(wanted.name, one_of(made.obfnets, draw.random))


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
        "published": _published(place, name),
        **panel()(subject),
    }


def _published(place: Workplace, name: str) -> float | None:
    return PUBLISHED.get((name, place.case.infnet_label)) if place.data.kind == "mfcc" else None


def matrices(rows: Sequence[Mapping[str, Any]]) -> str:
    """Every confusion matrix, as the paper's figures 7 and 17 to 19 have them."""
    parts = ["<h2>Confusion matrices</h2>"]
    for row in rows:
        parts.append(f"<h3>{escape(row['dataset'])}, {row['infnet']}, {escape(row['obfnet'])}</h3>")
        for name, score in row["listeners"].items():
            names = [str(number) for number in range(len(score["confusion"]))]
            parts.append(table(f"{name}: {said(score)}", score["confusion"], names))
    return "".join(parts)
