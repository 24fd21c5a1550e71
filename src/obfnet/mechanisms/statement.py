"""What a mechanism proves, in figures and in words that a person can hold it to."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from obfnet.mechanisms.certificate import Certificate
from obfnet.mechanisms.composition import Policy, compose
from obfnet.mechanisms.mechanism import Mechanism

#: Samples, repeats of each and policy that a statement adds up: what people ask about first.
STREAMS: tuple[tuple[int, int, Policy], ...] = (
    (1, 1, "random"),
    (1, 10, "random"),
    (1, 1000, "random"),
    (1, 1000, "pinned"),
    (100, 1, "random"),
)


def statement(mechanism: Mechanism, obfnets: int) -> dict[str, Any]:
    """Name, arguments, certificate and composition of a device's mechanism, JSON-ready.

    Args:
        mechanism: of every ObfNet in the set.
        obfnets: size of the set.
    """
    certificate = mechanism.certificate()
    return {
        "name": mechanism.name,
        "arguments": asdict(mechanism),  # type: ignore[call-overload]
        "certificate": certificate.to_dict(),
        "in words": words(certificate),
        "composition": [
            {
                "samples": samples,
                "repeats of each": repeats,
                "policy": policy,
                "bits": total["bits"],
                "guessing_factor": total["guessing_factor"],
            }
            for samples, repeats, policy in STREAMS
            for total in [compose(mechanism, samples, repeats, obfnets, policy).to_dict()]
        ],
    }


def words(certificate: Certificate) -> list[str]:
    """What ``certificate`` says, one sentence for each bound."""
    if not certificate.certified:
        return ["Nothing is proven: x' may hold all of x."]
    said = [
        f"x' tells at most {certificate.bits:.3g} bits about x, whatever the data, the weights and "
        "the attacker.",
    ]
    if math.isfinite(certificate.guessing_factor):
        said.append(
            "Guessing any secret of x from x' succeeds at most "
            f"{certificate.guessing_factor:.4g} times as often as without x'."
        )
    beyond = certificate.guessing_factor_given_label
    if beyond == 1:
        said.append("To whoever knows the InfNet's answer, x' tells nothing more.")
    elif beyond is not None:
        said.append(f"It is at most {beyond:.4g} times to whoever knows the InfNet's answer.")
    if certificate.epsilon is not None:
        said.append(f"It is {certificate.epsilon:.3g}-locally differentially private.")
    said.append("The InfNet's answer itself always leaks: the backend computes it.")
    return said
