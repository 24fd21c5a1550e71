"""Audits of many ObfNets that were forged alike, at a fraction of the cost of as many audits.

Two of them, the *scouts*, are audited like any subject. The others get the one attack that did best
on the scouts; if it is ``mlp``, or nothing leaked, a decoder is trained for all of them together.
An ObfNet whose x' takes a few values needs no training at all: the mean of each value is the best
answer. What is left out is named in each report, with the reason and by how much it had lost.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import fmean
from types import MappingProxyType

from obfnet.auditing.adapters import Auditable, subject_of
from obfnet.auditing.attacks.few import FewAnswers, FewGuesses, values_taken
from obfnet.auditing.attacks.joint import decode_together
from obfnet.auditing.attacks.mlp import MlpDecoder
from obfnet.auditing.audit import report_on
from obfnet.auditing.effort import Effort, preset
from obfnet.auditing.evidence import Evidence, collect
from obfnet.auditing.findings import PROBED, RECONSTRUCTION, RECONSTRUCTIONS, Findings
from obfnet.auditing.ladder import FLOORS, Part, climb, place_of, timed
from obfnet.auditing.leakage import best_floor, validated
from obfnet.auditing.report import Report
from obfnet.auditing.subject import Subject, raw
from obfnet.auditing.workers import Task
from obfnet.data.dataset import Dataset
from obfnet.data.splits import Splits, split
from obfnet.errors import SpecError
from obfnet.nets.infnet import InfNet
from obfnet.seeds import branch
from obfnet.threads import available

#: ObfNets of other devices that an attacker holds at most.
KIN = 8
#: ObfNets that everything is tried on.
SCOUTS = 2
#: Where the best attack on a scout recovers no more than this, none is told from another.
NOTHING = 0.02


def audit_fleet(
    transforms: Sequence[Auditable],
    infnet: InfNet,
    data: Dataset,
    splits: Splits | None = None,
    seed: int = 0,
    effort: str | Effort = "quick",
    folder: Path | None = None,
    processes: int | None = None,
    scouts: int = SCOUTS,
) -> list[Report]:
    """``audit`` for the ObfNets of many devices, all forged in the same way: see there.

    Each is the others' kin, unless it names its own.

    Args:
        transforms: one for each device, a set or one ObfNet.
        infnet: the backend's model.
        data: samples with labels and named private attributes.
        splits: who may see what; by default ``split(data, 0)``.
        seed: fixes the attacks.
        effort: a preset or an effort of your own.
        folder: where finished parts are kept; None keeps nothing.
        processes: how many parts run at once.
        scouts: how many get the whole audit. As many as there are transforms: all.

    Raises:
        SpecError: there is no transform or no scout, the effort does not name ``mlp``, or
            mechanisms differ: then the fleet was not forged in one way.
        NotMeasurableError: as ``audit``.
        OverlapError: the attacker holds evaluation samples.
    """
    started = time.perf_counter()
    splits = split(data, 0) if splits is None else splits
    chosen = preset(effort)
    subjects = related([subject_of(each) for each in transforms])
    if not subjects or scouts < 1:
        raise SpecError("expected at least one ObfNet and one scout")
    if MlpDecoder.name not in chosen.attacks:
        raise SpecError(
            f"a fleet's decoders are of the {MlpDecoder.name!r} attack, and the effort names only "
            f"{', '.join(chosen.attacks) or 'none'}: add it, for raw samples must fall to it first"
        )
    kinds = {repr(each.mechanism) for each in subjects}
    if len(kinds) > 1:
        raise SpecError(
            f"a fleet is forged in one way, these have {len(kinds)} mechanisms: "
            f"{', '.join(sorted(kinds))}; audit them with audit_all"
        )
    plain = collect(raw(), infnet, data, splits, chosen, seed)
    first = [collect(each, infnet, data, splits, chosen, seed) for each in subjects[:scouts]]
    with ExitStack() as stack:
        place = folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        found = dict(climb(plain, first, place, seed, processes))
        scores = _scores([found[each] for each in first], chosen)
        best = _best(scores)
        together = best == MlpDecoder.name
        alone = () if together else (best,)
        short = replace(chosen, attacks=alone, examinations=(), seeds=1)
        rest = [collect(each, infnet, data, splits, short, seed) for each in subjects[scouts:]]
        rest = [_for_few(each) if values_taken(each.known) else each for each in rest]
        more = _parts(rest, together, chosen, place, seed, processes)
        found |= climb(plain, rest, place, seed, processes, more) if rest else {}
    seconds = time.perf_counter() - started
    reports = [report_on(each, plain, found, seed, seconds) for each in (*first, *rest)]
    return [*reports[:scouts], *(_honest(each, chosen, first, scores) for each in reports[scouts:])]


def related(subjects: Sequence[Subject]) -> list[Subject]:
    """Each with a name of its own, and up to ``KIN`` of the others as kin if it names none."""
    names = [each.name for each in subjects]
    result = []
    for number, each in enumerate(subjects):
        others = [*subjects[number + 1 :], *subjects[:number]][:KIN]
        name = each.name if names.count(each.name) == 1 else f"{each.name} {number}"
        kin = each.kin or tuple(other.transform for other in others)
        result.append(replace(each, name=name, kin=kin))
    return result


def _scores(scouts: Sequence[Findings], effort: Effort) -> dict[str, float]:
    """Leakage on validation pairs of every attack that all scouts were tried by, their mean."""
    floors = [best_floor(found.reconstructions[name] for name in FLOORS) for found in scouts]
    return {
        name: fmean(
            validated(found.reconstructions[name], floor)
            for found, floor in zip(scouts, floors, strict=True)
        )
        for name in effort.attacks
        if all(name in found.reconstructions for found in scouts)
    }


def _best(scores: Mapping[str, float]) -> str:
    """The attack that the others get; ``mlp`` where none recovers anything."""
    best = max(scores, key=lambda name: scores[name], default=MlpDecoder.name)
    return best if scores.get(best, 0.0) > NOTHING else MlpDecoder.name


def _for_few(evidence: Evidence) -> Evidence:
    """Nothing trained: what has few values is answered in closed form."""
    known = evidence.known
    return replace(
        evidence, known=replace(known, effort=replace(known.effort, attacks=(), probes=()))
    )


def _parts(
    rest: Sequence[Evidence],
    together: bool,
    effort: Effort,
    folder: Path,
    seed: int,
    processes: int | None,
) -> list[Part]:
    """The decoder for all together, in as many groups as processes; few values by their means."""
    few = [each for each in rest if values_taken(each.known)]
    many = [each for each in rest if together and not values_taken(each.known)]
    groups = min(len(many), available() if processes is None else processes)
    parts = [_together(many[number::groups], folder, seed) for number in range(groups)]
    for each in few:
        place = place_of(each, folder, seed)
        drawn = branch(seed, "few")
        answer = partial(FewAnswers(), each, drawn)
        parts.append(
            Part(
                (each,),
                MlpDecoder.name,
                Task(place / "few.npz", answer, RECONSTRUCTION.dump, RECONSTRUCTION.load),
            )
        )
        for attribute in each.evaluation.attributes if effort.probes else ():
            guess = partial(FewGuesses(), each, attribute, drawn)
            path = place / f"few-{attribute}.json"
            task = Task(path, guess, PROBED.dump, PROBED.load)
            parts.append(Part((each,), f"{attribute}/{FewGuesses.name}", task))
    return parts


def _together(evidences: Sequence[Evidence], folder: Path, seed: int) -> Part:
    place = place_of(evidences[0], folder, seed)
    others = "-".join(place_of(each, folder, seed).name[-4:] for each in evidences[1:])
    make = partial(decode_together, tuple(evidences), branch(seed, MlpDecoder.name, 0))
    told = partial(timed, make, f"mlp on {len(evidences)} together")
    path = place / f"together-{others[:120]}{RECONSTRUCTIONS.suffix}"
    task = Task(path, told, RECONSTRUCTIONS.dump, RECONSTRUCTIONS.load)
    return Part(tuple(evidences), MlpDecoder.name, task)


def _honest(
    report: Report, effort: Effort, scouts: Sequence[Evidence], scores: Mapping[str, float]
) -> Report:
    """The report with a reason for everything that was tried on the scouts only."""
    names = " and ".join(each.known.subject.name for each in scouts)
    few = values_taken(report.evidence.known)
    tried = {each.attack for each in report.tried}
    why: dict[str, str] = {}
    for attack in effort.attacks:
        if attack not in tried:
            why[attack] = (
                f"x' takes {few} values: the mean of each is the best answer under squared "
                "error, and no net can do better"
                if few
                else f"{_lost(attack, scores)} on {names}, forged in the same way"
            )
    for name in effort.examinations:
        why[name] = f"measured on {names}, forged in the same way"
    unmeasured: Mapping[str, str] = MappingProxyType({**why, **report.unmeasured})
    return replace(report, unmeasured=unmeasured, effort=effort)


def _lost(attack: str, scores: Mapping[str, float]) -> str:
    """By how much ``attack`` had lost; where nothing leaks, no more than noise."""
    if attack not in scores:
        return "not measurable"
    return f"behind the best by {max(scores.values()) - scores[attack]:.4f}"
