"""``obfnet bench serve``: our small server beside the real engines, on MNIST's I_C and on nothing.

A trivial model shows what a server itself costs. In every round each server runs alone on the
machine, with the load; rounds are repeated in another order, and ratios are taken within a round.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from obfnet import files
from obfnet.bundling.onnx_export import export_onnx
from obfnet.errors import BackendError
from obfnet.forging.loop import build
from obfnet.nets.mnist import SHAPE, conv_infnet
from obfnet.progress import say
from obfnet.seeds import branch
from obfnet.serving.engines.models import Models, load_models
from obfnet.serving.engines.self_test import self_test
from obfnet.specs import Samples
from obfnet.study import results
from obfnet.study.serving_load import Loaded, find_wrk, load
from obfnet.study.serving_page import page
from obfnet.study.serving_subjects import Subject, marked, subjects
from obfnet.wire import InferRequest, Tensor, encode_request

ROUNDS = 3
#: Seconds of a load, and of one before it; wrk counts in whole ones.
SECONDS, WARMING = 2, 1
CONNECTIONS = (1, 32)
#: Models: what the server's own cost is small beside, and what it is all of.
MNIST, TRIVIAL = "mnist", "trivial"
BARE = "bare onnxruntime loop"
#: Of the figures of a load, what is better and in which unit.
FIGURES = {"rate": (True, "requests/s"), "p50": (False, "p50 ms"), "p99": (False, "p99 ms")}


@dataclass(frozen=True)
class Cell:
    """One load: connections at a time, how tensors travel, and the model."""

    connections: int
    form: str
    model: str

    def of(self, name: str) -> str:
        """In plain words, of the server ``name``."""
        return f"{name} c{self.connections} {self.form} {self.model}"


@dataclass
class Found:
    """What was measured of one server.

    Args:
        loads: by cell, by round.
        memory: of all its processes after the loads, in bytes, by round.
        bytes: installed.
        reason: why it could not be measured, if so.
    """

    loads: dict[Cell, dict[int, Loaded]] = field(default_factory=dict)
    memory: dict[int, float] = field(default_factory=dict)
    bytes: int = 0
    reason: str = ""


def bench_serve(folder: Path, seed: int, command: str) -> Path:
    """Load every server that can be had, in turns; one that cannot is a row with its reason.

    Args:
        folder: for ``results.json`` and its page.
        seed: root of the seed tree, for weights and samples.
        command: what makes them again.

    Raises:
        MissingExtraError: wrk is not installed.
    """
    find_wrk()
    started = time.perf_counter()
    found: dict[str, Found] = {BARE: Found()}
    with tempfile.TemporaryDirectory(prefix="obfnet-bench-") as name:
        place = Path(name)
        sample = _write(place / "models", seed)
        models = load_models(place / "models")
        for number in range(ROUNDS):
            ordered = subjects()
            turn = number % len(ordered)
            _bare(models, sample, found[BARE], number)
            for subject in (*ordered[turn:], *ordered[:turn]):
                one = found.setdefault(subject.name, Found())
                if not one.reason:
                    _measure(subject, models, sample, place, one, number)
            # A bench that is stopped leaves its finished rounds.
            path = results.write(folder, command, _rows(found, seed), time.perf_counter() - started)
            files.write(folder / "index.html", page(results.read(path)))
    return path


def _write(repository: Path, seed: int) -> Samples:
    """Write both models and return one sample; weights are random, which costs the same."""
    rng = np.random.default_rng(branch(seed, "samples"))
    samples = rng.random((17, *SHAPE), dtype=np.float32)
    trivial = partial(nn.Sequential, nn.Flatten(), nn.Linear(784, 10))
    for name, factory in ((MNIST, conv_infnet), (TRIVIAL, trivial)):
        content = export_onnx(build(factory, branch(seed, name)), samples)
        files.write(repository / name / "1" / "model.onnx", content)
    return samples[:1]


def _measure(
    subject: Subject, models: Models, sample: Samples, place: Path, found: Found, number: int
) -> None:
    say(f"round {number + 1} of {ROUNDS}: {subject.name}")
    try:
        with marked() as memory, subject.serve(place / "models") as url:
            self_test(url, models, binary=subject.binary)
            for cell in _cells(subject):
                loaded = _load(url, cell, models, sample, place)
                found.loads.setdefault(cell, {})[number] = loaded
                say(f"  {cell.of(subject.name)}: {loaded.rate:.0f}/s, p50 {loaded.p50:.2f} ms")
            found.memory[number] = memory()
        found.bytes = subject.bytes()
    except BackendError as error:
        # The last lines of a log are for the terminal.
        say(f"  {error}")
        found.reason = str(error).splitlines()[0]


def _cells(subject: Subject) -> list[Cell]:
    """Bytes where the server takes them; ours in numbers too, as others take nothing else."""
    forms = ["binary"] if subject.binary else ["json"]
    if subject.name == "embedded":
        forms = ["binary", "json"]
    return [
        Cell(connections, form, model)
        for model in (MNIST, TRIVIAL)
        for form in forms
        for connections in CONNECTIONS
    ]


def _load(url: str, cell: Cell, models: Models, sample: Samples, place: Path) -> Loaded:
    binary = cell.form == "binary"
    (tensor,) = models[cell.model][1].inputs
    request = InferRequest((Tensor(tensor.name, sample),), binary_output=binary)
    headers, body = encode_request(request, binary=binary)
    where = f"{url}/v2/models/{cell.model}/infer"
    load(where, headers, body, cell.connections, WARMING, place)
    return load(where, headers, body, cell.connections, SECONDS, place)


def _bare(models: Models, sample: Samples, found: Found, number: int) -> None:
    """The ceiling: no server at all, ``c`` rows at a time in a loop."""
    for name in (MNIST, TRIVIAL):
        model = models[name][1]
        outputs = [output.name for output in model.outputs]
        for rows in CONNECTIONS:
            inputs = {model.inputs[0].name: np.repeat(sample, rows, axis=0)}
            times: list[float] = []
            started = time.perf_counter()
            while (now := time.perf_counter()) < started + SECONDS:
                model.run(inputs, outputs)
                times.append(time.perf_counter() - now)
            p50, p99 = np.percentile(np.asarray(times) * 1e3, (50, 99))
            loaded = Loaded(rows * len(times) / (now - started), float(p50), float(p99))
            found.loads.setdefault(Cell(rows, "binary", name), {})[number] = loaded


def _rows(found: Mapping[str, Found], seed: int) -> list[dict[str, Any]]:
    """Ours beside each: every load in the same form, and in its best where the other has one."""
    own, rows = found["embedded"], []
    for name, other in found.items():
        if other is own:
            continue
        if other.reason or own.reason:
            rows.append({**_row("embedded", name, seed), "skipped": other.reason or own.reason})
            continue
        for cell, loads in other.loads.items():
            for form in dict.fromkeys((cell.form, "binary")):
                matching = Cell(cell.connections, form, cell.model)
                for figure, (more, unit) in FIGURES.items():
                    mine, theirs = _of(own.loads[matching], figure), _of(loads, figure)
                    row = _row(matching.of("embedded"), cell.of(name), seed)
                    rows.append({**row, **_compared(mine, theirs, more), "unit": unit})
        if other.bytes:
            row = _row("embedded", name, seed)
            compared = _compared(_mega(own.memory), _mega(other.memory), False)
            rows.append({**row, **compared, "unit": "resident MB"})
            ours, theirs = (_mega({0: float(each.bytes)}) for each in (own, other))
            rows.append({**row, **_compared(ours, theirs, False), "unit": "installed MB"})
    return rows


def _row(subject: str, baseline: str, seed: int) -> dict[str, Any]:
    return {"bench": "serve", "subject": subject, "baseline": baseline, "seeds": [seed]}


def _of(loads: Mapping[int, Loaded], figure: str) -> dict[int, float]:
    return {number: getattr(each, figure) for number, each in loads.items()}


def _compared(mine: Mapping[int, float], theirs: Mapping[int, float], more: bool) -> dict[str, Any]:
    """Medians, and of the ratio within each round, above 1 where ours is better."""
    rounds: Sequence[int] = sorted(mine.keys() & theirs.keys())
    ratios = [mine[n] / theirs[n] if more else theirs[n] / mine[n] for n in rounds]
    return {
        "ratio": float(np.median(ratios)),
        "ratio_ci": [min(ratios), max(ratios)],
        "value": float(np.median([mine[n] for n in rounds])),
        "baseline_value": float(np.median([theirs[n] for n in rounds])),
        "rounds": len(rounds),
    }


def _mega(values: Mapping[int, float]) -> dict[int, float]:
    return {n: value / 1e6 for n, value in values.items()}
