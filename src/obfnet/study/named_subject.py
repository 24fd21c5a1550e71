"""What a word of a command line names: a file, a folder or Python code that turns x into x'."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from obfnet.auditing.adapters import Auditable, subject_of, with_kin
from obfnet.auditing.adapters.anything import FILES
from obfnet.auditing.subject import Subject, Transform
from obfnet.errors import SpecError
from obfnet.forging.kept_fleet import load_fleet
from obfnet.forging.report import read_report
from obfnet.study.bundled_subject import subject_of_bundle

#: The word for samples that nothing protects.
RAW = "raw"


def subject_named(word: str, device: int = 0, kin: Sequence[Path] = ()) -> Subject | None:
    """The subject that ``word`` names; None is raw samples.

    Args:
        word: ``raw``; a folder of ``obfnet forge``; a bundle, an ``.onnx`` file, an ``.npz`` file
            of recorded pairs; or ``module:attribute`` of Python code: a torch module, a
            function or a ``Subject``. Code is looked for in the current folder too, and runs.
        device: which set of a folder's fleet; its other sets are kin.
        kin: folders of more ObfNets that an attacker holds.

    Raises:
        SpecError: nothing is there, or nothing that can be audited.
        ForgeError, BundleRejectedError: it is damaged.
    """
    if word == RAW:
        return None
    others: list[Transform] = [
        obfnet for folder in kin for each in load_fleet(folder) for obfnet in each.obfnets
    ]
    path = Path(word)
    if path.is_dir():
        subject = _of_fleet(path, device)
    elif path.suffix in FILES:
        subject = subject_of(path)
    elif path.exists():
        subject = subject_of_bundle(path)
    else:
        subject = _of_code(word)
    return with_kin(subject, [*subject.kin, *others]) if others else subject


def _of_fleet(folder: Path, device: int) -> Subject:
    fleet = load_fleet(folder)
    if not 0 <= device < len(fleet):
        raise SpecError(f"{folder} has devices 0 to {len(fleet) - 1}, there is no device {device}")
    subject = subject_of(fleet[device])
    others = [each for position, each in enumerate(fleet) if position != device]
    report = read_report(folder)
    twin = None if report is None else report.twin_accuracy.get(fleet[device].device)
    return with_kin(replace(subject, twin_accuracy=twin), others)


def _of_code(word: str) -> Subject:
    module, colon, name = word.partition(":")
    if not (colon and module and name):
        raise SpecError(
            f"there is no {word}: give a folder of 'forge', a bundle, an .onnx or .npz file, "
            "module:attribute of Python code, or raw"
        )
    here = str(Path.cwd())
    if here not in sys.path:  # an installed command does not look where it is called
        sys.path.insert(0, here)
    try:
        found: Auditable = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise SpecError(f"{word} cannot be imported: {error}") from error
    if isinstance(found, type):
        raise SpecError(f"{word} is a class, expected a function or an instance: name one")
    subject = subject_of(found)
    return subject if isinstance(found, Subject) else replace(subject, name=name)
