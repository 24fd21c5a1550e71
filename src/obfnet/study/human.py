"""``obfnet study human``: a page on this machine that asks people what they hear or see in x'."""

from __future__ import annotations

import queue
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from obfnet.progress import say
from obfnet.seeds import branch
from obfnet.study.alternatives_offer import Bench
from obfnet.study.confusion import among
from obfnet.study.human_items import POOL, make_items
from obfnet.study.human_server import serving
from obfnet.study.human_store import Store
from obfnet.study.listening import COLUMNS, matrices
from obfnet.study.making import Workplace, make_infnet, open_workplace
from obfnet.study.sheet import publish
from obfnet.study.study import Ask

TITLE = "People who listen and look"
NOTE = (
    "Each volunteer named the digit in one raw sample of each class and in one x' of each class "
    "through each ObfNet, drawn afresh, in an order of their own. Intervals and p-values are per "
    "answer: answers of one person, and those about the same x' (a codebook has few), hang "
    "together, so they are narrower than the truth. Chance is one in the number of classes."
)
PEOPLE = "people"


def human_study(ask: Ask) -> Path:
    """Serve the test until Ctrl-C; results are written whenever a volunteer has finished.

    Answers are kept in ``human.sqlite`` in the folder, where a test that was stopped goes on.
    """
    started = time.perf_counter()
    place = open_workplace(ask.data or "mnist", ask.seed)
    bench = Bench(place, make_infnet(place), ask.folder / place.data.name, ask.quick)
    store = Store(ask.folder / "human.sqlite", branch(place.seed, "human"))
    store.offer(make_items(bench, 1 if ask.quick else POOL))
    finished: queue.Queue[None] = queue.Queue()
    path = ask.folder / "results.json"
    with serving(store, place.data.classes, lambda: finished.put(None)) as url:
        say(f"open {url} in a browser; Ctrl-C ends the test")
        with suppress(KeyboardInterrupt):
            while True:
                finished.get()
                path = written(ask, place, store, started)
    return written(ask, place, store, started) if store.volunteers() else path


def written(ask: Ask, place: Workplace, store: Store, started: float) -> Path:
    """Write results and page of all answers until now."""
    rows = rows_of(place, store)
    seconds = time.perf_counter() - started
    return publish(ask.folder, ask.command, rows, seconds, TITLE, NOTE, COLUMNS, matrices)


def rows_of(place: Workplace, store: Store) -> list[dict[str, Any]]:
    """A row for each subject that was asked about."""
    return [
        {
            "dataset": place.data.name,
            "split": place.case.split_label,
            "infnet": place.case.infnet_label,
            "obfnet": name,
            "seeds": [place.seed],
            "listeners": {PEOPLE: among(truth, found, len(place.data.classes))},
            "evaluated": len(truth),
        }
        for name, (truth, found) in store.answers().items()
    ]
