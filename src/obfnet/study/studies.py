"""The studies by name."""

from __future__ import annotations

from functools import partial

from obfnet.errors import UnknownNameError
from obfnet.study.audit_study import audit_study, obfnets, transforms
from obfnet.study.forge_cifar10 import forge_cifar10
from obfnet.study.forge_endpoint import forge_endpoint
from obfnet.study.forge_seeds import forge_seeds
from obfnet.study.study import Study

STUDIES: dict[str, Study] = {
    "audit": partial(audit_study, obfnets, ("mnist", "fsd")),
    "audit-mnist": partial(audit_study, obfnets, ("mnist",)),
    "audit-fsd": partial(audit_study, obfnets, ("fsd",)),
    "audit-digits": partial(audit_study, obfnets, ("digits",)),
    "forge-cifar10": forge_cifar10,
    "forge-digits": partial(forge_seeds, "digits"),
    "forge-endpoint": forge_endpoint,
    "forge-fsd": partial(forge_seeds, "fsd"),
    "forge-mnist": partial(forge_seeds, "mnist"),
    "transforms-digits": partial(audit_study, transforms, ("digits",)),
    "transforms-fsd": partial(audit_study, transforms, ("fsd",)),
    "transforms-mnist": partial(audit_study, transforms, ("mnist",)),
}


def find(name: str) -> Study:
    """The study ``name``.

    Raises:
        UnknownNameError: there is none.
    """
    if name not in STUDIES:
        raise UnknownNameError(f"no study {name!r}; there are: {', '.join(STUDIES)}")
    return STUDIES[name]
