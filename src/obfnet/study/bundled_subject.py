"""A bundle as a subject of an audit: what the device itself runs, mechanism enforced."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from obfnet.auditing.adapters.forged import Smooth, any_of, one_of
from obfnet.auditing.adapters.onnx_file import smooth_form
from obfnet.auditing.subject import Subject
from obfnet.bundling.archive import Bundle, open_bundle
from obfnet.bundling.table import restore
from obfnet.edge.obfuscator import Obfuscator, obfuscators
from obfnet.nets.cost import Cost
from obfnet.nets.probes import probes


def subject_of_bundle(source: Bundle | bytes | str | Path, name: str | None = None) -> Subject:
    """The ObfNets of a bundle as a subject; each sample goes through one drawn at random.

    Gradients are of the bundle's own ONNX members, run in torch with the mechanism relaxed;
    there are none where torch does not answer as onnxruntime does.

    Args:
        source: the bundle, its bytes, or its file.
        name: for tables; by default the mechanism with the length of its code.

    Raises:
        BundleRejectedError: the file cannot be read, or is no valid bundle.
    """
    bundle = open_bundle(source)
    members = obfuscators(bundle)
    first = members[0]
    width = first.mechanism.width
    label = first.mechanism.name if width is None else f"{first.mechanism.name}-{width}"
    label = name or (label if len(members) == 1 else f"{label} x {len(members)}")
    forms = [form for form in (_smooth(bundle, each) for each in members) if form is not None]
    return Subject(
        label,
        first if len(members) == 1 else one_of(members),
        gradients=any_of(forms) if len(forms) == len(members) else None,
        mechanism=first.mechanism,
        members=() if len(members) == 1 else members,
        cost=Cost(
            first.entry.params,
            first.entry.macs,
            sum(len(bundle.members[part]) for part in (first.entry.encoder, first.entry.decoder)),
        ),
    )


def _smooth(bundle: Bundle, obfnet: Obfuscator) -> Smooth | None:
    """The differentiable form of one ObfNet, or None."""
    tried = probes(obfnet.spec.shape)
    code = obfnet.encoder(tried)
    encoder = smooth_form(bundle.members[obfnet.entry.encoder], tried, code)
    if encoder is None:
        return None
    relax, content = obfnet.mechanism.relax, bundle.members[obfnet.entry.decoder]
    if obfnet.entry.decoder.endswith(".npy"):
        entry = obfnet.entry
        rows = restore(entry.decoder, content, entry.table_scale, entry.table_offset, obfnet.spec)
        means = torch.from_numpy(rows.mean(axis=1))
        return lambda samples: torch.einsum("nk,k...->n...", relax(encoder(samples)).exp(), means)
    released = relax(torch.from_numpy(code)).numpy()
    decoder = smooth_form(content, released, np.asarray(obfnet.decoder(released)))
    if decoder is None:
        return None

    def through(samples: Tensor) -> Tensor:
        return decoder(relax(encoder(samples)))

    return through
