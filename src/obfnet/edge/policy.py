"""Whether to obfuscate a sample: the device's own choice, told to no one.

A policy is any callable without arguments that returns True to obfuscate. Sending raw is only
ever such a decision, never what happens after an error: a policy that does not know raises, or
says True.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from obfnet.errors import ObfuscationFailedError, SpecError

Policy = Callable[[], bool]


def always() -> bool:
    """Obfuscate every sample."""
    return True


def never() -> bool:
    """Send every sample raw, as a device without obfuscation does."""
    return False


def every_of(*policies: Policy) -> Policy:
    """Obfuscate where every one of ``policies`` says so."""
    return _combined(all, policies)


def any_of(*policies: Policy) -> Policy:
    """Obfuscate where at least one of ``policies`` says so."""
    return _combined(any, policies)


def inverted(policy: Policy) -> Policy:
    """Obfuscate where ``policy`` would send raw, and the other way round."""
    return lambda: not asked(policy)


def asked(policy: Policy) -> bool:
    """The decision of ``policy`` for one sample.

    Raises:
        ObfuscationFailedError: it failed, or gave something else than True or False.
    """
    try:
        choice: object = policy()
    except Exception as error:
        raise ObfuscationFailedError(f"the policy failed: {error!r}") from error
    # Only a plain False sends raw: None from a policy without a return must not.
    if not isinstance(choice, bool):
        raise ObfuscationFailedError(f"the policy gave {choice!r}, expected True or False")
    return choice


def _combined(rule: Callable[[Iterable[bool]], bool], policies: tuple[Policy, ...]) -> Policy:
    if not policies:
        raise SpecError("expected at least one policy: none at all decides nothing")
    # A list, so that each is asked: one that fails must not hide behind another's answer.
    return lambda: rule([asked(policy) for policy in policies])
