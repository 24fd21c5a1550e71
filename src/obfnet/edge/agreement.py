"""What a device and its backend agreed on, kept for a start while the backend is away."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from obfnet import files
from obfnet.edge.message import Agreed
from obfnet.errors import DeviceStateError


def save(agreed: Agreed, path: Path) -> None:
    """Write ``agreed`` to ``path``, whole or not at all.

    Raises:
        StorageError: it cannot be written; what was there is intact.
    """
    files.write(path, json.dumps(asdict(agreed), sort_keys=True) + "\n")


def load(path: Path) -> Agreed | None:
    """What ``save`` wrote, None where there is nothing yet.

    Raises:
        DeviceStateError: the file cannot be read, or is not what was written.
    """
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        found = Agreed(**plain)
        kinds = type(found.input), type(found.binary), type(found.most)
        if kinds[:2] != (str, bool) or kinds[2] not in (int, type(None)) or not found.input:
            raise ValueError(f"found {plain}")
    except FileNotFoundError:
        return None
    except Exception as error:  # JSON of any form may stand here
        raise DeviceStateError(
            f"{path} does not tell how the backend takes samples ({error!r}): remove it, it is "
            "written again when the backend is there"
        ) from error
    return found
