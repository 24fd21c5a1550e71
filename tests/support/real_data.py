"""Real data, or a skip with the reason."""

import os

import pytest

from obfnet.errors import DataUnavailableError, MissingExtraError


def or_skip(action):
    """Run what needs real data; skip, or fail if OBFNET_REQUIRE_DATA=1, when it cannot be had."""
    try:
        return action()
    except (DataUnavailableError, MissingExtraError) as error:
        if os.environ.get("OBFNET_REQUIRE_DATA") == "1":
            raise
        pytest.skip(str(error))
