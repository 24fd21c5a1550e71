"""What a trained case's exports weigh and leak, how right they are, and a round trip's CPU."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from obfnet.auditing.audit import audit
from obfnet.bundling.archive import Bundle
from obfnet.bundling.c_export import export_c
from obfnet.bundling.container import packed
from obfnet.bundling.gate import Gate, gate_of, resolvable
from obfnet.bundling.keys import SigningKey
from obfnet.bundling.pack import bundle
from obfnet.edge.client import EdgeClient
from obfnet.edge.obfuscator import obfuscators
from obfnet.errors import ExportError, ObfNetError
from obfnet.forging.sets import ObfNetSet
from obfnet.progress import say
from obfnet.seeds import branch
from obfnet.serving.process import running
from obfnet.serving.settings import Settings
from obfnet.study.bench_edge_cases import SIZE, Case, Trained
from obfnet.study.bundled_subject import subject_of_bundle
from obfnet.study.making import make_repository

Row = dict[str, Any]
PRECISIONS = ("float32", "dynamic-int8", "int8")
#: Bytes of one int8 ObfNet with its table, and beyond eight of them of a bundle, at most.
LIMITS: Mapping[str, int] = {"mnist": 20_000, "fsd": 50_000}
BESIDES = 4_000
#: Milliseconds of the client's own CPU that a round trip may take, and round trips timed.
CLIENT_MS, TRIPS = 0.3, 1_000


def kept_rows(case: Case, trained: Trained, folder: Path, seed: int) -> list[Row]:
    """Sizes, accuracies, leakage and round trips of a trained case.

    A precision that costs too much accuracy is a row that says so; what would be measured of int8
    is then of float32.
    """
    place, fleet = trained.place, trained.fleet
    # Of few validation samples one may be lost, or nothing could be: it weighs more than .2 points.
    judging = gate_of(trained.infnet, place.data, place.splits, resolvable(place.splits))
    made, skipped = _exported(case, fleet, judging)
    best = "int8" if "int8" in made else "float32"
    packed_as, eight, missed = _set(case, fleet, judging, best)
    eight.save(bundle_path(case, folder))
    tested = Gate(
        trained.infnet,
        place.data.samples[place.splits.test],
        place.data.labels[place.splits.test],
        judging.calibration,
    )
    return [
        *skipped,
        *missed,
        *_sizes(case, made, eight, packed_as),
        *_accuracies(case, made, tested),
        *_in_c(case, fleet, judging, tested),
        _leakage(case, trained, made[best], best, folder, seed),
        _round_trip(case, trained, eight, folder),
    ]


def _exported(case: Case, fleet: ObfNetSet, judging: Gate) -> tuple[dict[str, Bundle], list[Row]]:
    """The first ObfNet in each precision that passes the gate, and rows of those that do not.

    Raises:
        ExportError: not even float32 does: then something is broken.
    """
    made, skipped = {}, []
    for each in PRECISIONS:
        try:
            made[each] = bundle(_first(fleet), precision=each, gate=judging)
        except ExportError as error:
            if each == "float32":
                raise
            skipped.append(_skipped(case, each, error))
    return made, skipped


def _set(
    case: Case, fleet: ObfNetSet, judging: Gate, precision: str
) -> tuple[str, Bundle, list[Row]]:
    """The signed bundle of all, its precision, and a row if it had to be another."""
    signer = SigningKey.new()
    try:
        return precision, bundle(fleet, signer, precision=precision, gate=judging), []
    except ExportError as error:
        missed = _skipped(case, f"{precision}, signed bundle of {SIZE}", error)
        return "float32", bundle(fleet, signer, gate=judging), [missed]


def _skipped(case: Case, what: str, error: ObfNetError) -> Row:
    say(f"  {case.name} not as {what}: {error}")
    told = {"bench": "edge", "dataset": case.name, "subject": f"{case.label} {case.name}, {what}"}
    return {**told, "skipped": str(error)}


def bundle_path(case: Case, folder: Path) -> Path:
    """Where the bundle of a trained case's set is written."""
    return folder / f"{case.name}-{case.label.replace(' ', '-')}.obfnet"


def _first(fleet: ObfNetSet) -> ObfNetSet:
    return ObfNetSet(fleet.device, fleet.obfnets[:1], fleet.infnet, fleet.probes)


def artefact_bytes(made: Bundle) -> int:
    """Of the first ObfNet's encoder and decoder, as they lie in a bundle."""
    entry = made.manifest.obfnets[0]
    return sum(
        len(packed(name, made.members[name]).stream) for name in (entry.encoder, entry.decoder)
    )


