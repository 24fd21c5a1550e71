"""Audits of a few seconds, whose finished parts the tests of one run share."""

import pytest

from obfnet.auditing.audit import audit
from obfnet.auditing.effort import Effort

TINY = Effort(
    "tiny",
    attacks=("mlp",),
    probes=("mlp",),
    examinations=(),
    pairs=2_000,
    mixtures=0,
    evaluated=1_000,
    steps=300,
)


@pytest.fixture(scope="session")
def tiny():
    return TINY


@pytest.fixture(scope="session")
def audit_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("audit")


@pytest.fixture(scope="session")
def quickly(audit_folder):
    """``audit`` with little effort; what was found on raw samples is found once."""

    def run(transform, infnet, data, splits, seed=0, effort=TINY):
        return audit(transform, infnet, data, splits, seed, effort, audit_folder, processes=1)

    return run
