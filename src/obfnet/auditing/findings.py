"""What the attacks found of one subject, as files that a killed audit finds again."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from obfnet.auditing.attack import Reconstruction
from obfnet.auditing.examination import Examined, Measure
from obfnet.auditing.probe import Probed


@dataclass(frozen=True, eq=False)
class Findings:
    """Everything that was tried on one subject.

    Args:
        reconstructions: by attack; of several seeds the one that did best on validation pairs.
        probed: by attribute, then by probe.
        examined: by name.
        unmeasured: why a part has no number, by its name.
    """

    reconstructions: Mapping[str, Reconstruction]
    probed: Mapping[str, Mapping[str, Probed]]
    examined: Mapping[str, Examined]
    unmeasured: Mapping[str, str]


@dataclass(frozen=True)
class Form:
    """How one kind of finding is written to a file of its own.

    Args:
        suffix: of the file.
        dump: a finding to bytes.
        load: what ``dump`` wrote; raises anything for a damaged file.
    """

    suffix: str
    dump: Callable[[Any], bytes]
    load: Callable[[bytes], Any]


def _dump_reconstruction(found: Reconstruction) -> bytes:
    arrays: dict[str, Any] = {"attack": np.array(found.attack), "samples": found.samples}
    for part in ("scores", "validation"):
        for name, values in getattr(found, part).items():
            arrays[f"{part}/{name}"] = values
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def _load_reconstruction(content: bytes) -> Reconstruction:
    with np.load(io.BytesIO(content), allow_pickle=False) as held:
        parts: dict[str, dict[str, Any]] = {"scores": {}, "validation": {}}
        for key in held.files:
            part, _, name = key.partition("/")
            if name:
                parts[part][name] = held[key]
        return Reconstruction(str(held["attack"]), held["samples"], **parts)


def _dump_probed(found: Probed) -> bytes:
    return json.dumps(asdict(found)).encode()


def _load_probed(content: bytes) -> Probed:
    plain = json.loads(content)
    return Probed(**plain | {"accuracy_ci": tuple(plain["accuracy_ci"])})


def _dump_examined(found: Examined) -> bytes:
    return json.dumps(asdict(found)).encode()


def _load_examined(content: bytes) -> Examined:
    plain = json.loads(content)
    measures = tuple(
        Measure(**each | {"ci": None if each["ci"] is None else tuple(each["ci"])})
        for each in plain["measures"]
    )
    return Examined(**plain | {"measures": measures})


def _dump_reconstructions(found: tuple[Reconstruction, ...]) -> bytes:
    each = {
        str(n): np.frombuffer(_dump_reconstruction(one), np.uint8) for n, one in enumerate(found)
    }
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **each)
    return buffer.getvalue()


def _load_reconstructions(content: bytes) -> tuple[Reconstruction, ...]:
    with np.load(io.BytesIO(content), allow_pickle=False) as held:
        return tuple(_load_reconstruction(held[str(n)].tobytes()) for n in range(len(held.files)))


RECONSTRUCTION = Form(".npz", _dump_reconstruction, _load_reconstruction)
PROBED = Form(".json", _dump_probed, _load_probed)
EXAMINED = Form(".json", _dump_examined, _load_examined)
#: One of each of several subjects, in a tuple.
RECONSTRUCTIONS = Form(".npz", _dump_reconstructions, _load_reconstructions)
