"""Rows: raw samples, and ObfNets of each trial, made once and found again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from obfnet.auditing.adapters.forged import of_obfnet
from obfnet.auditing.audit import audit_all
from obfnet.auditing.pages.pictures import data_uri
from obfnet.auditing.report import Report
from obfnet.auditing.subject import Subject
from obfnet.data.splits import spread
from obfnet.errors import NotForgeableError, NotMeasurableError
from obfnet.forging.fleet import forge
from obfnet.forging.obfnet import ObfNet
from obfnet.forging.recipe import Recipe
from obfnet.forging.sets import ObfNetSet
from obfnet.progress import say
from obfnet.seeds import branch
from obfnet.source import code_digest
from obfnet.specs import Samples
from obfnet.study import forged
from obfnet.study.kept import kept, key
from obfnet.study.obfnet_paper.device import on_device
from obfnet.study.obfnet_paper.place import Place
from obfnet.study.obfnet_paper.trial import Trial
from obfnet.study.obfnet_paper.uncertainty import interval

#: Pictures in a grid, and the ObfNets that a quick run forges where several are asked for.
SHOWN, QUICK_SEEDS = 10, 2
#: An ObfNet whose accuracy is below so many times a coin's has learnt nothing.
COLLAPSED = 2
#: Left out where there is none; elsewhere null says that nothing is proven or was trained.
ABSENT = ("paper", "width")


@dataclass(frozen=True)
class Made:
    """One row and what is shown with it.

    Args:
        row: of ``results.json``.
        pictures: PNG data URIs of x' of some test samples; of x in the row of raw samples.
    """

    row: dict[str, Any]
    pictures: tuple[str, ...]


def rows_of(place: Place) -> Iterator[Made]:
    """Raw samples first, then each trial; every one is kept as soon as it is there.

    A trial that its InfNet allows no ObfNet for is a row that says so, and is tried again next
    time; any other error ends the study, which goes on where it was.
    """
    yield _kept(place, "raw", None)
    for trial in place.setting.trials:
        yield _kept(place, trial.name, trial)


def _kept(place: Place, name: str, trial: Trial | None) -> Made:
    say(f"{place.setting.name}: {name}")
    asked = key(code=code_digest(), run=place.run, trial=repr(trial),
                effort=repr(place.effort), attributes=place.setting.attributes)  # fmt: skip
    path = place.folder / "rows" / f"{place.setting.name}-{name}-{asked}.json"
    try:
        return kept(path, lambda: _made(place, trial), _dump, _load)
    except NotForgeableError as error:
        if trial is None:
            raise
        say(f"  not forged: {error}")
        return _finished(place, _not_forged(trial, error), ())


def _made(place: Place, trial: Trial | None) -> Made:
    row, pictures = _raw(place) if trial is None else _tried(place, trial)
    return _finished(place, row, pictures)


def _finished(place: Place, row: dict[str, Any], pictures: tuple[str, ...]) -> Made:
    row |= {
        "dataset": place.data.name,
        "split": place.setting.split_label,
        "infnet": place.setting.label,
    }
    plain = {k: value for k, value in row.items() if k not in ABSENT or value is not None}
    return Made(plain, pictures)


def _raw(place: Place) -> tuple[dict[str, Any], tuple[str, ...]]:
    held, setting = place.data.take(place.splits.test), place.setting
    right = place.infnet.predict(held.samples) == held.labels
    accuracy = float(right.mean())
    row = {
        **_leaks(place, [None] if setting.audited else []),
        "figure": "IV",
        "obfnet": "raw",
        "seeds": [place.seed],
        "clean_accuracy": accuracy,
        "accuracy": accuracy,
        "accuracy_ci": list(interval(place, right[None])),
        "drop": 0.0,
        "paper": list(setting.paper) or None,
        "differs": setting.differs,
    }
    return row, _pictures(place, _shown(place))


def _not_forged(trial: Trial, error: NotForgeableError) -> dict[str, Any]:
    return {
        "figure": trial.figure,
        "obfnet": trial.name,
        "mechanism": trial.mechanism.name,
        "seeds": [],
        "unmeasured": {"forging": str(error)},
    }


def _tried(place: Place, trial: Trial) -> tuple[dict[str, Any], tuple[str, ...]]:
    fleet = _forged(place, trial)
    held = place.data.take(place.splits.test)
    obfnets = fleet[0].obfnets
    row = {
        **_tells(place, trial, obfnets[: trial.audited]),
        **forged.row(
            fleet,
            place.infnet,
            held,
            range(len(obfnets)),
            interval=lambda right: interval(place, right),
        ),
        **on_device(place, obfnets[0]),
        "figure": trial.figure,
        "obfnet": trial.name,
        "width": trial.width,
        "audited": trial.audited,
        "paper": list(trial.paper) or None,
        "differs": trial.differs or _forged_with(place, trial),
    }
    return row, _pictures(place, obfnets[0](_shown(place)))


def _forged_with(place: Place, trial: Trial) -> str:
    """What a row without a figure in the paper was forged with: rows beside it had other means."""
    count, schedule = len(place.splits.train), place.schedule(trial.schedule)
    return f"{count:,} samples, {schedule.epochs} epochs"


def _forged(place: Place, trial: Trial) -> Sequence[ObfNetSet]:
    """As ``obfnet.forge`` does, with a twin where something limits the code."""
    halves: dict[str, Any] = {}
    if trial.published:
        arguments: dict[str, Any] = {"shape": list(place.data.spec.shape)}
        if trial.width is not None:
            arguments["width"] = trial.width
        halves = {
            half: Recipe("obfnets", trial.published, arguments, half)
            for half in ("encoder", "decoder")
        }
    schedule = place.schedule(trial.schedule)
    asked = key(schedule=repr(schedule), mechanism=repr(trial.mechanism), net=trial.published,
                width=trial.width)  # fmt: skip
    here = place.folder / "forged" / f"{place.setting.name}-{place.run}" / f"{trial.name}-{asked}"
    return forge(
        place.infnet,
        place.data,
        size=min(trial.seeds, QUICK_SEEDS) if place.quick else trial.seeds,
        mechanism=trial.mechanism,
        splits=place.splits,
        schedule=schedule,
        twins=not trial.published,
        seed=branch(place.seed, "trial", trial.name),
        folder=here,
        **halves,
    )


def _audits(place: Place, subjects: Sequence[Subject | None]) -> list[Report]:
    return audit_all(
        subjects,
        place.infnet,
        place.data,
        place.splits,
        branch(place.seed, "audit"),
        place.effort,
        place.folder / "parts" / f"{place.setting.name}-{place.run}",
    )


def _tells(place: Place, trial: Trial, obfnets: Sequence[ObfNet]) -> dict[str, Any]:
    """What leaks of the ObfNets; of one that answers by a constant there is nothing to tell."""
    constant = COLLAPSED / len(place.data.classes)
    if any(obfnet.validation_accuracy < constant for obfnet in obfnets) and not place.quick:
        told = f"collapsed in training: validation accuracy below {constant:.0%}"
        return {"unmeasured": {"audit": told}}
    subjects = [
        of_obfnet(obfnet, f"{trial.name} seed {number}") for number, obfnet in enumerate(obfnets)
    ]
    return _leaks(place, subjects)


def _leaks(place: Place, subjects: Sequence[Subject | None]) -> dict[str, Any]:
    """What an audit adds to a row. Of several: the mean, and the widest reach of all intervals."""
    if not subjects:
        return {}
    try:
        reports = _audits(place, subjects)
    except NotMeasurableError as error:
        say(f"  not audited: {error}")
        return {"unmeasured": {"audit": str(error)}}
    worst = max(reports, key=lambda report: report.leakage.value)
    lows, highs = zip(*(report.leakage.ci for report in reports), strict=True)
    return {
        "leakage": float(np.mean([report.leakage.value for report in reports])),
        "leakage_ci": [min(lows), max(highs)],
        "raw_leakage": worst.raw_leakage,
        "best_attack": worst.best_attack,
        "attributes": worst.row()["attributes"],
        "agreement": worst.agreement,
        "effort": worst.effort.name,
        "evaluated": worst.evaluated,
        "attacker_pairs": worst.attacker_pairs,
    }


def _shown(place: Place) -> Samples:
    return place.data.samples[spread(place.splits.test, SHOWN)]


def _pictures(place: Place, samples: Samples) -> tuple[str, ...]:
    if not place.setting.audited:
        return ()
    return tuple(data_uri(sample, place.data.spec, 56) for sample in samples)


def _dump(made: Made) -> bytes:
    return json.dumps(asdict(made), indent=1, allow_nan=False).encode()


def _load(content: bytes) -> Made:
    plain = json.loads(content)
    return Made(plain["row"], tuple(plain["pictures"]))
