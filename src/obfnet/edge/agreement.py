"""What a device and its backend agreed on, kept for a start while the backend is away."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from obfnet import files
from obfnet.edge.message import Agreed
from obfnet.errors import DeviceStateError
from obfnet.specs import SampleSpec


@dataclass(frozen=True)
class Backend:
    """With whom something was agreed, and for what; it does not hold for any other.

    Args:
        url: of the backend.
        model: name of the InfNet there.
        sample: what a sample looks like.
    """

    url: str
    model: str
    sample: SampleSpec


def save(agreed: Agreed, backend: Backend, path: Path) -> None:
    """Write ``agreed`` to ``path``, whole or not at all.

    Raises:
        StorageError: it cannot be written; what was there is intact.
    """
    plain = {"agreed": asdict(agreed), "backend": asdict(backend)}
    files.write(path, json.dumps(plain, sort_keys=True) + "\n")


def keep(agreed: Agreed, backend: Backend, path: Path) -> None:
    """``save``, where ``path`` does not tell this already; what is damaged is written again.

    Raises:
        StorageError: see ``save``.
    """
    try:
        known = load(backend, path)
    except DeviceStateError:
        known = None
    if known != agreed:
        save(agreed, backend, path)


def load(backend: Backend, path: Path) -> Agreed | None:
    """What ``save`` wrote, None where there is nothing yet, or only of another backend.

    Raises:
        DeviceStateError: the file cannot be read, or is not what was written.
    """
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        found, with_whom = Agreed(**plain["agreed"]), plain["backend"]
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
    return found if with_whom == json.loads(json.dumps(asdict(backend))) else None
