"""What a mechanism proves about one released sample, and how releases add up."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from obfnet.errors import SpecError

Policy = Literal["random", "pinned"]


@dataclass(frozen=True)
class Certificate:
    """An upper bound on what x' tells about x, for any data, any weights and any attacker.

    It follows from the data-processing inequality: everything after the mechanism (decoder,
    quantisation, wire, backend) only processes the released code. See
    ``docs/certificates.md`` for the proofs and what is *not* covered.

    Args:
        bits: I(X; X') is at most this many bits; ``inf`` where nothing is proven.
        guessing_factor: guessing any secret of x from x' succeeds at most this many times as
            often as guessing without x' (never above probability 1).
        guessing_factor_given_label: the same over an attacker who already knows the label,
            or None where the mechanism proves nothing beyond ``guessing_factor``.
        deterministic: sending x again through the same ObfNet reveals nothing more.
        assumptions: what must hold on the device, in words.
    """

    bits: float
    guessing_factor: float
    guessing_factor_given_label: float | None
    deterministic: bool
    assumptions: tuple[str, ...]

    @property
    def certified(self) -> bool:
        """Whether anything is proven at all."""
        return math.isfinite(self.bits)

    def compose(
        self, samples: int = 1, repeats: int = 1, obfnets: int = 1, policy: Policy = "random"
    ) -> Certificate:
        """The bound over everything a device sends.

        Args:
            samples: distinct samples; a stream of similar samples counts each one.
            repeats: how often each of them is sent.
            obfnets: size of the device's set.
            policy: ``random`` draws an ObfNet for each release; ``pinned`` derives ObfNet and
                noise from a keyed hash of the sample, so a repeat is the same message again.
        """
        counts = {"samples": samples, "repeats": repeats, "obfnets": obfnets}
        for name, count in counts.items():
            if count < 1:
                raise SpecError(f"composition needs {name} >= 1, got {count}")
        if policy == "pinned":
            fresh = 1
        elif self.deterministic:
            fresh = min(repeats, obfnets)
        else:
            fresh = repeats
        releases = samples * fresh
        if releases == 1:
            return self
        beyond = self.guessing_factor_given_label
        return replace(
            self,
            bits=self.bits * releases,
            guessing_factor=_power(self.guessing_factor, releases),
            guessing_factor_given_label=None if beyond is None else _power(beyond, releases),
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-ready fields; an unbounded value is None."""
        plain = asdict(self)
        for name in ("bits", "guessing_factor"):
            if math.isinf(plain[name]):
                plain[name] = None
        plain["assumptions"] = list(self.assumptions)
        return plain


def _power(factor: float, releases: int) -> float:
    try:
        return factor**releases
    except OverflowError:
        return math.inf


def least_bits(classes: int, accuracy: float) -> float:
    """Bits that any transform must let through to reach ``accuracy`` on balanced classes.

    Fano's inequality: log2 C - h2(e) - e log2(C - 1) for the error rate e.
    Certified bits above this are the *excess bits* of a report.
    """
    if classes < 2 or not 0 <= accuracy <= 1:
        raise SpecError(f"expected classes >= 2 and accuracy in [0, 1], got {classes}, {accuracy}")
    error = 1 - accuracy
    if error >= 1 - 1 / classes:
        return 0.0
    entropy = 0.0 if error == 0 else -error * math.log2(error) - accuracy * math.log2(accuracy)
    return math.log2(classes) - entropy - error * math.log2(classes - 1)
