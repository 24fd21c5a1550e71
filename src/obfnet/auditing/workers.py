"""Run the parts of an audit in processes of their own, one thread each; what is done is kept.

A process is forked, so it sees the evidence without a copy and any callable may be audited. Its
only outcome is a file, written whole or not at all: a killed audit goes on where it was.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, cast

import torch

from obfnet import files
from obfnet.errors import ForgeError, NotMeasurableError, ObfNetError
from obfnet.threads import available


@dataclass(frozen=True, eq=False)
class Task:
    """One part of an audit.

    Args:
        path: where its outcome is kept.
        make: makes it.
        dump: writes it.
        load: reads what ``dump`` wrote.
    """

    path: Path
    make: Callable[[], object]
    dump: Callable[[Any], bytes]
    load: Callable[[bytes], object]


@dataclass(frozen=True)
class Unmeasured:
    """Why a task has no outcome: a number would have meant nothing."""

    reason: str


def run(tasks: Sequence[Task], processes: int | None = None) -> Iterator[tuple[int, object]]:
    """Yield each task's position and outcome as it comes; kept outcomes come first.

    An outcome is what the task made, or ``Unmeasured``.

    Args:
        tasks: heaviest first, so that no processor idles at the end.
        processes: how many at once, by default one for each processor this process may use;
            1 runs them here, with all threads.

    Raises:
        ObfNetError: a task's own, and no further one is begun.
    """
    todo = []
    for position, task in enumerate(tasks):
        found = _kept(task)
        if found is None:
            todo.append(position)
        else:
            yield position, found
    most = available() if processes is None else processes
    if most == 1 or len(todo) < 2 or sys.platform in ("darwin", "win32"):
        for position in todo:
            yield position, _here(tasks[position])
    else:
        yield from _forked(tasks, todo, most)


def _forked(tasks: Sequence[Task], todo: list[int], most: int) -> Iterator[tuple[int, object]]:
    context = multiprocessing.get_context("fork")
    running: dict[Any, tuple[int, BaseProcess]] = {}
    waiting = list(todo)
    try:
        while waiting or running:
            while waiting and len(running) < most:
                position = waiting.pop(0)
                receiver, sender = context.Pipe(duplex=False)
                process: BaseProcess = context.Process(
                    target=_child, args=(tasks[position], sender)
                )
                process.start()
                sender.close()
                running[receiver] = (position, process)
            for ready in wait(list(running)):
                done, child = running.pop(ready)
                yield done, _outcome(tasks[done], cast(Connection, ready), child)
    finally:
        for _, left in running.values():
            left.terminate()
            left.join()


def _child(task: Task, sender: Connection) -> None:
    """In the new process: one thread, for its siblings have the others."""
    torch.set_num_threads(1)
    try:
        _make(task)
        sender.send(None)
    except ObfNetError as error:
        sender.send(error)
    except BaseException as error:
        with suppress(OSError):
            sender.send(ForgeError(f"{task.path.stem} failed: {type(error).__name__}: {error}"))
        raise
    finally:
        sender.close()
        sys.stderr.flush()
        os._exit(0)  # the parent's exit handlers are not this process's


def _outcome(task: Task, receiver: Connection, process: BaseProcess) -> object:
    try:
        error = receiver.recv()
    except EOFError:
        error = ForgeError(
            f"the process of {task.path.stem} died with status {process.exitcode}; it may have "
            "run out of memory: run again, what is done is kept"
        )
    finally:
        receiver.close()
        process.join()
    if isinstance(error, NotMeasurableError):
        return Unmeasured(str(error))
    if error is not None:
        raise error
    found = _kept(task)
    if found is None:
        raise ForgeError(f"{task.path} was written and cannot be read: is the disk sound?")
    return found


def _here(task: Task) -> object:
    try:
        return _make(task)
    except NotMeasurableError as error:
        return Unmeasured(str(error))


def _make(task: Task) -> object:
    made = task.make()
    files.write(task.path, task.dump(made))
    return made


def _kept(task: Task) -> object | None:
    """What an earlier run left, or None where it left nothing or something damaged."""
    try:
        return task.load(task.path.read_bytes())
    except FileNotFoundError:
        return None
    except Exception:  # each format has errors of its own for a damaged file
        return None
