"""Who looks at pictures: classifiers of raw ones, unlike the InfNet, and one that learns x'."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from sklearn.neighbors import KNeighborsClassifier

from obfnet.forging.infnet import train_infnet
from obfnet.forging.loop import Schedule
from obfnet.registry import find
from obfnet.seeds import branch
from obfnet.specs import Labels, Samples
from obfnet.study.alternatives_offer import Bench
from obfnet.study.listening_panel import Counts, Panel, drawn
from obfnet.study.transforms import identity

DENSE, NEAREST = "dense net (I_M)", "5 nearest neighbours"
COUNTS = Counts(asked=2_000, learnt=10_000, chosen=2_000)
INDEPENDENT = Schedule(epochs=10, batch=128)
SCHEDULE = Schedule(epochs=4, batch=64)
#: Raw pictures that neighbours are sought among.
NEIGHBOURS = 10_000


def picture_panel(bench: Bench) -> Panel:
    """The panel for pictures: of other architectures than the I_C, and trained on raw ones."""
    fixed = {DENSE: _dense(bench), NEAREST: _nearest(bench)}
    return Panel(bench, fixed, identity, identity, COUNTS, SCHEDULE)


def _dense(bench: Bench) -> Callable[[Samples], Labels]:
    place = bench.place
    factory = find("infnets", place.case.infnet.replace("-ic", "-im"))
    net = train_infnet(
        partial(factory, place.data.spec.shape, len(place.data.classes)),
        place.data,
        place.splits,
        replace(INDEPENDENT, epochs=1) if bench.quick else INDEPENDENT,
        branch(place.seed, "viewer"),
    )
    return net.predict


def _nearest(bench: Bench) -> Callable[[Samples], Labels]:
    own = drawn(bench, "train", NEIGHBOURS)
    fitted = KNeighborsClassifier(5).fit(own.samples.reshape(len(own), -1), own.labels)

    def guess(samples: Samples) -> Labels:
        found: Labels = fitted.predict(samples.reshape(len(samples), -1))
        return found

    return guess
