"""Anything that turns x into x' as a subject: sets of ObfNets, torch modules, files, callables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from torch import nn

from obfnet.auditing.adapters.forged import of_obfnet, of_set
from obfnet.auditing.adapters.onnx_file import of_onnx
from obfnet.auditing.adapters.recorded import of_npz
from obfnet.auditing.adapters.torch_module import of_module
from obfnet.auditing.subject import Subject, Transform
from obfnet.errors import SpecError
from obfnet.forging.obfnet import ObfNet
from obfnet.forging.sets import ObfNetSet

#: Anything that can be audited.
Auditable = Subject | ObfNetSet | ObfNet | nn.Module | Transform | Path


def subject_of(transform: Auditable, name: str | None = None) -> Subject:
    """``transform`` as a subject.

    Args:
        transform: a ``Subject``, ``ObfNetSet``, ``ObfNet``, torch module, a callable from
            float32 samples ``(n, *shape)`` to the same shape and dtype, or the path of an
            ``.onnx`` file or of an ``.npz`` file of recorded pairs. (A bundle's path goes to
            ``study.bundled_subject``: it takes the device's own runtime to run it.)
        name: for tables; by default the transform's own.

    Raises:
        SpecError: it is none of these, or a file that cannot be read.
    """
    if isinstance(transform, Subject):
        return transform
    for kind, adapt in ADAPTERS:
        if isinstance(transform, kind):
            return adapt(transform, name)
    if callable(transform):
        return Subject(name or _name_of(transform), transform)
    raise SpecError(
        f"expected something to call with samples, or the path of a file, got a "
        f"{type(transform).__name__}"
    )


def of_path(path: Path, name: str | None) -> Subject:
    """A file, by its suffix.

    Raises:
        SpecError: a suffix that stands for nothing here.
    """
    if path.suffix not in FILES:
        raise SpecError(
            f"cannot tell what {path} is, expected a file that ends in {' or '.join(FILES)}"
        )
    return FILES[path.suffix](path, name)


def _name_of(transform: Callable[..., object]) -> str:
    inner = transform.func if isinstance(transform, partial) else transform
    return str(getattr(inner, "__name__", type(inner).__name__))


#: What reads a file, by its suffix.
FILES: Mapping[str, Callable[[Path, str | None], Subject]] = MappingProxyType(
    {".onnx": of_onnx, ".npz": of_npz}
)
ADAPTERS: tuple[tuple[type, Callable[[Any, str | None], Subject]], ...] = (
    (ObfNetSet, of_set),
    (ObfNet, of_obfnet),
    (nn.Module, of_module),
    (Path, of_path),
)
