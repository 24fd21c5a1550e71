"""What is proposed for usual samples at several budgets, as a table: a page of the docs.

``python -m obfnet.nets.proposals`` prints it.
"""

from __future__ import annotations

from obfnet.errors import SpecError
from obfnet.nets.budget import Budget
from obfnet.nets.families import Proposal, propose

SAMPLES = (
    ((1, 28, 28), "image"),
    ((1, 20, 45), "mfcc"),
    ((3, 32, 32), "image"),
    ((3, 64, 64), "image"),
    ((3, 128, 128), "image"),
)
BUDGETS = (
    Budget(params=1_500),
    Budget(params=10_000),
    Budget(macs=50_000),
    Budget(macs=500_000),
    Budget(macs=1_000_000),
    Budget(macs=10_000_000),
    Budget(macs=1_000_000, bytes=32 * 1024),
)
OUTPUTS = 10


def table() -> str:
    """Markdown, one line for each sample and budget, for codes of ``OUTPUTS`` values."""
    lines = [
        "| sample | budget | encoder | parameters | MACs | bytes |",
        "|---|---|---|---|---|---|",
    ]
    for shape, kind in SAMPLES:
        for budget in BUDGETS:
            try:
                cells = _cells(propose(shape, OUTPUTS, budget, kind))
            except SpecError:
                cells = "nothing fits | | | "
            lines.append(f"| {'x'.join(map(str, shape))} {kind} | {budget} | {cells} |")
    return "\n".join(lines)


def _cells(found: Proposal) -> str:
    widths = ", ".join(map(str, found.arguments["widths"]))
    shrink = found.arguments.get("shrink", 1)
    averaged = f", averaged {shrink}x{shrink} first" if shrink > 1 else ""
    cost = found.cost
    return f"{found.encoder} {widths}{averaged} | {cost.params:,} | {cost.macs:,} | {cost.bytes:,}"


if __name__ == "__main__":
    print(table())
