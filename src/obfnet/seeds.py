"""One seed tree: every random choice of an experiment is named below one root seed."""

from __future__ import annotations

import hashlib


def branch(root: int, *path: str | int) -> int:
    """The seed at ``path`` below ``root``: stable across machines, in ``[0, 2**63)``.

    >>> branch(0, "forge", 3) != branch(0, "forge", 4)
    True
    """
    name = "/".join(map(str, (root, *path)))
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") >> 1