def _sizes(case: Case, made: Mapping[str, Bundle], eight: Bundle, packed_as: str) -> list[Row]:
    one = LIMITS[case.name]
    found = {f"{each}, encoder and table deflated": artefact_bytes(made[each]) for each in made}
    rows = [_size(case, name, size, "limit for int8", one) for name, size in found.items()]
    last = f"{packed_as}, signed bundle of {SIZE}"
    limit = SIZE * artefact_bytes(made[packed_as]) + BESIDES
    return [*rows, _size(case, last, len(eight.content), f"{SIZE} times one and 4 KB", limit)]


def _size(case: Case, subject: str, size: int, baseline: str, limit: int) -> Row:
    return _row(case, subject, baseline, limit / size, "bytes", size, limit) | {"bytes": size}


def _accuracies(case: Case, made: Mapping[str, Bundle], gate: Gate) -> list[Row]:
    """Through the InfNet, on test samples, as a device's runtime computes them."""
    found = {
        each: gate.accuracy(obfuscators(content)[0])  # one noise, and a draw that does not matter
        for each, content in made.items()
    }
    plain = found.pop("float32")
    return [
        _accuracy(case, f"{each}, through the InfNet", right, plain)
        for each, right in found.items()
    ]


def _accuracy(case: Case, subject: str, right: float, plain: float) -> Row:
    ratio = right / plain if plain else 0.0
    row = _row(case, subject, "float32", ratio, "% right", 100 * right, 100 * plain)
    return row | {"accuracy": right, "baseline_accuracy": plain}


def _in_c(case: Case, fleet: ObfNetSet, judging: Gate, tested: Gate) -> list[Row]:
    """The C export's constants, or why there are none; right answers are of test samples."""
    try:
        made = export_c(_first(fleet), judging)
        # The same integers, which depend on calibration only; the gate has had its say.
        right = export_c(_first(fleet), replace(tested, tolerance=1.0)).accuracy[0]
    except ObfNetError as error:
        return [_skipped(case, "C", error)]
    plain = tested.accuracy(obfuscators(bundle(_first(fleet)))[0])
    limit = LIMITS[case.name]
    row = _row(
        case, "C, constants", "limit for int8", limit / made.flash, "bytes", made.flash, limit
    )
    return [row | {"bytes": made.flash, "accuracy": right, "baseline_accuracy": plain}]


def _leakage(
    case: Case, trained: Trained, made: Bundle, precision: str, folder: Path, seed: int
) -> Row:
    """The exported ObfNet audited anew, as a device runs it."""
    say(f"  audit of {case.name}, {precision}, quick")
    place = trained.place
    report = audit(
        subject_of_bundle(made, f"{case.label}, {precision}"),
        trained.infnet,
        place.data,
        place.splits,
        branch(seed, "audit"),
        "quick",
        folder / f"audit-{case.name}-{case.label}",
    )
    found = report.row()
    value = found["leakage"]
    say(f"  leakage {value:.3f}, best attack {found['best_attack']}")
    row = _row(case, f"{precision}, audited again", "the label alone", 1.0, "leakage", value, 0.0)
    del row["ratio"]
    return row | {key: found[key] for key in ("leakage", "leakage_ci", "best_attack", "accuracy")}


def _round_trip(case: Case, trained: Trained, made: Bundle, folder: Path) -> Row:
    """CPU that the client itself spends on one sample, request and answer included."""
    place = trained.place
    repository = make_repository(place, trained.infnet, folder / f"served-{case.name}")
    samples = place.data.samples[place.splits.test]
    with running(Settings(repository, port=0)) as url, EdgeClient(made, url) as client:
        for sample in samples[:50]:
            client.infer(sample)
        started = time.process_time()
        for trip in range(TRIPS):
            client.infer(samples[trip % len(samples)])
        spent = (time.process_time() - started) / TRIPS * 1e3
    return _row(
        case, "client's CPU for a round trip", "limit", CLIENT_MS / spent, "ms", spent, CLIENT_MS
    )


def _row(
    case: Case, subject: str, baseline: str, ratio: float, unit: str, value: float, other: float
) -> Row:
    return {
        "bench": "edge",
        "dataset": case.name,
        "subject": f"{case.label} {case.name}, {subject}",
        "baseline": baseline,
        "ratio": ratio,
        "unit": unit,
        "value": value,
        "baseline_value": other,
    }
