"""Parts are found by name, and an unknown name lists the known ones."""

import pytest

from obfnet import registry
from obfnet.errors import UnknownNameError


@pytest.mark.parametrize("group", registry.GROUPS)
def test_everything_registered_can_be_loaded(group):
    assert registry.names(group)
    for name in registry.names(group):
        assert callable(registry.find(group, name))


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(UnknownNameError, match=r"no mechanism 'magic'.*codebook, gaussian, none"):
        registry.find("mechanisms", "magic")
