"""``obfnet study audit`` and ``transforms``: audits of ObfNets, and of what people use instead."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

from obfnet.auditing.adapters import Auditable
from obfnet.auditing.audit import audit_all
from obfnet.auditing.effort import Effort, preset
from obfnet.auditing.subject import Subject
from obfnet.progress import say
from obfnet.seeds import branch
from obfnet.study.audit_subjects import WANTED, Wanted, backdoors, forged
from obfnet.study.audited import row
from obfnet.study.making import Workplace, make_infnet, open_workplace
from obfnet.study.sheet import publish
from obfnet.study.spent import clock
from obfnet.study.study import Ask
from obfnet.study.transforms import alternatives
from obfnet.study.unexamined import TINY

TITLE = "What leaks: audits"
NOTE = (
    "Leakage is 0 for an attacker who learns only the label and 1 where nothing protects; the best "
    "attack is chosen on the attacker's validation pairs and reported on evaluation samples. By "
    "SSIM and by pyramid the greatest of all attacks stands. EER 50 % is unlinkable, AUC .5 is "
    "undetectable. The label always leaks. An alternative is sent to the InfNet as it is, which "
    "was never trained on it."
)

#: Of a quick run: every kind of part once, none for long.
SEEN_TO_RUN = replace(TINY, examinations=preset("quick").examinations)
#: What a study looks at after raw samples: from its data, and what forges or finds an ObfNet.
Subjects = Callable[[Workplace, Callable[[Wanted], Subject]], Iterator[Auditable]]


def obfnets(place: Workplace, made: Callable[[Wanted], Subject]) -> Iterator[Auditable]:
    """ObfNets of every mechanism, and the published ones."""
    yield from map(made, WANTED[place.data.name])


def transforms(place: Workplace, made: Callable[[Wanted], Subject]) -> Iterator[Auditable]:
    """A codebook ObfNet with a backdoor in it, and what people use instead of an ObfNet."""
    (codebook,) = (each for each in WANTED[place.data.name] if each.name == "codebook")
    yield from backdoors(made(codebook), place.data.spec)
    yield from alternatives(place.data.spec, branch(place.seed, "alternatives"))


def audit_study(subjects: Subjects, datasets: Sequence[str], ask: Ask) -> Path:
    """Audit raw samples and every subject on each of ``datasets``; publish after each.

    Forged ObfNets and finished parts of audits are kept in the folder, where a study that was
    killed goes on.
    """
    effort = SEEN_TO_RUN if ask.quick else preset(ask.effort or "standard")
    rows: list[dict[str, Any]] = []
    seconds = clock(ask.folder)
    path = ask.folder / "results.json"
    for data_name in datasets:
        place = open_workplace(data_name, ask.seed)
        for found in audited(subjects, place, ask, effort):
            rows.append(found)
            path = publish(ask.folder, ask.command, rows, seconds(), TITLE, NOTE)
    return path


def audited(
    subjects: Subjects, place: Workplace, ask: Ask, effort: Effort
) -> Iterator[dict[str, Any]]:
    """A row for raw samples and for each subject, one after another: that bounds memory."""
    infnet = make_infnet(place)
    folder = ask.folder / ("forged-quick" if ask.quick else "forged") / place.data.name

    def made(wanted: Wanted) -> Subject:
        return forged(place, infnet, wanted, folder, ask.quick)

    for subject in chain([None], subjects(place, made)):
        say(f"audit of {getattr(subject, 'name', 'raw samples')} on {place.data.name}")
        (report,) = audit_all(
            [subject],
            infnet,
            place.data,
            place.splits,
            branch(place.seed, "audit"),
            effort,
            ask.folder / "parts" / place.data.name,
        )
        yield row(place, report)
