"""The studies by name."""

from __future__ import annotations

from functools import partial

from obfnet.errors import UnknownNameError
from obfnet.study.alternatives import alternatives_study
from obfnet.study.audit_study import audit_study
from obfnet.study.forge_cifar10 import forge_cifar10
from obfnet.study.forge_endpoint import forge_endpoint
from obfnet.study.forge_seeds import forge_seeds
from obfnet.study.human import human_study
from obfnet.study.listening import listening_study
from obfnet.study.study import Study

STUDIES: dict[str, Study] = {
    "alternatives": partial(alternatives_study, ("mnist", "fsd")),
    "alternatives-digits": partial(alternatives_study, ("digits",)),
    "alternatives-fsd": partial(alternatives_study, ("fsd",)),
    "alternatives-mnist": partial(alternatives_study, ("mnist",)),
    "audit": partial(audit_study, ("mnist", "fsd")),
    "audit-mnist": partial(audit_study, ("mnist",)),
    "audit-fsd": partial(audit_study, ("fsd",)),
    "audit-digits": partial(audit_study, ("digits",)),
    "forge-cifar10": forge_cifar10,
    "forge-digits": partial(forge_seeds, "digits"),
    "forge-endpoint": forge_endpoint,
    "forge-fsd": partial(forge_seeds, "fsd"),
    "forge-mnist": partial(forge_seeds, "mnist"),
    "human": human_study,
    "listening": partial(listening_study, ("fsd", "mnist")),
    "listening-digits": partial(listening_study, ("digits",)),
    "listening-fsd": partial(listening_study, ("fsd",)),
    "listening-mnist": partial(listening_study, ("mnist",)),
}


def find(name: str) -> Study:
    """The study ``name``.

    Raises:
        UnknownNameError: there is none.
    """
    if name not in STUDIES:
        raise UnknownNameError(f"no study {name!r}; there are: {', '.join(STUDIES)}")
    return STUDIES[name]
