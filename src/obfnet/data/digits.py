"""scikit-learn's 1,797 handwritten digits of 8x8 pixels: real data that needs no network."""

from __future__ import annotations

import numpy as np

from obfnet.data import slant, thickness
from obfnet.data.dataset import Dataset
from obfnet.errors import MissingExtraError
from obfnet.specs import SampleSpec


def load() -> Dataset:
    """The digits: ``(1797, 1, 8, 8)``, pixel / 16 in [0, 1]; private attributes ``slant`` and
    ``thickness`` of the strokes.

    Source: UCI Optical Recognition of Handwritten Digits (Alpaydin, Kaynak 1998), the test part,
    as it comes inside scikit-learn.

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise MissingExtraError(
            "the digits come inside scikit-learn, which is not installed: "
            "pip install 'obfnet[forge]'"
        ) from error
    pixels, labels = load_digits(return_X_y=True)
    samples = (pixels.reshape(-1, 1, 8, 8) / 16).astype(np.float32)
    labels = labels.astype(np.int64)
    return Dataset(
        name="digits",
        samples=samples,
        labels=labels,
        spec=SampleSpec((1, 8, 8), 0.0, 1.0),
        classes=tuple("0123456789"),
        licence="CC BY 4.0",
        home="https://archive.ics.uci.edu/dataset/80",
        attributes={
            "slant": slant.side(samples, labels),
            "thickness": thickness.thick(samples, labels),
        },
        attribute_names={"slant": slant.SIDES, "thickness": thickness.NAMES},
        kind="image",
    )
