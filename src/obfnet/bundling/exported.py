"""An exported ObfNet as a callable, for a gate to judge before it is packed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from obfnet.bundling.formats import open_net
from obfnet.bundling.manifest import Entry
from obfnet.bundling.table import restore
from obfnet.mechanisms.entropy import Uniform, choice
from obfnet.specs import Samples, SampleSpec

#: Samples at once; as many as ``ObfNet`` takes, so that both draw the same random values.
BATCH = 1024


def exported(
    entry: Entry, encoder: bytes, decoder: bytes, spec: SampleSpec
) -> Callable[[Samples, Uniform], Samples]:
    """What ``entry`` and its members do to samples, given the randomness.

    Args:
        entry: mechanism and how the table is stored.
        encoder: ONNX or LiteRT, as its name in ``entry`` says.
        decoder: likewise, or a stored table.
        spec: of a sample.
    """
    encode = open_net(entry.encoder, encoder)
    mechanism = entry.make_mechanism()
    table = None
    if entry.decoder.endswith(".npy"):
        table = restore(entry.decoder, decoder, entry.table_scale, entry.table_offset, spec)
    decode = open_net(entry.decoder, decoder) if table is None else None

    def transform(samples: Samples, uniform: Uniform) -> Samples:
        parts = []
        for start in range(0, len(samples), BATCH):
            code = encode(samples[start : start + BATCH])
            released = mechanism.release(code, uniform)
            if decode is not None:
                parts.append(decode(released))
            else:
                assert table is not None
                drawn = choice(len(released), table.shape[1], uniform)
                parts.append(table[released, drawn])
        return np.concatenate(parts)

    return transform
