"""On what terms a live model may be asked, and the meter that keeps to them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from obfnet.errors import QueryBudgetError, SpecError
from obfnet.wire.transport import Limits


@dataclass(frozen=True)
class Terms:
    """How fast, how often and in what batches a live model may be asked.

    Args:
        most_batch: samples in one request.
        per_second: samples in a second, in the long run, or None for as fast as it answers.
        most_queries: samples sent in all, repeated attempts included, or None.
        keep: folder where answers outlive this process, so that none is paid for twice; one
            sub-folder for each model.
        limits: timeout, attempts and waits of one request.

    Raises:
        SpecError: a number that nothing could keep.
    """

    most_batch: int = 64
    per_second: float | None = None
    most_queries: int | None = None
    keep: Path | None = None
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        rate = 1.0 if self.per_second is None else self.per_second
        budget = 0 if self.most_queries is None else self.most_queries
        if self.most_batch < 1 or not 0 < rate < float("inf") or budget < 0:
            raise SpecError(
                f"expected most_batch >= 1, per_second > 0 and most_queries >= 0, got {self}"
            )


class Meter:
    """Counts samples as they are sent, and holds them back or stops them.

    Attributes:
        queries: samples sent so far; a sample sent again counts again.
    """

    def __init__(self, terms: Terms) -> None:
        self.queries = 0
        self._terms = terms
        self._free_at = 0.0

    def afford(self, count: int) -> None:
        """Return if ``count`` more samples may be sent.

        Raises:
            QueryBudgetError: they may not.
        """
        most = self._terms.most_queries
        if most is not None and self.queries + count > most:
            raise QueryBudgetError(
                f"{count} samples are to be sent, {most - self.queries} of most_queries={most} are "
                "left: raise it, or ask about fewer samples; answers so far are kept"
            )

    def wait(self) -> None:
        """Sleep until the rate allows the next request."""
        time.sleep(max(0.0, self._free_at - time.monotonic()))

    def send(self, count: int) -> None:
        """Count ``count`` samples that are about to go out.

        Raises:
            QueryBudgetError: they must not.
        """
        self.afford(count)
        self.queries += count
        if self._terms.per_second is not None:
            begun = max(self._free_at, time.monotonic())
            self._free_at = begun + count / self._terms.per_second
