"""Make what the demo works with: the InfNet and the two ObfNets that stand side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import safetensors.torch
import torch
from torch import nn

from obfnet import files
from obfnet.bundling.archive import Bundle, read
from obfnet.bundling.onnx_export import export_onnx
from obfnet.bundling.pack import bundle
from obfnet.data.dataset import Dataset
from obfnet.data.digest import digest
from obfnet.data.folders import cache_folder
from obfnet.data.loading import load
from obfnet.data.splits import Splits
from obfnet.forging.codebook import forge_codebooks
from obfnet.forging.infnet import train_infnet
from obfnet.forging.job import Job
from obfnet.forging.obfnet import ObfNet
from obfnet.forging.recipe import Recipe
from obfnet.forging.sets import ObfNetSet, spread_over
from obfnet.forging.through import forge_through
from obfnet.mechanisms.codebook import Codebook
from obfnet.mechanisms.none import NoMechanism
from obfnet.nets.frozen import TorchInfNet, freeze
from obfnet.nets.separable import SeparableEncoder
from obfnet.progress import say
from obfnet.registry import find
from obfnet.seeds import branch
from obfnet.source import code_digest
from obfnet.study.cases import Case, case
from obfnet.study.kept import kept, key
from obfnet.threads import available


@dataclass(frozen=True, eq=False)
class Workplace:
    """Data and choices; finished stages are kept in the cache under the digest ``run``.

    Args:
        run: digest of everything the stages are made from.
        data: the dataset.
        splits: who may see which samples.
        case: nets and schedules.
        seed: root of the seed tree.
    """

    run: str
    data: Dataset
    splits: Splits
    case: Case
    seed: int

    def path(self, name: str) -> Path:
        """Where the stage ``name`` (with its suffix) is kept."""
        return cache_folder() / "stages" / f"{self.run}-{name}"


def open_workplace(data_name: str, seed: int, chosen: Case | None = None) -> Workplace:
    """Load and split the data of a demo's case, and let torch use all this process may.

    Args:
        data_name: of the dataset.
        seed: root of the seed tree.
        chosen: another case than the demo's, of the same dataset.

    Raises:
        SpecError: there is no case for this dataset.
    """
    chosen = chosen or case(data_name)
    torch.set_num_threads(available())
    say(f"data {data_name}")
    data = load(data_name)
    splits = chosen.split(data, branch(seed, "split"))
    run = key(code=code_digest(), data=digest(data), case=repr(chosen), seed=seed)
    return Workplace(f"{data_name}-{run}", data, splits, chosen, seed)


def make_infnet(place: Workplace) -> TorchInfNet:
    """Train the InfNet, or load it from an earlier run."""
    say(f"InfNet {place.case.infnet_label}")
    factory = partial(
        find("infnets", place.case.infnet), place.data.spec.shape, len(place.data.classes)
    )

    def train() -> TorchInfNet:
        return train_infnet(
            factory,
            place.data,
            place.splits,
            place.case.infnet_schedule,
            branch(place.seed, "infnet"),
        )

    def restore(content: bytes) -> TorchInfNet:
        module: nn.Module = factory()
        module.load_state_dict(safetensors.torch.load(content))
        return freeze(module)

    return kept(
        place.path("infnet.safetensors"),
        train,
        lambda infnet: safetensors.torch.save(infnet.module.state_dict()),
        restore,
    )


def make_repository(place: Workplace, infnet: TorchInfNet, folder: Path) -> Path:
    """Write the InfNet as any Open Inference Protocol server wants it; returns the folder."""
    repository = folder / "models"
    content = export_onnx(infnet.module, spread_over(place.data, place.splits))
    files.write(repository / "infnet" / "1" / "model.onnx", content)
    return repository


def make_published(place: Workplace, infnet: TorchInfNet) -> Bundle:
    """Forge the published ObfNet through the InfNet, as its paper does."""
    say(f"ObfNet {place.case.published_label}, forged through the InfNet")
    return _bundle(
        place,
        infnet,
        "published",
        lambda: forge_through(_published_job(place, infnet), [branch(place.seed, "published")])[0],
    )


def make_codebook(place: Workplace, infnet: TorchInfNet) -> Bundle:
    """Forge a codebook ObfNet with the InfNet out of the loop."""
    say(f"ObfNet codebook-{len(place.data.classes)}, forged with the InfNet out of the loop")
    return _bundle(
        place,
        infnet,
        "codebook",
        lambda: forge_codebooks(_codebook_job(place, infnet), [branch(place.seed, "codebook")])[0],
    )


def _published_job(place: Workplace, infnet: TorchInfNet) -> Job:
    arguments = {"shape": place.data.spec.shape, "width": place.case.width}
    return Job(
        infnet,
        place.data,
        place.splits,
        NoMechanism(),
        Recipe("obfnets", place.case.published, arguments, "encoder"),
        place.case.published_schedule,
        Recipe("obfnets", place.case.published, arguments, "decoder"),
        seed=place.seed,
    )


def _codebook_job(place: Workplace, infnet: TorchInfNet) -> Job:
    mechanism = Codebook(len(place.data.classes))
    return Job(
        infnet,
        place.data,
        place.splits,
        mechanism,
        partial(SeparableEncoder, place.data.spec.shape, mechanism.codes),
        place.case.codebook_schedule,
        seed=place.seed,
    )


def _bundle(
    place: Workplace, infnet: TorchInfNet, name: str, forge: Callable[[], ObfNet]
) -> Bundle:
    return kept(
        place.path(f"{name}.bundle"),
        lambda: bundle(
            ObfNetSet("demo", (forge(),), infnet.digest, spread_over(place.data, place.splits))
        ),
        lambda made: made.content,
        read,
    )
