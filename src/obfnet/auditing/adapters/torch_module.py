"""A torch module as a subject."""

from __future__ import annotations

from itertools import chain

import torch
from torch import nn

from obfnet.auditing.subject import Subject
from obfnet.specs import Samples


def of_module(module: nn.Module, name: str | None = None) -> Subject:
    """A torch module, put into eval mode: called without gradients, with them for who attacks.

    A module that adds noise must do so in eval mode too; layers such as dropout do not.
    """
    module.eval()

    def transform(samples: Samples) -> Samples:
        where = next(chain(module.parameters(), module.buffers()), torch.empty(0)).device
        with torch.inference_mode():
            released: Samples = module(torch.tensor(samples, device=where)).cpu().numpy()
        return released

    return Subject(name or type(module).__name__, transform, gradients=module)
