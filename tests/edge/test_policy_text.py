"""Policies from words."""

import pytest

from obfnet.edge.policy_text import EXAMPLES, policy_from
from obfnet.errors import SpecError


def test_the_examples_are_policies():
    assert [policy_from(text)() for text in ("always", "never")] == [True, False]
    assert all(policy_from(text)() in (True, False) for text in EXAMPLES.split(", "))


@pytest.mark.parametrize(
    "text",
    [
        *("", "perhaps", "always:1", "never:", "battery", "battery:", "battery:1", "battery:a"),
        *("load:0", "load:nan", "within:", "within:22:00", "within:7-25:00", "within:08:00-08:00"),
    ],
)
def test_anything_else_is_an_error(text):
    with pytest.raises(SpecError, match=r"expected|is no time|all day"):
        policy_from(text)
