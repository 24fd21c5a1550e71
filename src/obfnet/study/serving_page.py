"""The page of ``obfnet bench serve``: one table of servers, the aims, and which one to take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from obfnet.study.sheet import STYLE

Row = Mapping[str, Any]

TITLE = "Servers beside each other"
NOTE = (
    "Batch-1 requests of 1x28x28 FP32 from wrk, which shares the machine; every server alone, as "
    "`obfnet serve` starts it, in turns with the others; medians over rounds, ratios within a "
    "round. Tensors travel as bytes, or as JSON where a server has nothing else. mnist is I_C, "
    "trivial is one dense layer 784-10: what is left there is the server. c1 and c32 are requests "
    "under way at a time; the bare loop, the ceiling, has that many rows instead and no load "
    "beside it. Memory is of all processes after the load, shared pages counted once; installed "
    "is without Python."
)
#: A server's names in the table, and when to take it.
TAKE = {
    "embedded": "One machine, models in ONNX, few dependencies, half the memory and half the "
    "installation of any other of the protocol: the default. A small CNN answers as soon and as "
    "often as behind Triton.",
    "triton": "Most requests a second where the model is next to nothing; several models on one "
    "machine, GPUs, gRPC, or a fleet that runs it already. Here its Python backend, in NVIDIA's "
    "container its own ONNX backend.",
    "kserve": "Kubernetes with KServe: then let KServe run Triton (`obfnet serve --write kserve`), "
    "and its Python server only for code before or after the model.",
    "mlserver": "A company that runs Seldon or MLServer already. JSON or gRPC only.",
    "ray": "More machines than one, scaled by the queue; a node may die and no answer is lost. "
    "On one machine the dearest of all.",
    "litserve": "Not one of our engines: another protocol, measured for comparison.",
}
#: The aims of the project: figure, ours, theirs, and the least ratio.
AIMS = (
    ("requests/s", "embedded c32 binary mnist", "triton c32 binary mnist", 0.95),
    ("p50 ms", "embedded c1 binary mnist", "triton c1 binary mnist", 2.0),
    ("p50 ms", "embedded c1 binary trivial", "triton c1 binary trivial", 2.0),
    ("requests/s", "embedded c32 binary mnist", "kserve c32 binary mnist", 2.5),
    ("requests/s", "embedded c32 binary mnist", "mlserver c32 json mnist", 2.5),
    ("requests/s", "embedded c32 json mnist", "mlserver c32 json mnist", 2.5),
)
_LOADS = tuple(f"c{c} {model}" for model in ("mnist", "trivial") for c in (1, 32))


def page(content: Mapping[str, Any]) -> str:
    """The page of a results file's ``content``."""
    rows = content["rows"]
    machine = content["machine"]
    made = (
        f"<code>{escape(content['command'])}</code>, commit {escape(str(content['git']))}, "
        f"{escape(content['date'])}, {content['seconds']:.0f} s on {machine['threads']} threads of "
        f"{escape(machine['processor'])}"
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{TITLE}</title>'
        f"<style>{STYLE}</style><h1>{TITLE}</h1><p>{escape(NOTE)}</p>"
        f"<h2>Requests per second (p50 / p99 ms)</h2>{_servers(rows)}"
        f"<h2>What was aimed at</h2>{_aims(rows)}"
        f"<h2>Which to take</h2><dl>{_take()}</dl><p>Made by {made}.</p></html>\n"
    )


def _servers(rows: Sequence[Row]) -> str:
    figures = _figures(rows)
    head = ("server", "tensors", *_LOADS, "resident MB", "installed MB")
    body = []
    for (name, form), found in figures.items():
        cells = [
            _cell("{:,.0f} ({:.2f} / {:.2f})", found, f"{load} ", "requests/s", "p50 ms", "p99 ms")
            for load in _LOADS
        ]
        cells += [_cell("{:,.0f}", found, "", unit) for unit in ("resident MB", "installed MB")]
        body.append([escape(name), form, *cells])
    for row in rows:
        if "skipped" in row:
            body.append([escape(row["baseline"]), f"not measured: {escape(row['skipped'])}"])
    return _table(head, body)


def _figures(rows: Sequence[Row]) -> dict[tuple[str, str], dict[str, float]]:
    """By server and form of its tensors: every figure by load and unit."""
    found: dict[tuple[str, str], dict[str, float]] = {}
    for row in rows:
        if "skipped" in row:
            continue
        for side, value in (
            (row["subject"], row["value"]),
            (row["baseline"], row["baseline_value"]),
        ):
            name, _, load = side.partition(" c")
            if load:
                connections, form, model = load.split()
                found.setdefault((name, form), {})[f"c{connections} {model} {row['unit']}"] = value
            else:
                for (other, _), figures in found.items():
                    if other == name:
                        figures[row["unit"]] = value
    return found


def _cell(form: str, found: Mapping[str, float], prefix: str, *units: str) -> str:
    values = [found.get(prefix + unit) for unit in units]
    return "-" if None in values else form.format(*values)


def _aims(rows: Sequence[Row]) -> str:
    by_name = {(row.get("unit"), row["subject"], row["baseline"]): row for row in rows}
    body = []
    for unit, ours, theirs, least in AIMS:
        row = by_name.get((unit, ours, theirs))
        cells = ["-", "-"]
        if row is not None:
            low, high = row["ratio_ci"]
            met = "met" if row["ratio"] >= least else "missed"
            cells = [f"{row['ratio']:.2f} [{low:.2f}, {high:.2f}]", met]
        body.append([f"{ours}, {unit}", theirs, f"at least {least:g}", *cells])
    return _table(("ours", "theirs", "aim", "ratio [least, greatest]", ""), body)


def _take() -> str:
    return "".join(f"<dt><b>{name}</b></dt><dd>{escape(when)}</dd>" for name, when in TAKE.items())


def _table(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    top = "".join(f'<th scope="col">{escape(title)}</th>' for title in head)
    lines = "".join("<tr>" + "".join(f"<td>{c}</td>" for c in line) + "</tr>" for line in body)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{lines}</tbody></table>"
