"""How often a secret can be guessed at most, by what a mechanism certifies."""

from __future__ import annotations

import numpy as np

from obfnet.mechanisms.certificate import Certificate, binary_entropy
from obfnet.specs import Labels


def guessed_at_most(truth: Labels, certificate: Certificate) -> float:
    """The guessing factor times the frequency of the most frequent value, never above 1.

    Args:
        truth: values of the secret, ``(n,)``.
        certificate: of one release.
    """
    most = np.bincount(truth).max() / len(truth)
    return min(1.0, certificate.guessing_factor * float(most))


def told_at_most(truth: Labels, certificate: Certificate) -> float:
    """The same by Fano's inequality from the certified bits.

    With V values, H(A) - bits <= H(A | X') <= h2(e) + e log2(V - 1) for the error rate e, so e
    is at least the root of the right side.
    """
    shares = np.bincount(truth) / len(truth)
    shares = shares[shares > 0]
    values = len(shares)
    left = float(-(shares * np.log2(shares)).sum()) - certificate.bits
    if left <= 0 or values < 2:
        return 1.0

    def most_left(error: float) -> float:
        return binary_entropy(error) + error * float(np.log2(max(1, values - 1)))

    low, high = 0.0, 1 - 1 / values  # most_left rises in between
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if most_left(middle) < left else (low, middle)
    return 1 - low
