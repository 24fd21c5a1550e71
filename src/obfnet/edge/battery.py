"""A policy by the charge of the device's battery, as Linux tells it."""

from __future__ import annotations

from pathlib import Path

from obfnet.edge.policy import Policy
from obfnet.errors import ObfuscationFailedError, SpecError

#: Where Linux lists power supplies (Documentation/ABI/testing/sysfs-class-power).
SUPPLIES = Path("/sys/class/power_supply")


def battery_above(share: float, supplies: Path = SUPPLIES) -> Policy:
    """Obfuscate while the battery holds more than ``share`` of its charge, send raw below.

    A device without a battery runs on mains and counts as full, and so does a system that lists
    no supplies at all; of several batteries the fullest counts. A battery that does not tell its
    charge makes the policy fail, and then nothing is sent.

    Args:
        share: from 0 up to 1.
        supplies: folder with one folder for each supply.

    Raises:
        SpecError: another share.
    """
    if not 0 <= share < 1:
        raise SpecError(f"share is {share}, expected at least 0 and below 1")
    return lambda: charge(supplies) > share


def charge(supplies: Path = SUPPLIES) -> float:
    """Share of the fullest battery's charge, from 0 to 1; 1 where there is none.

    Raises:
        ObfuscationFailedError: a battery does not tell.
    """
    try:
        batteries = [each for each in supplies.iterdir() if _is_battery(each)]
        percent = [int((each / "capacity").read_text(encoding="ascii")) for each in batteries]
    except FileNotFoundError as error:
        if not supplies.exists():
            return 1.0
        raise ObfuscationFailedError(f"a battery does not tell its charge: {error}") from error
    except (OSError, ValueError) as error:
        raise ObfuscationFailedError(f"a battery does not tell its charge: {error}") from error
    if any(not 0 <= each <= 100 for each in percent):
        raise ObfuscationFailedError(f"batteries tell {percent} percent, expected 0 to 100")
    return max(percent, default=100) / 100


def _is_battery(supply: Path) -> bool:
    """Whether it is the device's own: not a mouse's, and not an empty slot."""
    return (
        _says(supply / "type", "Battery")
        and not _says(supply / "scope", "Device", needed=False)
        and not _says(supply / "present", "0", needed=False)
    )


def _says(path: Path, expected: str, needed: bool = True) -> bool:
    if not needed and not path.exists():
        return False
    return path.read_text(encoding="ascii").strip() == expected
