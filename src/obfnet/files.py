"""Files that are either whole or absent: write beside the target, then rename over it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from obfnet.errors import StorageError

if TYPE_CHECKING:  # not loaded on a device for this
    from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path in ``path``'s folder and rename it to ``path`` on success.

    On any exception, Ctrl-C included, the temporary file is removed and an existing
    ``path`` is left as it was.

    Raises:
        StorageError: the disk is full or the folder cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())  # or a power cut could leave the name without content
        temporary.replace(path)
    except OSError as error:
        raise StorageError(
            f"could not write {path} ({error.strerror or error}); the old file is intact: "
            "free some space or choose another folder"
        ) from error
    finally:
        with suppress(OSError):  # it is gone after a rename, or was never made
            temporary.unlink()


def write(path: Path, content: bytes | str) -> None:
    """Write ``content`` to ``path`` so that a reader never sees half of it."""
    with replacing(path) as temporary:
        if isinstance(content, str):
            temporary.write_text(content, encoding="utf-8")
        else:
            temporary.write_bytes(content)
