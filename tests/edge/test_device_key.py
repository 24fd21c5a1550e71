"""A device's key is made once, read by its owner only, and shown to nobody."""

import pytest

from obfnet.edge.device_key import DeviceKey
from obfnet.errors import DeviceKeyError, StorageError


def test_it_is_made_once_and_kept(tmp_path):
    path = tmp_path / "folder" / "device.key"
    key = DeviceKey.kept(path)
    assert DeviceKey.kept(path) == DeviceKey.load(path) == key
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_bytes() == key.raw
    assert DeviceKey.new() != DeviceKey.new()


def test_it_is_shown_to_nobody():
    key = DeviceKey(bytes(range(32)))
    assert repr(key) == str(key) == "DeviceKey()"


@pytest.mark.parametrize("raw", [b"", bytes(31), bytes(33), "0" * 32, None, bytearray(32)])
def test_what_is_no_key(raw):
    with pytest.raises(DeviceKeyError, match="32 bytes"):
        DeviceKey(raw)


@pytest.mark.parametrize("content", [b"", bytes(31), bytes(33)])
def test_a_damaged_key_is_not_replaced(content, tmp_path):
    path = tmp_path / "device.key"
    path.write_bytes(content)
    path.chmod(0o600)
    for read in (DeviceKey.load, DeviceKey.kept):
        with pytest.raises(DeviceKeyError, match="damaged"):
            read(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_key_that_others_may_know(mode, tmp_path):
    path = tmp_path / "device.key"
    DeviceKey.new().save(path)
    path.chmod(mode)
    with pytest.raises(DeviceKeyError, match="open to other users"):
        DeviceKey.kept(path)


def test_no_key_is_overwritten_and_none_is_used_that_cannot_be_kept(tmp_path):
    path = tmp_path / "device.key"
    key = DeviceKey.kept(path)
    with pytest.raises(DeviceKeyError, match="exists"):
        DeviceKey.new().save(path)
    assert DeviceKey.load(path) == key
    with pytest.raises(StorageError):
        DeviceKey.kept(path / "below a file")
    for path in (tmp_path / "absent", tmp_path):
        with pytest.raises(DeviceKeyError, match="cannot be read"):
            DeviceKey.load(path)
