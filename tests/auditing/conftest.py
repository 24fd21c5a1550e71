"""Audits of a few seconds: the attacker makes no pairs beyond those it holds."""

import pytest

from obfnet.auditing import evidence


@pytest.fixture(autouse=True)
def _no_mixtures(monkeypatch):
    monkeypatch.setattr(evidence, "ENOUGH", 0)
