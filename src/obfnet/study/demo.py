"""The main job, end to end: forge, serve, send over HTTP, attack, and report."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from obfnet import files
from obfnet.auditing.audit import audit_all
from obfnet.auditing.intervals import of_fraction
from obfnet.auditing.report import Report
from obfnet.auditing.subject import Subject
from obfnet.bundling.archive import Bundle
from obfnet.edge.obfuscator import obfuscators
from obfnet.edge.policy import always, never
from obfnet.mechanisms.certificate import least_bits
from obfnet.progress import say
from obfnet.seeds import branch
from obfnet.serving.process import running
from obfnet.serving.settings import Settings
from obfnet.specs import Labels
from obfnet.study import results
from obfnet.study.making import (
    Workplace,
    make_codebook,
    make_infnet,
    make_published,
    make_repository,
    open_workplace,
)
from obfnet.study.page import render
from obfnet.study.sending import Sent, send, time_on_device

#: Samples over which the time on the device is measured.
TIMED = 1000


@dataclass(frozen=True)
class Demo:
    """What a demo leaves: its rows, and where the page and ``results.json`` are."""

    rows: tuple[dict[str, Any], ...]
    page: Path
    json: Path


def demo(data_name: str, folder: Path, seed: int = 0, command: str = "obfnet demo") -> Demo:
    """Show the whole idea on real samples over real HTTP.

    Trains or loads the InfNet, forges a published ObfNet and a codebook ObfNet, serves the
    InfNet from its own process, sends the test samples raw and through both, and attacks all
    three. Finished stages are kept in the cache (``OBFNET_CACHE``) and used again while nothing
    they were made from has changed.

    Args:
        data_name: ``digits``, ``mnist`` or ``fsd``.
        folder: where results, page and the served model go.
        seed: root of the seed tree.
        command: what to quote in the results.
    """
    started = time.perf_counter()
    place = open_workplace(data_name, seed)
    infnet = make_infnet(place)
    repository = make_repository(place, infnet, folder)
    published, codebook = make_published(place, infnet), make_codebook(place, infnet)
    subjects = {"raw": None, place.case.published_label: published, "codebook": codebook}

    say("attacks")
    (made,), (baseline,) = obfuscators(codebook), obfuscators(published)
    reports = audit_all(
        [None, Subject(place.case.published_label, baseline), Subject("codebook", made)],
        infnet,
        place.data,
        place.splits,
        branch(place.seed, "audit"),
        place.case.effort,
        folder=place.path("audit"),
    )

    say("requests over HTTP, one sample each")
    samples = place.data.samples[place.splits.test]
    with running(Settings(repository, port=0)) as url:
        sent = [
            send(made or codebook, url, samples, never if made is None else always, name)
            for name, made in subjects.items()
        ]
    clean = sent[0].answers
    rows = tuple(
        _row(place, name, made, report, answers, clean)
        for (name, made), report, answers in zip(subjects.items(), reports, sent, strict=True)
    )
    json = results.write(folder, command, rows, time.perf_counter() - started)
    page = folder / "index.html"
    files.write(page, render(place.data, rows, reports, command))
    return Demo(rows, page, json)


def _row(
    place: Workplace, name: str, made: Bundle | None, report: Report, sent: Sent, clean: Labels
) -> dict[str, Any]:
    """One results row: the audit's figures, with all answers as they came back over HTTP.

    An audit looks at some of the test samples, the requests were about all of them.
    """
    labels = place.data.labels[place.splits.test]
    hits = int((sent.answers == labels).sum())
    accuracy, clean_accuracy = hits / len(labels), float((clean == labels).mean())
    row = {
        "dataset": place.data.name,
        "split": place.case.split_label,
        "infnet": place.case.infnet_label,
        "obfnet": name,
        "seeds": [place.seed],
        **report.row(),
        "raw_leakage": report.raw_leakage,
        "agreement": float((sent.answers == clean).mean()),
        "clean_accuracy": clean_accuracy,
        "accuracy": accuracy,
        "accuracy_ci": list(of_fraction(hits, len(labels))),
        "drop": clean_accuracy - accuracy,
        "request_bytes": sent.request_bytes,
        "round_trip_ms": sent.round_trip_ms,
    }
    return row if made is None else row | _device_part(place, name, made, accuracy)


def _device_part(place: Workplace, name: str, made: Bundle, accuracy: float) -> dict[str, Any]:
    """The part of a row that only an ObfNet has: its certificate and what it costs."""
    (obfuscator,) = obfuscators(made)
    entry, certificate = obfuscator.entry, obfuscator.mechanism.certificate()
    minimum = least_bits(len(place.data.classes), accuracy)
    width = {"width": place.case.width} if name == place.case.published_label else {}
    return {
        "mechanism": entry.mechanism,
        "mechanism_args": dict(entry.mechanism_args),
        **width,
        "certified_bits": certificate.bits if certificate.certified else None,
        "excess_bits": certificate.bits - minimum if certificate.certified else None,
        "params": entry.params,
        "macs": entry.macs,
        "bytes": len(made.content),
        "edge_ms": time_on_device(obfuscator, place.data.samples[place.splits.test[:TIMED]]),
        "forge_seconds": round(entry.seconds, 2),
    }
