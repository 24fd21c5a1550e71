"""What an ObfNet is on a device: the smallest artefact that loses nothing, and its time."""

from __future__ import annotations

from typing import Any

from obfnet.bundling.archive import Bundle
from obfnet.bundling.gate import gate_of, resolvable
from obfnet.bundling.pack import bundle
from obfnet.edge.obfuscator import obfuscators
from obfnet.errors import ExportError
from obfnet.forging.obfnet import ObfNet
from obfnet.forging.sets import ObfNetSet, spread_over
from obfnet.progress import say
from obfnet.study.obfnet_paper.place import Place
from obfnet.study.sending import time_on_device

#: The smallest first; an export that costs accuracy gives way to the next.
PRECISIONS = ("int8", "dynamic-int8", "float32")
#: Samples that are timed.
TIMED = 300


def on_device(place: Place, obfnet: ObfNet) -> dict[str, Any]:
    """``precision``, ``bytes`` of the bundle, and ``edge_ms`` on one thread of this machine."""
    made, precision = _smallest(place, obfnet)
    samples = place.data.samples[place.splits.test[:TIMED]]
    return {
        "precision": precision,
        "bytes": len(made.content),
        "edge_ms": time_on_device(obfuscators(made)[0], samples),
    }


def _smallest(place: Place, obfnet: ObfNet) -> tuple[Bundle, str]:
    gate = gate_of(place.infnet, place.data, place.splits, resolvable(place.splits))
    alone = ObfNetSet(
        "study", (obfnet,), place.infnet.digest, spread_over(place.data, place.splits)
    )
    for precision in PRECISIONS[:-1]:
        try:
            return bundle(alone, precision=precision, gate=gate), precision
        except ExportError as error:
            say(f"  not as {precision}: {error}")
    return bundle(alone), PRECISIONS[-1]
