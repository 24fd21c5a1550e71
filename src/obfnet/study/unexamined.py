"""How hard the attackers of a study try that looks at attacks and attributes, and no further."""

from __future__ import annotations

from dataclasses import replace

from obfnet.auditing.effort import QUICK, Effort, preset
from obfnet.study.study import Ask

#: Enough to see that an audit runs.
TINY = Effort("tiny", ("mlp", "nearest"), ("nearest",), (), 500, 0, 200, 20)


def effort_of(ask: Ask) -> Effort:
    """As asked, by default the quick preset's attacks."""
    if ask.quick:
        return TINY
    chosen = preset(ask.effort or QUICK)
    return replace(chosen, name=f"{chosen.name}, no examinations", examinations=())
