"""The folder of models: ``<model>/<version>/model.onnx``, as Triton lays it out too.

A changed or new file is loaded beside what is served and takes its place when it is whole; one
that cannot be loaded changes nothing but what is said of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from obfnet.errors import ModelLoadError, ModelNotFoundError
from obfnet.serving.batching import Queue
from obfnet.serving.log import event
from obfnet.serving.model import OnnxModel, load_model

Key = tuple[str, int]
#: Names, times, sizes and places of a version's files; another one means other content.
Signature = tuple[tuple[str, int, int, int], ...]


class Repository:
    """Every version of every model in ``folder``, each behind its queue.

    Args:
        folder: holds one folder a model, in it one folder a version, named 1 or greater;
            everything else in it is left alone.
        threads: that one model may use.
        queued: makes the queue of a model.

    Attributes:
        refused: versions whose file could not be loaded, and what is served instead.

    Raises:
        ModelLoadError: no models, or one that cannot be loaded.
    """

    def __init__(self, folder: Path, threads: int, queued: Callable[[OnnxModel], Queue]) -> None:
        self._folder, self._threads, self._queued = folder, threads, queued
        self._served: dict[str, dict[int, Queue]] = {}
        self.refused: dict[Key, str] = {}
        self._seen = self._tried = scan(folder)
        if not self._tried:
            raise ModelLoadError(
                f"no models in {folder}, expected <model>/<version>/model.onnx with a version "
                "of 1 or greater: put one there, or give another folder"
            )
        for key in self._tried:
            self._put(self._load(key))

    def find(self, name: str, version: str | None) -> Queue:
        """The model of this name, its highest version if ``version`` is None.

        Raises:
            ModelNotFoundError: no such model or version.
        """
        versions = self.versions(name)
        if version is None:
            return versions[max(versions)]
        for number, queue in versions.items():
            if str(number) == version:
                return queue
        raise ModelNotFoundError(
            f"model {name!r} has no version {version!r}; it has "
            f"{', '.join(map(str, sorted(versions)))}"
        )

    def versions(self, name: str) -> Mapping[int, Queue]:
        """What is served of the model of this name.

        Raises:
            ModelNotFoundError: no such model.
        """
        if name not in self._served:
            known = ", ".join(sorted(self._served))
            raise ModelNotFoundError(f"no model {name!r}; there are {known}")
        return self._served[name]

    def __contains__(self, name: object) -> bool:
        return name in self._served

    def __iter__(self) -> Iterator[Queue]:
        """Every version of every model."""
        return (queue for versions in self._served.values() for queue in versions.values())

    def refused_of(self, name: str) -> Mapping[str, str]:
        """What is said of the versions of this model whose file could not be loaded."""
        return {str(number): why for (model, number), why in self.refused.items() if model == name}

    async def watch(self, seconds: float) -> None:
        """Refresh every so many ``seconds``, until cancelled."""
        while True:
            await asyncio.sleep(seconds)
            try:
                await self.refresh()
            except Exception:  # a folder out of reach, say; what is served stays
                event("no look at the repository", logging.ERROR, failed=True)

    async def refresh(self) -> None:
        """Take up what has changed in the folder since the last call and not since the one before.

        A file that is being written changes from one call to the next and is left to a later one.
        """
        found = await asyncio.to_thread(scan, self._folder)
        settled = {key for key, signature in found.items() if self._seen.get(key) == signature}
        gone = self._tried.keys() - found.keys() - self._seen.keys()
        self._seen = found
        for key in sorted(settled):
            if self._tried.get(key) == found[key]:
                continue
            self._tried = {**self._tried, key: found[key]}
            try:
                self._put(await asyncio.to_thread(self._load, key))
            except ModelLoadError as error:
                self._refuse(key, error)
        if found:  # an empty folder is rather a mishap than a wish
            for key in gone:
                self._withdraw(key)

    def close(self) -> None:
        """Let every model finish what waits for it."""
        for queue in self:
            queue.close()

    def _load(self, key: Key) -> OnnxModel:
        name, version = key
        path = self._folder / name / str(version) / "model.onnx"
        return load_model(path, name, version, self._threads)

    def _put(self, model: OnnxModel) -> None:
        versions = self._served.setdefault(model.name, {})
        old = versions.get(model.version)
        versions[model.version] = self._queued(model)
        self.refused.pop((model.name, model.version), None)
        event("loaded", model=model.name, version=model.version)
        if old is not None:
            old.close()

    def _refuse(self, key: Key, error: ModelLoadError) -> None:
        name, version = key
        served = self._served.get(name, {})
        instead = "the file before it is" if version in served else "the other versions are"
        self.refused[key] = f"its file could not be loaded; {instead} still served"
        event("not loaded", logging.ERROR, model=name, version=version, reason=str(error))

    def _withdraw(self, key: Key) -> None:
        name, version = key
        self._tried = {each: found for each, found in self._tried.items() if each != key}
        self.refused.pop(key, None)
        queue = self._served.get(name, {}).pop(version, None)
        if queue is not None:
            queue.close()
            event("withdrawn", model=name, version=version)
        if not self._served.get(name, True):
            del self._served[name]


def scan(folder: Path) -> dict[Key, Signature]:
    """What is there of every version, by model and version; what vanishes meanwhile is left out."""
    found: dict[Key, Signature] = {}
    for path in sorted(folder.glob("*/*/model.onnx")):
        version, name = path.parent.name, path.parent.parent.name
        if version.isascii() and version.isdigit() and str(int(version)) == version != "0":
            try:
                states = [(each.name, each.stat()) for each in sorted(path.parent.iterdir())]
            except OSError:
                continue
            found[name, int(version)] = tuple(
                (each, state.st_mtime_ns, state.st_size, state.st_ino) for each, state in states
            )
    return found
