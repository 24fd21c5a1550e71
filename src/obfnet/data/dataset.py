"""A dataset in memory: samples with their labels, private attributes and groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from obfnet.errors import SampleRejectedError, SpecError
from obfnet.specs import Labels, Samples, SampleSpec


@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples and everything that is known about them; all arrays are read-only.

    Args:
        name: the dataset's registered name.
        samples: ``(n, *spec.shape)`` float32, in the range of ``spec``.
        labels: ``(n,)`` int64 in ``[0, len(classes))``: what the InfNet is asked for; -1 where
            nobody knows.
        spec: shape and value range of one sample.
        classes: the name of each label.
        licence: licence of the data, as published.
        home: where the data is published.
        groups: ``(n,)`` int64 units that a group-disjoint split keeps whole, e.g. the speaker;
            if left out, every sample stands for itself.
        attributes: *private* attributes by name, each ``(n,)`` int64: what an auditor tries to
            infer although the InfNet does not need it.
        attribute_names: for every attribute the name of each of its values; by default "0",
            "1", …
        official_test: ``(n,)`` bool, true for the samples that the publisher set aside for
            testing; None if there is no such set.
        kind: what a sample is, so that training can vary it in ways that keep its label:
            ``image`` is (channels, height, width), ``photo`` is one whose mirror image shows the
            same, ``mfcc`` is (1, coefficients, frames).

    Raises:
        SpecError: a length, range, name or value does not fit the rest.
    """

    name: str
    samples: Samples
    labels: Labels
    spec: SampleSpec
    classes: tuple[str, ...]
    licence: str = ""
    home: str = ""
    groups: Labels = field(default_factory=lambda: np.zeros(0, np.int64))
    attributes: Mapping[str, Labels] = field(default_factory=dict)
    attribute_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    official_test: npt.NDArray[np.bool_] | None = None
    kind: Literal["image", "photo", "mfcc", "plain"] = "plain"

    def __post_init__(self) -> None:
        try:
            samples = self.spec.check(self.samples)
        except SampleRejectedError as error:
            raise SpecError(f"dataset {self.name!r}: {error}") from None
        if not self.attribute_names:
            names = {name: _numbered(values) for name, values in self.attributes.items()}
            object.__setattr__(self, "attribute_names", names)
        if set(self.attributes) != set(self.attribute_names):
            raise SpecError(
                f"dataset {self.name!r}: attributes are {sorted(self.attributes)}, attribute_names "
                f"are {sorted(self.attribute_names)}; name the values of every attribute"
            )
        self._freeze("samples", samples)
        self._freeze("labels", self._codes("labels", self.labels, len(self.classes), -1))
        groups = self.groups if len(self.groups) else np.arange(len(samples))
        self._freeze("groups", self._codes("groups", groups, None))
        attributes = {
            name: _read_only(self._codes(f"attribute {name!r}", values, len(names)))
            for name, values, names in (
                (name, values, self.attribute_names[name])
                for name, values in self.attributes.items()
            )
        }
        object.__setattr__(self, "attributes", attributes)
        if self.official_test is not None:
            official = self._column("official_test", self.official_test, "b")
            self._freeze("official_test", official)

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return f"Dataset({self.name}, {len(self)} samples of {self.spec.shape})"

    @property
    def labelled(self) -> bool:
        """Whether the label of every sample is known."""
        return bool((self.labels >= 0).all())

    def take(self, indices: npt.ArrayLike) -> Dataset:
        """The dataset of the samples at ``indices`` (integers, or a bool mask), in that order."""
        chosen = np.asarray(indices)
        if chosen.size == 0:
            chosen = chosen.astype(np.int64)
        return replace(
            self,
            samples=self.samples[chosen],
            labels=self.labels[chosen],
            groups=self.groups[chosen],
            attributes={name: values[chosen] for name, values in self.attributes.items()},
            official_test=None if self.official_test is None else self.official_test[chosen],
        )

    def _codes(
        self, what: str, values: npt.NDArray[np.generic], count: int | None, least: int = 0
    ) -> Labels:
        """``values`` as int64, checked to lie in ``[least, count)``."""
        codes = self._column(what, values, "iu").astype(np.int64, copy=False)
        if count is not None and codes.size and (codes.min() < least or codes.max() >= count):
            raise SpecError(
                f"dataset {self.name!r}: {what} span [{codes.min()}, {codes.max()}], "
                f"expected [{least}, {count - 1}] for {count} named values"
            )
        return codes

    def _column(
        self, what: str, values: npt.NDArray[np.generic], kinds: str
    ) -> npt.NDArray[np.generic]:
        """``values`` if they hold one value of a dtype in ``kinds`` for each sample."""
        column = np.asarray(values)
        if column.shape != (len(self.samples),) or column.dtype.kind not in kinds:
            expected = "bool" if kinds == "b" else "integers"
            raise SpecError(
                f"dataset {self.name!r}: {what} are {column.dtype} of shape {column.shape}, "
                f"expected {expected} of shape ({len(self.samples)},)"
            )
        return column

    def _freeze(self, name: str, values: npt.NDArray[np.generic]) -> None:
        object.__setattr__(self, name, _read_only(values))


def _numbered(values: Labels) -> tuple[str, ...]:
    return tuple(map(str, range(int(values.max(initial=-1)) + 1)))


def _read_only(values: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """A read-only view: nothing is copied, and the caller's own array stays writable."""
    view = values.view()
    view.setflags(write=False)
    return view
