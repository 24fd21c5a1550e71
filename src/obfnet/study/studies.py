"""The studies by name."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from obfnet.errors import SpecError, UnknownNameError
from obfnet.study.alternatives import alternatives_study
from obfnet.study.audit_study import audit_study, obfnets, transforms
from obfnet.study.forge_cifar10 import forge_cifar10
from obfnet.study.forge_endpoint import forge_endpoint
from obfnet.study.forge_seeds import forge_seeds
from obfnet.study.human import human_study
from obfnet.study.listening import listening_study
from obfnet.study.obfnet_paper.digits import obfnet_digits
from obfnet.study.obfnet_paper.whole import PARTS, obfnet
from obfnet.study.study import Ask, Study

STUDIES: dict[str, Study] = {name: part.study for name, part in PARTS.items()} | {
    "alternatives-digits": partial(alternatives_study, ("digits",)),
    "alternatives-fsd": partial(alternatives_study, ("fsd",)),
    "alternatives-mnist": partial(alternatives_study, ("mnist",)),
    "audit": partial(audit_study, obfnets, ("mnist", "fsd")),
    "audit-digits": partial(audit_study, obfnets, ("digits",)),
    "audit-fsd": partial(audit_study, obfnets, ("fsd",)),
    "audit-mnist": partial(audit_study, obfnets, ("mnist",)),
    "forge-cifar10": forge_cifar10,
    "forge-digits": partial(forge_seeds, "digits"),
    "forge-endpoint": forge_endpoint,
    "forge-fsd": partial(forge_seeds, "fsd"),
    "forge-mnist": partial(forge_seeds, "mnist"),
    "human": human_study,
    "listening-digits": partial(listening_study, ("digits",)),
    "listening-fsd": partial(listening_study, ("fsd",)),
    "listening-mnist": partial(listening_study, ("mnist",)),
    "obfnet": obfnet,
    "obfnet-digits": obfnet_digits,
    "transforms-digits": partial(audit_study, transforms, ("digits",)),
    "transforms-fsd": partial(audit_study, transforms, ("fsd",)),
    "transforms-mnist": partial(audit_study, transforms, ("mnist",)),
}

#: Studies that audit, and so take an effort: all whose names begin so, but the one of times.
AUDITING = frozenset(
    name for name in STUDIES if name.startswith(("alternatives", "audit", "obfnet", "transforms"))
) - {"obfnet-time"}
#: Studies whose names do not say the dataset.
OPEN = frozenset({"human"})


def start(name: str, ask: Ask) -> Path:
    """Run the study ``name`` and return the path of its results.

    Raises:
        UnknownNameError: there is none.
        SpecError: it is asked for an effort or a dataset that it would not heed; a quick run has an
            effort of its own.
    """
    study = find(name)
    if ask.effort is not None and name not in AUDITING:
        raise SpecError(f"study {name!r} makes no audits by a preset: leave out --effort")
    if ask.effort is not None and ask.quick:
        raise SpecError("--quick has an effort of its own: leave out --quick or --effort")
    if ask.data and name not in OPEN:
        raise SpecError(
            f"study {name!r} has data of its own, --data is for {', '.join(sorted(OPEN))}: leave "
            "it out, or choose the study of that dataset"
        )
    return study(ask)


def find(name: str) -> Study:
    """The study ``name``.

    Raises:
        UnknownNameError: there is none.
    """
    if name not in STUDIES:
        raise UnknownNameError(f"no study {name!r}; there are: {', '.join(STUDIES)}")
    return STUDIES[name]
