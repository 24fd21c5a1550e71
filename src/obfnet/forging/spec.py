"""A forging as plain data: everything that ``obfnet.forge`` can be asked for in a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from obfnet.errors import SpecError
from obfnet.nets.budget import Budget

SOURCES = ("folder", "onnx", "url", "pretrained")
PARTS = ("all", "official-test", "rest")


@dataclass(frozen=True)
class InfNetSpec:
    """Where the InfNet is: exactly one of ``folder``, ``onnx``, ``url`` and ``pretrained``.

    Args:
        folder: of ``obfnet train``.
        onnx: an ONNX file.
        url: a server of Open Inference Protocol v2, ``http://host:port``, or a whole model's
            ``http://host:port/v2/models/NAME``.
        pretrained: registered name of a net that comes with its weights.
        model: name of the model on that server.
        answers: what it answers with, as for ``obfnet.freeze``.
        classes: how many classes it knows; needed for labels without ``outputs``.
        outputs: which of its classes are the data's, in the data's order.
        most_batch: samples in one request; this and what follows is for a URL only.
        per_second: samples in a second.
        most_queries: samples sent in all.
        keep: folder where answers outlive the process.
        timeout: seconds without a byte before an attempt is given up.
        attempts: tries of one request.

    Raises:
        SpecError: none of the four, several, or something that does not go with it.
    """

    folder: Path | None = None
    onnx: Path | None = None
    url: str | None = None
    pretrained: str | None = None
    model: str | None = None
    answers: str = "logits"
    classes: int | None = None
    outputs: tuple[int, ...] | None = None
    most_batch: int | None = None
    per_second: float | None = None
    most_queries: int | None = None
    keep: Path | None = None
    timeout: float | None = None
    attempts: int | None = None

    def __post_init__(self) -> None:
        given = [name for name in SOURCES if getattr(self, name) is not None]
        if len(given) != 1:
            raise SpecError(
                f"[infnet] names {' and '.join(given) or 'no InfNet'}, expected exactly one of "
                f"{', '.join(SOURCES)}"
            )
        online = (
            "model",
            "most_batch",
            "per_second",
            "most_queries",
            "keep",
            "timeout",
            "attempts",
        )
        misplaced = [name for name in online if getattr(self, name) is not None]
        if misplaced and self.url is None:
            raise SpecError(f"[infnet] has {', '.join(misplaced)}, which only goes with a url")
        if self.folder is not None and self.answers != "logits":
            raise SpecError("[infnet] an InfNet of 'obfnet train' answers with logits")


@dataclass(frozen=True)
class DataSpec:
    """The samples, and who may see which.

    Args:
        name: of a registered dataset.
        options: for its loader.
        split_seed: root of the split; 0 is what ``obfnet.audit`` takes.
        official_test: test on the publisher's own test set.
        disjoint_groups: whole groups (speakers, sessions) in one part.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    split_seed: int = 0
    official_test: bool = False
    disjoint_groups: bool = False


@dataclass(frozen=True)
class FleetSpec:
    """How many ObfNets, and how their rows are found; see ``obfnet.forge``."""

    devices: int = 1
    size: int = 1
    seed: int = 0
    rows: str | None = None
    exemplars: int | None = None
    twins: bool = True


@dataclass(frozen=True)
class Named:
    """A registered part by its name, with its arguments."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ScheduleSpec:
    """What is not given is as in ``forging.plan.usual_schedule``."""

    epochs: int | None = None
    batch: int | None = None
    rate: float | None = None
    decay: bool | None = None
    patience: int | None = None
    target: float | None = None
    checks: int | None = None


@dataclass(frozen=True)
class PoolSpec:
    """Public samples for decoy rows: exactly one of ``data``, ``share`` and ``npy``.

    Args:
        data: name of a registered dataset, another than the one forged on.
        options: for its loader.
        part: ``all`` of it, its ``official-test``, or the ``rest``.
        share: of the training samples, in (0, 1): they become public, and nothing is trained
            on them.
        npy: file of float32 samples ``(n, *shape)``.

    Raises:
        SpecError: none or several, no such part, or a share outside (0, 1).
    """

    data: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    part: str = "all"
    share: float | None = None
    npy: Path | None = None

    def __post_init__(self) -> None:
        given = [name for name in ("data", "share", "npy") if getattr(self, name) is not None]
        if len(given) != 1:
            raise SpecError(
                f"[pool] names {' and '.join(given) or 'no samples'}, expected exactly one of "
                "data, share, npy"
            )
        if self.part not in PARTS:
            raise SpecError(f"[pool] part is {self.part!r}, expected one of {', '.join(PARTS)}")
        if self.share is not None and not 0 < self.share < 1:
            raise SpecError(f"[pool] share is {self.share}, expected between 0 and 1")


@dataclass(frozen=True)
class ForgeSpec:
    """Everything a forging is made of; ``spec_file`` reads and writes it as TOML.

    Raises:
        SpecError: an encoder together with a budget that would propose one.
    """

    infnet: InfNetSpec
    data: DataSpec
    forge: FleetSpec = field(default_factory=FleetSpec)
    mechanism: Named = field(default_factory=lambda: Named("codebook"))
    encoder: Named | None = None
    decoder: Named | None = None
    budget: Budget | None = None
    objectives: Mapping[str, float] = field(default_factory=lambda: {"cross-entropy": 1.0})
    schedule: ScheduleSpec = field(default_factory=ScheduleSpec)
    pool: PoolSpec | None = None

    def __post_init__(self) -> None:
        if self.encoder is not None and self.budget is not None:
            raise SpecError("give [encoder], or a [budget] that proposes one, not both")
