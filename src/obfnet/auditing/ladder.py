"""Climb the ladder: every attack, probe and examination on raw samples and on each subject."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from obfnet.auditing.attack import Reconstruction
from obfnet.auditing.attacks.label_conditional import LabelConditional
from obfnet.auditing.attacks.label_only import LabelOnly
from obfnet.auditing.evidence import Evidence, send
from obfnet.auditing.examination import Examined
from obfnet.auditing.findings import EXAMINED, PROBED, RECONSTRUCTION, Findings, Form
from obfnet.auditing.leakage import best_floor, validated
from obfnet.auditing.probe import Probed
from obfnet.auditing.workers import Task, Unmeasured, run
from obfnet.errors import NotMeasurableError
from obfnet.progress import say
from obfnet.registry import find
from obfnet.seeds import branch
from obfnet.source import code_digest

#: Attackers who know only the label are always there, whatever an effort names.
FLOORS = (LabelOnly.name, LabelConditional.name)
Made = TypeVar("Made")
#: What takes long first.
RANKS = {"examination": 0, "attack": 1, "probe": 2}


@dataclass(frozen=True, eq=False)
class Part:
    """A task with its place.

    Args:
        evidences: what it is about; a task for several has an outcome for each, in a tuple.
        name: of the attack, or of attribute and probe, or of the examination.
        task: makes it.
        rank: the least come first, so that what takes long is not left for the end.
    """

    evidences: tuple[Evidence, ...]
    name: str
    task: Task
    rank: int = 0


@dataclass(eq=False)
class _Gathered:
    reconstructions: dict[str, list[Reconstruction]] = field(default_factory=dict)
    probed: dict[str, dict[str, Probed]] = field(default_factory=dict)
    examined: dict[str, Examined] = field(default_factory=dict)
    unmeasured: dict[str, str] = field(default_factory=dict)


def climb(
    raw: Evidence,
    subjects: Sequence[Evidence],
    folder: Path,
    seed: int,
    processes: int | None = None,
    more: Sequence[Part] = (),
) -> dict[Evidence, Findings]:
    """Everything the effort names, on raw samples first and on each subject.

    Args:
        raw: evidence of raw samples.
        subjects: evidence of each subject, of the same samples; raw samples may be among them.
        folder: what is done is kept there.
        seed: fixes every attack.
        processes: how many parts run at once.
        more: parts beyond what the effort names, of the same evidence; they come first.

    Returns:
        What was found on raw samples, and on each subject.
    """
    everything = dict.fromkeys([raw, *subjects])
    own = [part for evidence in everything for part in _parts(evidence, raw, folder, seed)]
    parts = [*more, *sorted(own, key=lambda part: part.rank)]
    gathered = {evidence: _Gathered() for evidence in everything}
    for position, outcome in run([part.task for part in parts], processes):
        part = parts[position]
        each = outcome if isinstance(outcome, tuple) else [outcome] * len(part.evidences)
        for evidence, found in zip(part.evidences, each, strict=True):
            _gather(gathered[evidence], part, found)
    return {evidence: _chosen(found) for evidence, found in gathered.items()}


def _parts(evidence: Evidence, raw: Evidence, folder: Path, seed: int) -> list[Part]:
    """Everything that is tried on one subject."""
    effort, name_of = evidence.known.effort, evidence.known.subject.name
    place = place_of(evidence, folder, seed)

    def part(kind: str, name: str, form: Form, make: Callable[[], Any]) -> Part:
        path = place / f"{kind}-{_plain(name)}{form.suffix}"
        told = partial(timed, make, f"{name} on {name_of}")
        return Part((evidence,), name, Task(path, told, form.dump, form.load), RANKS[kind])

    def attack(name: str, run_: int) -> Part:
        drawn = branch(seed, name, run_)
        label = f"{name} seed {run_}" if run_ else name
        return part(
            "attack", label, RECONSTRUCTION, lambda: find("attacks", name)()(evidence, drawn)
        )

    def probe(attribute: str, name: str) -> Part:
        drawn = branch(seed, "probe", attribute, name)
        return part(
            "probe",
            f"{attribute}/{name}",
            PROBED,
            lambda: find("probes", name)()(evidence, attribute, drawn),
        )

    def examination(name: str) -> Part:
        drawn = branch(seed, "examination", name)
        return part("examination", name, EXAMINED, lambda: _examined(name, evidence, raw, drawn))

    attributes = evidence.evaluation.attributes
    return [
        *(
            attack(name, run_)
            for run_ in range(effort.seeds)
            for name in effort.attacks
            if name not in FLOORS
        ),
        *(probe(attribute, name) for attribute in attributes for name in effort.probes),
        *(examination(name) for name in effort.examinations if evidence is not raw),
        *(attack(name, 0) for name in FLOORS),
    ]


def _examined(name: str, evidence: Evidence, raw: Evidence, seed: int) -> Examined:
    shape, released = evidence.known.spec.shape, evidence.known.subject.released
    if released is not None:
        raise NotMeasurableError(
            f"x' has shape {released}, x has {shape}: examinations take both to be alike"
        )
    found: Examined = find("examinations", name)(evidence, raw, seed)
    return found


def place_of(evidence: Evidence, folder: Path, seed: int) -> Path:
    """Where what is found of one subject is kept."""
    return folder / f"{_plain(evidence.known.subject.name)}-{_key(evidence, seed)}"


def timed(make: Callable[[], Made], label: str) -> Made:
    """What ``make`` makes; how long it took is said."""
    started = time.perf_counter()
    made = make()
    say(f"  {label}: {time.perf_counter() - started:.0f} s")
    return made


def _gather(into: _Gathered, part: Part, outcome: object) -> None:
    if isinstance(outcome, Unmeasured):
        into.unmeasured[part.name] = outcome.reason
    elif isinstance(outcome, Reconstruction):
        into.reconstructions.setdefault(outcome.attack, []).append(outcome)
    elif isinstance(outcome, Probed):
        attribute, _, probe = part.name.rpartition("/")
        into.probed.setdefault(attribute, {})[probe] = outcome
    elif isinstance(outcome, Examined):
        into.examined[part.name] = outcome


def _chosen(gathered: _Gathered) -> Findings:
    """Of several seeds of an attack, the one that did best on validation pairs."""
    floor = best_floor(gathered.reconstructions[name][0] for name in FLOORS)
    best = {
        name: max(found, key=lambda each: validated(each, floor))
        for name, found in sorted(gathered.reconstructions.items())
    }
    return Findings(best, gathered.probed, gathered.examined, gathered.unmeasured)


def _key(evidence: Evidence, seed: int) -> str:
    """Digest of what the parts are made from: samples, budget, seed and the transform itself."""
    known = evidence.known
    total = hashlib.sha256()
    parts = (known.train, known.validation, evidence.evaluation)
    for pairs in parts:
        for values in (pairs.originals, pairs.labels, *pairs.attributes.values()):
            total.update(np.ascontiguousarray(values).tobytes())
    again = send(
        known.subject.transform, evidence.evaluation.originals[:16], known.subject.released
    )
    first = evidence.evaluation.released[:16]
    if np.array_equal(again, first):  # else it draws at random, and only its name tells it
        total.update(np.ascontiguousarray(evidence.evaluation.released).tobytes())
    for other in known.subject.kin:
        total.update(send(other, evidence.evaluation.originals[:16]).tobytes())
    plain = [known.subject.name, repr(known.effort), seed, code_digest()]
    total.update(json.dumps(plain).encode())
    return total.hexdigest()[:12]


def _plain(name: str) -> str:
    """``name`` as part of a file's name."""
    return "".join(letter if letter.isalnum() or letter in "-." else "_" for letter in name)
