"""SHA-256 as bundles use it, by the library that checks their signatures.

The standard library's would load a second OpenSSL: 4 MB that a small device does not have to spare.
A program that obfuscates and does not send saves them; one that sends loads that OpenSSL with
``ssl`` all the same.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.hashes import SHA256, Hash


def sha256(content: bytes) -> bytes:
    """The 32 bytes of the SHA-256 of ``content``."""
    total = Hash(SHA256())
    total.update(content)
    return total.finalize()
