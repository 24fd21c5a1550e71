"""Runs one exported net on the device with LiteRT."""

from __future__ import annotations

from collections.abc import Callable

from obfnet.bundling.litert_net import litert_net
from obfnet.errors import BundleRejectedError
from obfnet.specs import Samples


def load(content: bytes) -> Callable[[Samples], Samples]:
    """A callable net from LiteRT bytes, on one thread, one sample after another.

    LiteRT checks the file's structure, but trusts its numbers: whoever may sign bundles for this
    device could stop the process with a bad file. Nothing is sent then either.

    Raises:
        BundleRejectedError: the bytes are no LiteRT model that runs here, its batch size is not 1,
            or it has another number of inputs or outputs than one.
    """
    try:
        return litert_net(content)
    except (ValueError, RuntimeError) as error:
        raise BundleRejectedError(f"a net of the bundle cannot be loaded: {error}") from error
