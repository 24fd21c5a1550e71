"""Volunteers' answers in SQLite: what was asked, by whom, in which order, and what was said."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from obfnet.errors import SpecError
from obfnet.seeds import branch
from obfnet.specs import Labels
from obfnet.study.human_items import Item

#: A subject and a class: a volunteer is asked about one item of each.
Kind = tuple[str, int]
SCHEMA = """
create table if not exists item (
    number integer primary key, subject text not null, truth integer not null, media text not null);
create table if not exists volunteer (
    number integer primary key, token text not null unique, started text not null);
create table if not exists answer (
    volunteer integer not null references volunteer, item integer not null references item,
    said integer not null, at text not null, primary key (volunteer, item));
"""


@dataclass(frozen=True)
class Next:
    """What a volunteer is asked now: which item, and how many are answered of how many."""

    number: int
    item: Item
    answered: int
    total: int


@dataclass(frozen=True)
class Store:
    """Items and answers in one file; safe for several threads, each call is one transaction.

    Args:
        path: of the file.
        seed: fixes each volunteer's order.
    """

    path: Path
    seed: int

    def offer(self, items: Sequence[Item]) -> None:
        """Put ``items`` in a new file; in a file that has items, they must be the same.

        Raises:
            SpecError: it holds a test of other items.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._open() as base:
            base.executescript(SCHEMA)
            known = base.execute("select subject, truth, media from item order by number")
            held = [Item(*row) for row in known.fetchall()]
            if held and held != list(items):
                raise SpecError(
                    f"{self.path} holds answers about other items than these: give another folder "
                    "with --out, or move the file away"
                )
            if not held:
                base.executemany(
                    "insert into item (subject, truth, media) values (?, ?, ?)",
                    [(each.subject, each.truth, each.media) for each in items],
                )

    def first(self) -> Next:
        """The first item as it was offered, to tell what kind of test this is.

        Raises:
            SpecError: nothing was offered.
        """
        with self._open() as base:
            row = base.execute("select subject, truth, media from item where number = 1").fetchone()
            total = len({kind for _, kind in _kinds(base)})
        if row is None:
            raise SpecError(f"{self.path} holds no items: offer some first")
        return Next(1, Item(*row), 0, total)

    def begin(self) -> str:
        """A new volunteer's token: hard to guess, and nothing else about the person."""
        token = secrets.token_urlsafe(16)
        with self._open() as base:
            base.execute(
                "insert into volunteer (token, started) values (?, datetime('now'))", (token,)
            )
        return token

    def next(self, token: str) -> Next | None:
        """What to ask next, in this volunteer's own order; None when all is answered.

        A volunteer is asked about one item of each subject and class, drawn from all of these.

        Raises:
            SpecError: no such volunteer.
        """
        with self._open() as base:
            volunteer = _volunteer(base, token)
            answered = {
                number
                for (number,) in base.execute(
                    "select item from answer where volunteer = ?", (volunteer,)
                )
            }
            drawn = self._drawn(base, volunteer)
            for number in drawn:
                if number not in answered:
                    row = base.execute(
                        "select subject, truth, media from item where number = ?", (number,)
                    ).fetchone()
                    return Next(number, Item(*row), len(answered), len(drawn))
        return None

    def answer(self, token: str, item: int, said: int) -> None:
        """Keep an answer; the first one counts.

        Raises:
            SpecError: no such volunteer, or an item that this one is not asked about.
        """
        with self._open() as base:
            volunteer = _volunteer(base, token)
            if item not in self._drawn(base, volunteer):
                raise SpecError(f"no item {item} in this test: go back to the start page")
            base.execute(
                "insert or ignore into answer values (?, ?, ?, datetime('now'))",
                (volunteer, item, said),
            )

    def answers(self, token: str | None = None) -> dict[str, tuple[Labels, Labels]]:
        """By subject what was true and what was said, ``(n,)`` each; of one volunteer or of all.

        Raises:
            SpecError: no such volunteer.
        """
        with self._open() as base:
            which = None if token is None else _volunteer(base, token)
            rows = base.execute(
                "select subject, truth, said from answer join item on item.number = answer.item "
                "where ?1 is null or volunteer = ?1 order by item.number, volunteer",
                (which,),
            ).fetchall()
        subjects = dict.fromkeys(subject for subject, _, _ in rows)
        return {
            name: (
                np.array([truth for subject, truth, _ in rows if subject == name], np.int64),
                np.array([said for subject, _, said in rows if subject == name], np.int64),
            )
            for name in subjects
        }

    def volunteers(self) -> int:
        """How many answered anything."""
        with self._open() as base:
            found = base.execute("select count(distinct volunteer) from answer").fetchone()
        return int(found[0])

    def _drawn(self, base: sqlite3.Connection, volunteer: int) -> list[int]:
        """Numbers of the items that this volunteer is asked about, in order."""
        order = np.random.default_rng(branch(self.seed, "volunteer", volunteer))
        kinds = _kinds(base)
        found: dict[Kind, int] = {}
        for position in order.permutation(len(kinds)):
            number, kind = kinds[position]
            found.setdefault(kind, number)
        return list(found.values())

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.path, timeout=30)) as base, base:
            base.execute("pragma foreign_keys = on")
            yield base


def _kinds(base: sqlite3.Connection) -> list[tuple[int, Kind]]:
    """Each item's number with its subject and class."""
    rows = base.execute("select number, subject, truth from item order by number").fetchall()
    return [(number, (subject, truth)) for number, subject, truth in rows]


def _volunteer(base: sqlite3.Connection, token: str) -> int:
    row = base.execute("select number from volunteer where token = ?", (token,)).fetchone()
    if row is None:
        raise SpecError("no such volunteer: go back to the start page")
    return int(row[0])
