"""``obfnet study alternatives``: what else keeps samples from a backend, in one table."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from obfnet.auditing.effort import Effort
from obfnet.errors import MissingExtraError
from obfnet.progress import say
from obfnet.study.alternatives_homomorphic import homomorphic
from obfnet.study.alternatives_noise import noises
from obfnet.study.alternatives_offer import Bench, Maker
from obfnet.study.alternatives_ours import ours
from obfnet.study.alternatives_page import COLUMNS
from obfnet.study.alternatives_partitioned import partitions
from obfnet.study.alternatives_projection import projections
from obfnet.study.alternatives_row import measured
from obfnet.study.alternatives_shown import shown, unprotected
from obfnet.study.alternatives_siamese import siamese
from obfnet.study.kept import kept, key
from obfnet.study.making import make_infnet, open_workplace
from obfnet.study.sheet import publish
from obfnet.study.spent import clock
from obfnet.study.study import Ask
from obfnet.study.unexamined import effort_of

TITLE = "Alternatives, measured on the same machine and data"
NOTE = (
    "Leakage is 0 for an attacker who learns only the label and 1 where nothing protects: the best "
    "attack of the row's effort: a lower bound. Milliseconds on the device are one sample on one "
    "thread. 'What the backend changes' is the price that a table of accuracies hides. Retrained "
    "models start from the InfNet's weights where the samples are still pictures. Of homomorphic "
    "rows accuracy and drop are of the samples that were really encrypted."
)
Row = dict[str, Any]


def alternatives_study(datasets: Sequence[str], ask: Ask) -> Path:
    """A row for every alternative on every one of ``datasets``; published after each.

    Finished rows, forged ObfNets and parts of audits are kept in the folder, where a study that
    was killed goes on. A row whose extra is not installed is left out, and said.
    """
    rows: list[Row] = []
    seconds = clock(ask.folder)
    path = ask.folder / "results.json"
    for data_name in datasets:
        place = open_workplace(data_name, ask.seed)
        bench = Bench(place, make_infnet(place), ask.folder / place.run, ask.quick)
        for row in rows_of(bench, effort_of(ask)):
            rows.append(row)
            path = publish(ask.folder, ask.command, rows, seconds(), TITLE, NOTE, COLUMNS)
    return path


def rows_of(bench: Bench, effort: Effort) -> Iterator[Row]:
    """One row after another, each made or found again."""
    place = bench.place
    about = {
        "dataset": place.data.name,
        "split": place.case.split_label,
        "infnet": place.case.infnet_label,
        "seeds": [place.seed],
    }
    for name, make in makers(bench, effort).items():
        say(f"{name} on {place.data.name}")
        digest = key(run=place.run, name=name, effort=repr(effort), quick=bench.quick)
        try:
            row = kept(bench.folder / "rows" / f"{digest}.json", make, _dump, json.loads)
        except MissingExtraError as error:
            say(f"  left out: {error}")
            continue
        yield about | {"obfnet": name} | row


def makers(bench: Bench, effort: Effort) -> dict[str, Callable[[], Row]]:
    """What makes each row: in the order of the table."""
    offers: dict[str, Maker] = (
        unprotected()
        | ours(bench.place.data.name)
        | shown()
        | noises()
        | projections()
        | partitions()
        | siamese()
    )
    made: dict[str, Callable[[], Row]] = {
        name: partial(_measured, maker, bench, effort) for name, maker in offers.items()
    }
    if bench.place.data.name == "mnist":  # the net of CryptoNets is one for MNIST
        made |= {name: partial(row, bench) for name, row in homomorphic().items()}
    return made


def _measured(make: Maker, bench: Bench, effort: Effort) -> Row:
    return measured(bench, make(bench), effort)


def _dump(row: Row) -> bytes:
    return json.dumps(row, allow_nan=False).encode()
