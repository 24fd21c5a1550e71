"""The five lines' names exist, and are loaded only when used."""

import subprocess
import sys

import pytest

import obfnet


@pytest.mark.parametrize("name", obfnet.__all__)
def test_public_names_exist(name):
    assert getattr(obfnet, name) is not None


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'magic'"):
        obfnet.magic  # noqa: B018


def test_a_missing_package_names_its_extra():
    script = (
        "import sys; sys.modules['torch'] = None\n"
        "import obfnet\n"
        "try: obfnet.freeze\n"
        "except obfnet.ObfNetError as error: print(error)"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "pip install 'obfnet[forge]'" in run.stdout
