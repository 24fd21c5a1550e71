"""Blur and pixelation: what people do to pictures, sent to an InfNet that never saw it."""

from __future__ import annotations

from functools import partial

from obfnet.auditing.subject import Subject
from obfnet.seeds import branch
from obfnet.study.alternatives_offer import Bench, Maker, Offer
from obfnet.study.transforms import ALTERNATIVES, identity

NAMES = ("blur 1", "blur 3", "pixelation 4", "pixelation 7")


def shown() -> dict[str, Maker]:
    """Each of ``NAMES``."""
    return {name: partial(_hidden, name) for name in NAMES}


def unprotected() -> dict[str, Maker]:
    """Raw samples."""
    return {"raw": lambda bench: Offer(Subject("raw", identity), bench.infnet)}


def _hidden(name: str, bench: Bench) -> Offer:
    seed = branch(bench.place.seed, name)
    transform = ALTERNATIVES[name](bench.place.data.spec, seed)
    return Offer(Subject(name, transform), bench.infnet)
