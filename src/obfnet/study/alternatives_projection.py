"""Multiplicative random projection: a secret matrix on the device, a model retrained for it.

As Jiang et al. (IoTDI 2019) and its kin do for training: the backend never learns the matrix, but
its model must be trained on projected samples, and no convolution makes sense of them.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from torch import nn

from obfnet.auditing.subject import Subject
from obfnet.nets.cost import cost
from obfnet.registry import find
from obfnet.seeds import branch
from obfnet.study.alternatives_offer import Bench, Maker, Offer, on_one_thread, probes
from obfnet.study.alternatives_retrained import ANEW, retrained
from obfnet.study.transforms import random_projection

RETRAINED = "a model trained anew on projected samples"
#: Share of the dimensions that is sent, by name.
KEPT = {"random projection, retrained": 1, "random projection to 1/16, retrained": 16}


def projections() -> dict[str, Maker]:
    """A rotation that loses nothing, and one that sends a sixteenth of the dimensions."""
    return {name: partial(_projected, name, part) for name, part in KEPT.items()}


def _projected(name: str, part: int, bench: Bench) -> Offer:
    place = bench.place
    spec, classes = place.data.spec, len(place.data.classes)
    kept = max(classes, spec.size // part)
    key = branch(place.seed, "projection", part)
    transform = random_projection(spec.size, key, kept)

    # What goes over the wire; an audit sees it in place, with zeros for the rest.
    turn = nn.Linear(spec.size, kept, bias=False)
    each = np.eye(spec.size, dtype=np.float32).reshape(-1, *spec.shape)
    columns = transform(each).reshape(spec.size, spec.size)[:, :kept]
    turn.weight.data = torch.from_numpy(columns.T.copy())
    sent = on_one_thread(nn.Sequential(nn.Flatten(), turn), probes(place))
    dense = find("infnets", place.case.infnet.replace("-ic", "-im"))
    net = retrained(bench, name, transform, partial(dense, spec.shape, classes), ANEW)
    subject = Subject(name, transform, cost=cost(nn.Sequential(nn.Flatten(), turn), spec.shape))
    return Offer(subject, net, RETRAINED, sent, {"kept": kept})
