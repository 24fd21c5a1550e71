"""``obfnet bench edge``: what an ObfNet costs a device, beside the published ones, in one run."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from obfnet import files
from obfnet.bundling.gate import gate_of
from obfnet.bundling.keys import SigningKey
from obfnet.bundling.pack import bundle
from obfnet.errors import MissingExtraError
from obfnet.progress import say
from obfnet.study.bench_edge_cases import ENCODERS, Case, shaped_case, trained_case
from obfnet.study.bench_edge_forms import Maker
from obfnet.study.bench_edge_kept import bundle_path, kept_rows
from obfnet.study.bench_edge_table import table
from obfnet.study.bench_edge_times import timed_rows
from obfnet.study.edge_start import clean_starts
from obfnet.study.sheet import publish

TITLE = "What an ObfNet costs a device"
NOTE = (
    "One sample at a time on one thread, all ways of a case in turns: 20 rounds of 50 runs; the "
    "ratio is of medians, with the least and the greatest of rounds. Ours is everything a device "
    "does to a sample: encoder, mechanism, row and checks. A published O_M is timed bare, as one "
    "net and with random weights, on which its time does not depend. MNIST and FSD ObfNets are "
    "trained, ASL ones are not: they have no accuracy. Coral figures are of the papers' boards."
)
TRAINED = ("mnist", "fsd")
ASL, LETTERS = (3, 64, 64), 29
#: What a device starts with LiteRT: fastest on a processor.
LIGHT = "dynamic-int8"


def bench_edge(folder: Path, seed: int, command: str) -> Path:
    """Forge what has data, then sizes, accuracy, leakage, round trips, and times at the end.

    Results are written after each case, with ``table.md``, the table of docs/export.md.
    """
    started = time.perf_counter()
    cases = [trained_case(name, label, folder, seed) for name in TRAINED for label in ENCODERS]
    cases += [shaped_case("asl", label, ASL, LETTERS, seed) for label in ENCODERS]
    rows: list[dict[str, Any]] = []
    for case in cases:
        if case.trained is not None:
            rows += kept_rows(case, case.trained, folder, seed)
            _written(rows, Maker(), folder, command, started)
    rows += _starts(cases[0], folder)
    return measure(cases, rows, folder, seed, command, started)


def measure(
    cases: Sequence[Case],
    rows: Sequence[dict[str, Any]],
    folder: Path,
    seed: int,
    command: str,
    started: float,
) -> Path:
    """Take the times of ``cases``, and after each publish all until then in front of ``rows``."""
    torch.set_num_threads(1)
    maker, timed = Maker(), []
    path = folder / "results.json"
    for case in cases:
        say(f"times of {case.name}")
        timed += timed_rows(case, maker, seed)
        path = _written([*timed, *rows], maker, folder, command, started)
    return path


def _starts(case: Case, folder: Path) -> list[dict[str, Any]]:
    """Clean starts of a trained case's set by every runtime that is here."""
    rows = clean_starts(bundle_path(case, folder))
    trained = case.trained
    assert trained is not None
    path = folder / f"{case.name}-{case.label.replace(' ', '-')}-litert.obfnet"
    try:
        judging = gate_of(trained.infnet, trained.place.data, trained.place.splits)
        light = bundle(
            trained.fleet, SigningKey.new(), precision=LIGHT, gate=judging, format="litert"
        )
        light.save(path)
        return rows + clean_starts(path, ("litert",))
    except MissingExtraError as error:
        return [*rows, {"bench": "edge", "subject": "clean start, litert", "skipped": str(error)}]


def _written(
    rows: Sequence[dict[str, Any]], maker: Maker, folder: Path, command: str, started: float
) -> Path:
    missing = "; ".join(f"{what}: {why}" for what, why in maker.missing.items())
    note = NOTE + (f" Left out: {missing}." if missing else "")
    path = publish(folder, command, rows, time.perf_counter() - started, TITLE, note)
    files.write(folder / "table.md", table(rows))
    return path
