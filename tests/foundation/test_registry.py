"""Parts are found by name, and an unknown name lists the known ones."""

import subprocess
import sys
from importlib.metadata import entry_points

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


def test_what_devices_look_up_is_what_is_registered():
    registered = {
        (group, entry.name): entry.value
        for group in ("mechanisms",)
        for entry in entry_points(group=f"obfnet.{group}")
        if entry.value.startswith("obfnet.")
    }
    assert dict(registry.ON_DEVICES) == registered


def test_a_device_reads_nobodys_entry_points():
    code = (
        "import sys; from obfnet.registry import find; find('mechanisms', 'codebook')\n"
        "sys.exit('importlib.metadata' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
