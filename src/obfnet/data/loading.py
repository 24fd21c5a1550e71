"""Load a dataset by its registered name, built-in or a third party's."""

from __future__ import annotations

from obfnet import registry
from obfnet.data.dataset import Dataset
from obfnet.errors import SpecError


def load(name: str, **options: object) -> Dataset:
    """The dataset registered as ``name``, e.g. ``"mnist"``; ``options`` go to its loader.

    Raises:
        UnknownNameError: no dataset of that name is registered.
        SpecError: the loader returned something that is not a :class:`Dataset`.
        DataUnavailableError: no source of its files could be reached.
        DataCorruptError: its files differ from their published digest.
    """
    dataset = registry.find("datasets", name)(**options)
    if not isinstance(dataset, Dataset):
        raise SpecError(
            f"the loader of dataset {name!r} returned {type(dataset).__name__}, expected Dataset"
        )
    return dataset
