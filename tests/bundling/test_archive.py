"""A bundle is read exactly as it was written, or rejected with one type of error."""

import io
import random
import re
import zipfile
from dataclasses import replace

import pytest

from obfnet.bundling import archive
from obfnet.bundling.archive import MANIFEST, open_bundle, read, write
from obfnet.errors import BundleRejectedError, SpecError, StorageError


def contents(bundle):
    with zipfile.ZipFile(io.BytesIO(bundle.content)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def packed(entries, method=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as opened:
        for name, content in entries:
            opened.writestr(name, content)
    return buffer.getvalue()


def test_round_trip(bundle, manifest, members):
    again = read(bundle.content)
    assert again.members == members
    assert again.manifest == bundle.manifest
    assert replace(again.manifest, digests={}) == manifest
    assert again.manifest.digests.keys() == members.keys()


def test_from_itself_bytes_path_and_text(bundle, tmp_path):
    path = tmp_path / "device.bundle"
    bundle.save(path)
    assert path.read_bytes() == bundle.content
    for source in (bundle, bundle.content, path, str(path)):
        assert open_bundle(source).manifest == bundle.manifest


def test_equal_contents_give_equal_bytes(manifest, members):
    backwards = dict(reversed(members.items()))
    assert write(manifest, members).content == write(manifest, backwards).content


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_what_a_device_would_reject_is_not_written(manifest, members):
    for wrong in (
        {},
        {"0/encoder.onnx": b""},
        {**members, MANIFEST: b"{}"},
        {**members, "../escape": b""},
    ):
        with pytest.raises(BundleRejectedError):
            write(manifest, wrong)


def test_what_json_cannot_carry_is_not_written(manifest, members, entry):
    for arguments in ({"codes": float("nan")}, {"codes": {1, 2}}):
        with pytest.raises(SpecError, match="JSON"):
            write(replace(manifest, obfnets=(replace(entry, mechanism_args=arguments),)), members)


@pytest.mark.parametrize("path", ["absent.bundle", ".", "zero\0byte"])
def test_unreadable_file(path, tmp_path):
    with pytest.raises(BundleRejectedError, match="cannot be read"):
        open_bundle(f"{tmp_path}/{path}")


def test_old_file_stays_if_the_new_one_cannot_be_written(bundle, tmp_path):
    path = tmp_path / "file" / "device.bundle"
    path.parent.write_text("in the way")
    with pytest.raises(StorageError):
        bundle.save(path)
    assert path.parent.read_text() == "in the way"


@pytest.mark.parametrize("name", ["0/encoder.onnx", "0/rows.npy", MANIFEST])
def test_altered_or_missing_member(bundle, name):
    found = contents(bundle)
    altered = found[name].replace(b"1", b"2") if name == MANIFEST else found[name][:-1] + b"!"
    with pytest.raises(BundleRejectedError):
        read(packed({**found, name: altered}.items()))
    with pytest.raises(BundleRejectedError):
        read(packed((key, value) for key, value in found.items() if key != name))


@pytest.mark.parametrize("name", ["1/encoder.onnx", "0/", "0/encoder.ONNX"])
def test_unlisted_member(bundle, name):
    with pytest.raises(BundleRejectedError, match=re.escape(name)):
        read(packed([*contents(bundle).items(), (name, b"")]))


@pytest.mark.parametrize("name", ["0/encoder.onnx", MANIFEST])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_duplicated_member(bundle, name):
    found = contents(bundle)
    with pytest.raises(BundleRejectedError, match="twice"):
        read(packed([*found.items(), (name, found[name])]))


@pytest.mark.parametrize(
    "name", ["../x", "/x", "a/../x", "a//x", "C:\\x", ".hidden", "a b", "ä", "a/", "", "x\n"]
)
def test_name_that_is_no_plain_relative_path(manifest, members, name):
    with pytest.raises(BundleRejectedError):
        write(manifest, {**members, name: b""})


def test_truncated_anywhere(bundle):
    for length in range(0, len(bundle.content), 7):
        with pytest.raises(BundleRejectedError):
            read(bundle.content[:length])


def test_flipped_bits_are_rejected_or_carry_nothing(bundle):
    source = random.Random(0)
    rejected = 0
    for _ in range(600):
        content = bytearray(bundle.content)
        for _ in range(source.choice((1, 1, 1, 4))):
            content[source.randrange(len(content))] ^= 1 << source.randrange(8)
        try:
            found = read(bytes(content))
        except BundleRejectedError:
            rejected += 1
        else:
            assert found.manifest == bundle.manifest
            assert found.members == bundle.members
    assert rejected > 300


@pytest.mark.parametrize("content", [b"", b"PK", b"no zip at all" * 100, b"PK\5\6" + bytes(18)])
def test_no_zip_or_an_empty_one(content):
    with pytest.raises(BundleRejectedError):
        read(content)


def test_too_many_members(bundle):
    extra = ((f"{number}", b"") for number in range(archive.MOST_MEMBERS))
    with pytest.raises(BundleRejectedError, match="1003 members"):
        read(packed([*contents(bundle).items(), *extra], zipfile.ZIP_STORED))


def test_too_large_when_inflated(bundle, monkeypatch):
    monkeypatch.setattr(archive, "MOST_BYTES", 1 << 20)
    bomb = packed([*contents(bundle).items(), ("bomb", bytes(2 << 20))])
    assert len(bomb) < 10_000
    with pytest.raises(BundleRejectedError, match="at most 1000 and 1048576"):
        read(bomb)


def test_member_that_inflates_to_more_than_promised(bundle):
    bomb = packed([*contents(bundle).items(), ("bomb", bytes(2 << 20))])
    honest, lie = (size.to_bytes(4, "little") for size in (2 << 20, 5))
    assert bomb.count(honest) == 2  # in the member's own header and in the directory
    with pytest.raises(BundleRejectedError):
        read(bomb.replace(honest, lie))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_inflate_without_bound(bundle, method):
    with pytest.raises(BundleRejectedError, match=f"method {method}"):
        read(packed(contents(bundle).items(), method))


def test_encrypted_member(bundle):
    content = bytearray(bundle.content)
    content[content.index(b"PK\1\2") + 8] |= 1
    with pytest.raises(BundleRejectedError, match="encrypted"):
        read(bytes(content))
