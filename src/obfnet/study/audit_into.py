"""Audit what a command line names into a folder that also keeps what is finished."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from obfnet import files
from obfnet.auditing.adapters.recorded import dataset_of
from obfnet.auditing.audit import audit_all
from obfnet.auditing.comparison import gather
from obfnet.auditing.pages import comparison_page
from obfnet.auditing.published import PAGE, publish
from obfnet.auditing.report_json import About
from obfnet.auditing.subject import Subject
from obfnet.auditing.verdict import criteria
from obfnet.data.dataset import Dataset
from obfnet.data.splits import Splits, split
from obfnet.errors import SpecError
from obfnet.forging.from_spec import load_data, open_infnet
from obfnet.forging.spec import DataSpec, InfNetSpec
from obfnet.forging.spec_changes import Changes, override
from obfnet.forging.spec_file import read_tables
from obfnet.forging.spec_folder import SPEC
from obfnet.forging.spec_tables import Tables, from_tables
from obfnet.forging.trained import read_record
from obfnet.nets.infnet import InfNet
from obfnet.specs import SampleSpec
from obfnet.study import results
from obfnet.study.named_subject import RAW, subject_named

Kind = Literal["image", "photo", "mfcc", "plain"]


@dataclass(frozen=True)
class Asked:
    """What is audited, and how.

    Args:
        subjects: words, see ``named_subject.subject_named``.
        changes: of tables ``[infnet]`` and ``[data]``, as ``obfnet forge`` takes them, over those
            of the first subject's ``spec.toml``. Without data, recorded pairs are their own.
        effort: name of a preset.
        seed: fixes the attacks.
        criteria: TOML file to judge by.
        device: which set of a fleet.
        kin: folders of more ObfNets that an attacker holds.
        kind: what a sample of recorded pairs is.
        command: what was typed.
    """

    subjects: tuple[str, ...]
    changes: Changes = field(default_factory=dict)
    effort: str = "quick"
    seed: int = 0
    criteria: Path | None = None
    device: int = 0
    kin: tuple[Path, ...] = ()
    kind: Kind = "plain"
    command: str = "obfnet audit"


@dataclass(frozen=True)
class _Target:
    """The model that answers, and the samples it is asked about."""

    infnet: InfNet
    data: Dataset
    splits: Splits
    infnet_label: str
    split_label: str


def kind_of(word: str) -> Kind:
    """``word`` as a kind of samples.

    Raises:
        SpecError: there is none of this name.
    """
    kinds = get_args(Kind)
    if word not in kinds:
        raise SpecError(f"no samples are of kind {word!r}, expected one of {', '.join(kinds)}")
    return word  # type: ignore[return-value]  # it was just checked


def audit_into(folder: Path, asked: Asked) -> dict[Path, dict[str, Any]]:
    """Audit ``asked.subjects`` and write reports, pages and ``results.json``.

    One subject is reported in ``folder``; several in folders of their own in it, with a
    comparison above them. Finished parts are kept in ``folder/parts``, where a second call with
    the same arguments goes on.

    Returns:
        What each ``report.json`` holds, by its folder.

    Raises:
        SpecError: nothing to audit, no InfNet or data, or criteria that make no sense.
        NotMeasurableError: as ``obfnet.audit``.
    """
    started = time.perf_counter()
    named = () if asked.criteria is None else criteria.load(asked.criteria)
    if not asked.subjects:
        raise SpecError("there is nothing to audit: name a subject, or raw")
    if (folder / "forge.json").exists():
        raise SpecError(f"{folder} is a forge's folder: choose another for the audit (--out)")
    subjects = _named_apart(
        [subject_named(word, asked.device, asked.kin) for word in asked.subjects], asked.subjects
    )
    target = _target(asked)
    reports = audit_all(
        subjects,
        target.infnet,
        target.data,
        target.splits,
        asked.seed,
        asked.effort,
        folder / "parts",
    )
    about = About(
        target.data.name,
        target.infnet_label,
        target.split_label,
        asked.command,
        target.data.licence,
    )
    made = {
        folder if len(reports) == 1 else folder / _file_name(each.subject.name): each
        for each in reports
    }
    contents = {place: publish(place, report, about, named) for place, report in made.items()}
    rows = [content["row"] for content in contents.values()]
    results.write(folder, asked.command, rows, time.perf_counter() - started)
    if len(contents) > 1:
        files.write(folder / PAGE, comparison_page.render(gather(list(contents))))
    return contents


def _named_apart(subjects: Sequence[Subject | None], words: Sequence[str]) -> list[Subject | None]:
    """``subjects`` with names that no two share: the word, where two would."""
    names = [RAW if each is None else each.name for each in subjects]
    times = Counter(_file_name(name) for name in names)
    if max(Counter(words).values()) > 1:
        raise SpecError(f"a subject is named twice among {', '.join(words)}: name it once")
    return [
        each
        if each is None or times[_file_name(each.name)] == 1
        else replace(each, name=f"{each.name} ({word})")
        for each, word in zip(subjects, words, strict=True)
    ]


def _target(asked: Asked) -> _Target:
    """InfNet and data, of the flags or of the first forge's spec."""
    tables = override(_first_spec(asked.subjects), asked.changes)
    if "infnet" not in tables:
        raise SpecError("no InfNet is given: --infnet FOLDER, model.onnx or URL")
    recorded = next((Path(word) for word in asked.subjects if word.endswith(".npz")), None)
    if "name" not in tables.get("data", {}):
        if recorded is None:
            raise SpecError("no data is given: --data NAME of a registered dataset")
        return _recorded_target(recorded, tables, asked.kind)
    spec = from_tables({name: tables[name] for name in ("infnet", "data")})
    data, splits = load_data(spec.data)
    infnet = open_infnet(spec.infnet, data, spec.data)
    return _Target(infnet, data, splits, _infnet_label(spec.infnet), _split_label(spec.data))


def _recorded_target(path: Path, tables: Tables, kind: Kind) -> _Target:
    """Recorded pairs bring their own data; what is not in the file, the InfNet says."""
    asked = {"name": path.stem, **tables.get("data", {})}
    spec = from_tables({"infnet": tables["infnet"], "data": asked})
    with np.load(path, allow_pickle=False) as held:
        originals = held["originals"]
    low, high = float(originals.min()), float(originals.max())
    looks = SampleSpec(originals.shape[1:], low, high if high > low else low + 1)
    unlabelled = Dataset(path.stem, originals, np.zeros(len(originals), np.int64), looks, ("0",))
    infnet = open_infnet(spec.infnet, unlabelled, spec.data)
    data = dataset_of(path, infnet, kind)
    splits = split(data, spec.data.split_seed)
    return _Target(infnet, data, splits, _infnet_label(spec.infnet), _split_label(spec.data))


def _first_spec(words: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    for word in words:
        path = Path(word) / SPEC
        if path.is_file():
            tables = read_tables(path.read_text(encoding="utf-8"))
            return {name: tables[name] for name in ("infnet", "data") if name in tables}
    return {}


def _infnet_label(spec: InfNetSpec) -> str:
    if spec.folder is not None:
        return read_record(spec.folder).name
    return spec.onnx.name if spec.onnx is not None else str(spec.url)


def _split_label(spec: DataSpec) -> str:
    kind = "disjoint groups" if spec.disjoint_groups else "random 80/10/10"
    if spec.official_test:
        kind = "official test"
    return f"{kind}, seed {spec.split_seed}"


def _file_name(name: str) -> str:
    """``name`` as a folder's; no dot alone, and nothing that leaves the folder."""
    plain = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in name)
    return "_parts" if plain == "parts" else plain or "_"
