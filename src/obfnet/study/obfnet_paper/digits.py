"""``obfnet study obfnet-digits``: the same rows on digits that need no download."""

from __future__ import annotations

from pathlib import Path

from obfnet.forging.loop import Schedule
from obfnet.mechanisms.bits import Bits
from obfnet.mechanisms.codebook import Codebook
from obfnet.study.obfnet_paper.run import run
from obfnet.study.obfnet_paper.trial import Setting, Trial
from obfnet.study.study import Ask

TITLE = "The ObfNet paper's experiment on scikit-learn's digits"
_THROUGH = Schedule(epochs=40, batch=64, rate=3e-3)
SETTING = Setting(
    data="digits",
    infnet="mnist-im",
    label="I_M",
    schedule=Schedule(epochs=25, batch=32, rate=2e-3),
    trials=(
        Trial("beyond", "O_M-8", _THROUGH, published="mnist-om", width=8, seeds=2),
        Trial("beyond", "O_M-32", _THROUGH, published="mnist-om", width=32),
        Trial("beyond", "O_M-128", _THROUGH, published="mnist-om", width=128),
        Trial("beyond", "O_C-32", _THROUGH, published="mnist-oc", width=32),
        Trial("beyond", "codebook", _THROUGH, Codebook(10), seeds=2),
        Trial("beyond", "bits-8", _THROUGH, Bits(8)),
    ),
)


def obfnet_digits(ask: Ask) -> Path:
    """A few rows, in a minute."""
    return run((SETTING,), TITLE, ask)
