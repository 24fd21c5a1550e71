"""What may leave the device for each sample: x', or the sample itself where the policy says so."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from obfnet.edge.obfuscator import Obfuscator
from obfnet.edge.picker import Pick, Picker
from obfnet.edge.policy import Policy, asked
from obfnet.errors import ObfuscationFailedError
from obfnet.specs import Samples


def outgoing(
    samples: Samples, obfuscators: Sequence[Obfuscator], policy: Policy, picker: Picker
) -> tuple[Samples, bool]:
    """The values to send ``(n, *shape)``, and whether all of them are obfuscated.

    Each sample asks the policy and picks an ObfNet for itself.

    Raises:
        ObfuscationFailedError: policy, picker or ObfNet failed for one of them; then none may be
            sent.
    """
    sent, hidden = [], True
    for index in range(len(samples)):
        sample = samples[index : index + 1]
        hides = asked(policy)
        pick = _picked(picker, obfuscators, sample)
        # Made either way: a raw request that came sooner after the one before could be told apart.
        obfuscated = pick.obfuscator(sample, pick.noise, pick.draw)
        hidden = hidden and hides
        sent.append(obfuscated if hides else sample)
    return (sent[0] if len(sent) == 1 else np.concatenate(sent)), hidden


def _picked(picker: Picker, obfuscators: Sequence[Obfuscator], sample: Samples) -> Pick:
    try:
        pick: object = picker(obfuscators, sample)
    except Exception as error:
        raise ObfuscationFailedError(f"the picker failed: {error!r}") from error
    if not isinstance(pick, Pick) or not any(pick.obfuscator is each for each in obfuscators):
        raise ObfuscationFailedError("the picker gave no Pick of an ObfNet of this set")
    return pick
