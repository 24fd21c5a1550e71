"""Forge a spec into a folder that also keeps the spec."""

from __future__ import annotations

from pathlib import Path

from obfnet import files
from obfnet.forging import spec_file
from obfnet.forging.executors import Executor
from obfnet.forging.from_spec import forge_spec
from obfnet.forging.sets import ObfNetSet
from obfnet.forging.spec import ForgeSpec

SPEC = "spec.toml"


def forge_into(folder: Path, spec: ForgeSpec, executor: Executor | None = None) -> list[ObfNetSet]:
    """Forge ``spec`` in ``folder``, and write it there as ``spec.toml``.

    The file is there from the start, so that a call that was killed can be made again with it; in
    the folder of an earlier call it is written at the end only, for another spec is refused.

    Raises:
        SpecError: the folder holds ObfNets of another spec, or as ``from_spec.forge_spec``.
    """
    text = spec_file.write(spec)
    if not (folder / "forge.json").exists():
        files.write(folder / SPEC, text)
    fleet = forge_spec(spec, folder, executor)
    files.write(folder / SPEC, text)
    return fleet
