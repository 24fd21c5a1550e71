"""What a bundle holds, as plain JSON-ready facts."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from obfnet.bundling.archive import open_bundle
from obfnet.bundling.signature import decode
from obfnet.mechanisms.mechanism import Mechanism
from obfnet.mechanisms.statement import statement


def describe_bundle(path: Path) -> dict[str, Any]:
    """What the bundle at ``path`` is, with certificates from its mechanisms, not its words.

    Raises:
        BundleRejectedError: it cannot be read, or a device would reject it.
    """
    made = open_bundle(path)
    manifest = made.manifest
    mechanisms: list[Mechanism] = []
    for entry in manifest.obfnets:
        mechanism = entry.make_mechanism()
        if mechanism not in mechanisms:
            mechanisms.append(mechanism)
    return {
        "kind": "bundle",
        "device": manifest.device,
        "set": manifest.set,
        "version": manifest.version,
        "issued": manifest.issued,
        "expires": manifest.expires or None,
        "signed_by": None if made.signature is None else str(decode(made.signature).key),
        "audit": dict(manifest.audit),
        "infnet": manifest.infnet,
        "bytes": len(made.content),
        "digest": hashlib.sha256(made.content).hexdigest(),
        "sample": {
            "shape": list(manifest.sample.shape),
            "low": manifest.sample.low,
            "high": manifest.sample.high,
        },
        "mechanisms": [statement(each, len(manifest.obfnets)) for each in mechanisms],
        "obfnets": [
            {
                "mechanism": entry.mechanism,
                "precision": entry.precision,
                "validation_accuracy": entry.validation_accuracy,
                "params": entry.params,
                "macs": entry.macs,
                "bytes": len(made.members[entry.encoder]) + len(made.members[entry.decoder]),
                "seconds": entry.seconds,
                "seed": entry.seed,
            }
            for entry in manifest.obfnets
        ],
        "digests": dict(manifest.digests),
        "versions": dict(manifest.versions),
    }
