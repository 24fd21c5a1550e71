"""An ObfNet as a preprocessing defence of the Adversarial Robustness Toolbox (extra ``art``)."""

from __future__ import annotations

from importlib import import_module
from typing import Any, ClassVar

import torch
from torch import Tensor

from obfnet.auditing.adapters.anything import Auditable, subject_of
from obfnet.errors import MissingExtraError, SpecError

try:
    # By name: type checkers are to say the same whether it is installed or not.
    Base: Any = import_module("art.defences.preprocessor.preprocessor").PreprocessorPyTorch
except ModuleNotFoundError as error:
    raise MissingExtraError(
        f"an ART preprocessor needs {error.name}, which is not installed: pip install 'obfnet[art]'"
    ) from error


class ObfNetPreprocessor(Base):  # type: ignore[misc]
    """What a device does before it sends, for ``preprocessing_defences=`` of ART's classifiers.

    ``forward`` is the exact transform, mechanism included; ``estimate_forward`` is its smooth
    form, which ART's white-box attacks differentiate. One without gradients counts as the
    identity there, as ART does by itself.

    Args:
        transform: anything that ``subject_of`` takes.
        apply_fit: whether ART applies it when it trains a classifier.
        apply_predict: whether ART applies it when it asks one.

    Raises:
        SpecError: the transform is none that can be audited, or pairs that were recorded
            elsewhere.
    """

    params: ClassVar[list[str]] = ["apply_fit", "apply_predict"]

    def __init__(
        self, transform: Auditable, apply_fit: bool = False, apply_predict: bool = True
    ) -> None:
        super().__init__(
            device_type="cpu", is_fitted=True, apply_fit=apply_fit, apply_predict=apply_predict
        )
        self.subject = subject_of(transform)
        if not self.subject.queries:
            raise SpecError(
                f"{self.subject.name} is pairs that were recorded elsewhere: no other sample can "
                "be sent through them"
            )

    def forward(self, x: Tensor, y: object = None) -> tuple[Tensor, object]:
        """x' ``(n, *shape)`` of samples ``(n, *shape)``; labels as they came."""
        samples = x.detach().cpu().numpy().astype("float32")
        return torch.from_numpy(self.subject.transform(samples)).to(x), y

    def estimate_forward(self, x: Tensor, y: object = None) -> Tensor:
        """The smooth form of x', which gradients flow through."""
        return x if self.subject.gradients is None else self.subject.gradients(x)
