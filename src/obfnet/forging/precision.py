"""bfloat16 where the processor has it, and only there."""

from __future__ import annotations

import torch


def fast_convolutions() -> torch.autocast:
    """A context in which convolutions run in bfloat16 if that is faster.

    Processors with AVX512-BF16 gain from it; on others torch emulates it, much more slowly.
    """
    # Absent before torch 2.12, where float32 is the safe answer.
    capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return torch.autocast("cpu", torch.bfloat16, enabled=bool(capabilities.get("avx512_bf16")))
