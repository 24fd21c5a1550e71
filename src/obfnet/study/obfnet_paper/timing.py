"""``obfnet study obfnet-time``: Tables I to III, Fig. 15 and 16, and where remote inference pays.

The device is one pinned thread of this machine, the backend our server on loopback; the paper's
were a Coral board and a Jetson, so only the shape of the figures can be compared.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from obfnet import files
from obfnet.bundling.archive import Bundle
from obfnet.bundling.onnx_export import export_onnx
from obfnet.edge.client import EdgeClient
from obfnet.edge.obfuscator import obfuscators
from obfnet.edge.onnxruntime_runtime import load
from obfnet.errors import ExportError
from obfnet.progress import say
from obfnet.serving.process import running
from obfnet.serving.settings import Settings
from obfnet.source import code_digest
from obfnet.specs import Samples
from obfnet.study.kept import kept, key
from obfnet.study.obfnet_paper.break_even import break_even
from obfnet.study.obfnet_paper.clock import pinned, seconds_of
from obfnet.study.obfnet_paper.slow_link import slow_link
from obfnet.study.obfnet_paper.time_page import publish
from obfnet.study.obfnet_paper.timed_nets import (
    CASES,
    CaseStudy,
    bundle_of,
    infnet_of,
    obfnets_of,
    samples_of,
)
from obfnet.study.spread import spread
from obfnet.study.study import Ask

Row = dict[str, Any]

#: As the paper.
RUNS = 100
BATCHES = (1, 2, 4, 8, 16, 32, 64)
#: Mbit/s.
RATES = (1.0, 2.0, 5.0, 10.0, 15.0, 25.0, 50.0, 100.0)
#: Requests at each rate.
SENT = 20
UNLIMITED = float("inf")
#: What least, median and greatest of a figure's times are called.
TIMES = {"Fig. 15": "per_sample_ms", "Table II": "per_sample_ms", "Fig. 16": "transmission_ms"}


def obfnet_time(ask: Ask) -> Path:
    """Every case study; parts are kept, rows written after each. Nothing is trained."""
    rows: list[Row] = []
    spent = 0.0
    path = ask.folder / "results.json"
    for case in CASES[1:2] if ask.quick else CASES:
        for name, make in (("edge", _on_the_edge), ("remote", _remote)):
            say(f"times: {case.data}, {name}")
            found = _kept(ask, case, name, make)
            rows += found["rows"]
            spent += found["seconds"]
            path = publish(ask, rows, spent)
        rows += break_even(case, [row for row in rows if row["dataset"] == case.data])
        path = publish(ask, rows, spent)
    return path


def _kept(ask: Ask, case: CaseStudy, name: str, make: Callable[[Ask, CaseStudy], list[Row]]) -> Any:  # noqa: ANN401
    asked = key(
        code=code_digest(),
        case=repr(case),
        seed=ask.seed,
        quick=ask.quick,
        runs=(RUNS, BATCHES, RATES, SENT),
    )

    def timed() -> dict[str, Any]:
        started = time.perf_counter()
        return {"rows": make(ask, case), "seconds": time.perf_counter() - started}

    return kept(
        ask.folder / "times" / f"{case.data}-{name}-{asked}.json",
        timed,
        lambda found: json.dumps(found, indent=1, allow_nan=False).encode(),
        json.loads,
    )


def _on_the_edge(ask: Ask, case: CaseStudy) -> list[Row]:
    """Table I for every ObfNet as float32 and int8, Table III for the InfNet."""
    runs = 10 if ask.quick else RUNS
    infnet = infnet_of(case, ask.seed)
    samples = samples_of(case, 1, ask.seed)
    rows = []
    for name, obfnet in obfnets_of(case, ask.seed).items():
        for precision in ("float32", "int8"):
            try:
                made = bundle_of(case, obfnet, infnet, precision)
            except ExportError as error:
                say(f"  {name} not as {precision}: {error}")
                continue
            (run,) = obfuscators(made)
            with pinned():
                took = seconds_of(partial(run, samples), runs)
            published = name.startswith("O_M") and precision == "float32"
            rows.append(
                _row(case, "Table I", f"{name} {precision}, one sample on the device", took)
                | {"obfnet": name, "precision": precision, "bytes": len(made.content)}
                | {"params": run.entry.params, "macs": run.entry.macs}
                | (_beside("O_M on Coral", case.obfnet_on_coral) if published else {})
            )
    with pinned():
        local = load(export_onnx(infnet.module, samples_of(case, 32, 0)))
        took = seconds_of(partial(local, samples), runs)
    rows.append(
        _row(case, "Table III", "I_C float32, one sample on the device", took)
        | _beside("I_C on Coral", case.infnet_on_coral)
    )
    return rows


def _remote(ask: Ask, case: CaseStudy) -> list[Row]:
    """Table II, Fig. 15 and Fig. 16: the InfNet behind our server."""
    runs = 5 if ask.quick else RUNS
    infnet = infnet_of(case, ask.seed)
    obfnet = obfnets_of(case, ask.seed)["codebook"]
    made = bundle_of(case, obfnet, infnet, "float32")
    content = export_onnx(infnet.module, samples_of(case, 32, 0))
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        files.write(Path(folder, "infnet", "1", "model.onnx"), content)
        with running(Settings(Path(folder), port=0)) as url:
            for batch in BATCHES[:2] if ask.quick else BATCHES:
                took = _asked(made, url, samples_of(case, batch, ask.seed), runs)
                each = [seconds / batch for seconds in took]
                subject = f"I_C behind HTTP on loopback, batch {batch}, per sample"
                rows.append(_row(case, "Fig. 15", subject, each) | {"batch": batch})
            told = _beside("I_C on Jetson", case.infnet_on_jetson)
            told["differs"] += f"; of batch {batch} here, the paper's table names none"
            rows.append(rows[-1] | {"figure": "Table II"} | told)
            rows += _transmission(ask, case, made, url)
    return rows


def _transmission(ask: Ask, case: CaseStudy, made: Bundle, url: str) -> Iterator[Row]:
    """Fig. 16: what a link of each rate adds, beside what the bytes say."""
    sample, sent = samples_of(case, 1, ask.seed), 3 if ask.quick else SENT
    with EdgeClient(made, url) as client:
        size = len(client.prepare_batch(sample).body)
    with slow_link(url, UNLIMITED) as near:
        without = median(_asked(made, near, sample, sent))
    for rate in RATES[3:5] if ask.quick else RATES:
        with slow_link(url, rate * 1e6) as near:
            took = [each - without for each in _asked(made, near, sample, sent)]
        computed = size * 8 / rate / 1e3
        value = max(0.0, 1e3 * median(took))
        yield {
            **_row(case, "Fig. 16", f"one request of {size:,} bytes at {rate:g} Mbit/s", took),
            "value": round(value, 4),
            "mbit_s": rate,
            "request_bytes": size,
            "baseline": "computed from its bytes",
            "baseline_value": round(computed, 4),
            "ratio": round(computed / value, 4) if value else None,
            "differs": f"the paper sent {case.kilobytes:g} kB a sample, ours are float32 as the "
            "protocol takes them, never compressed; HTTP's own lines and the answer come on top",
        }


def _asked(made: Bundle, url: str, samples: Samples, count: int) -> list[float]:
    """Seconds from a prepared request to its answer."""
    with EdgeClient(made, url) as client:
        message = client.prepare_batch(samples)
        return seconds_of(partial(client.send_batch, message), count)


def _row(case: CaseStudy, figure: str, subject: str, took: Sequence[float]) -> Row:
    times = spread(took)
    return {
        "bench": "obfnet",
        "figure": figure,
        "dataset": case.data,
        "subject": subject,
        "unit": "ms",
        "value": times["median"],
        TIMES.get(figure, "edge_ms"): times,
        "rounds": len(took),
    }


def _beside(what: str, paper: Sequence[float]) -> Row:
    """The paper's time; no ratio, as it is another machine's."""
    return {
        "baseline": f"the paper's {what}, mean",
        "baseline_value": paper[1],
        "differs": "another machine: one pinned thread of a server's processor is no Coral, and "
        "two of them are no Jetson",
    }
