"""A bundle is read exactly as it was written, or rejected with one type of error."""

import io
import random
import re
import zipfile
from dataclasses import replace

import pytest

from obfnet.bundling.archive import MANIFEST, Limits, open_bundle, read, write
from obfnet.bundling.container import Packed, join, packed, split
from obfnet.errors import BundleRejectedError, SpecError, StorageError


def contents(bundle):
    with zipfile.ZipFile(io.BytesIO(bundle.content)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def zipped(entries, method=zipfile.ZIP_DEFLATED):
    """The same content by somebody else's zip."""
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


def test_any_tool_unpacks_it(bundle, members):
    found = contents(bundle)
    assert {name: found[name] for name in members} == members
    with zipfile.ZipFile(io.BytesIO(bundle.content)) as opened:
        assert opened.testzip() is None


def test_only_its_own_form_is_read(bundle):
    """The same content by another zip, with a comment, or with something in front or behind."""
    with pytest.raises(BundleRejectedError, match="changed after it was written"):
        read(zipped(contents(bundle).items()))
    commented = bundle.content[:-2] + b"\3\0abc"
    assert zipfile.ZipFile(io.BytesIO(commented)).comment == b"abc"
    for content in (commented, b"abc" + bundle.content, bundle.content + b"abc"):
        with pytest.raises(BundleRejectedError):
            read(content)


def members_of(bundle):
    return split(bundle.content, 1000, 1 << 30)


@pytest.mark.parametrize("name", ["0/encoder.onnx", "0/rows.npy", MANIFEST])
def test_altered_or_missing_member(bundle, name):
    listed = members_of(bundle)
    content = contents(bundle)[name]
    changed = packed(name, content.replace(b"1", b"2"), deflate=name != MANIFEST)
    if name != MANIFEST:
        changed = packed(name, content[:-1] + b"!")
    for others in (
        [changed if each.name == name else each for each in listed],
        [each for each in listed if each.name != name],
    ):
        with pytest.raises(BundleRejectedError):
            read(join(others))


@pytest.mark.parametrize("name", ["1/encoder.onnx", "0/encoder.ONNX"])
def test_unlisted_member(bundle, name):
    with pytest.raises(BundleRejectedError, match=re.escape(name)):
        read(join([*members_of(bundle), packed(name, b"")]))


def test_duplicated_member(bundle):
    listed = members_of(bundle)
    with pytest.raises(BundleRejectedError, match="same name"):
        join([*listed, listed[-1]])
    twin = join([*listed, packed("0/rows.np_", b"")]).replace(b"0/rows.np_", b"0/rows.npy")
    with pytest.raises(BundleRejectedError, match="same name"):
        read(twin)


def test_a_member_packed_another_way_is_another_file(bundle):
    """Stored instead of deflated unpacks to the same, and is not what was signed."""
    stored = [packed(e.name, contents(bundle)[e.name], deflate=False) for e in members_of(bundle)]
    with pytest.raises(BundleRejectedError, match="differ from the manifest"):
        read(join(stored))


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


def test_flipped_bits_are_rejected(bundle):
    source = random.Random(0)
    for _ in range(2000):
        content = bytearray(bundle.content)
        content[source.randrange(len(content))] ^= 1 << source.randrange(8)
        with pytest.raises(BundleRejectedError):
            read(bytes(content))


@pytest.mark.parametrize("content", [b"", b"PK", b"no zip at all" * 100, b"PK\5\6" + bytes(18)])
def test_no_zip_or_an_empty_one(content):
    with pytest.raises(BundleRejectedError):
        read(content)


def test_too_many_members(bundle):
    extra = [packed(f"{number}", b"") for number in range(1000)]
    with pytest.raises(BundleRejectedError, match="more than 1000 members"):
        read(join([*members_of(bundle), *extra]))


def test_too_large_when_inflated(bundle):
    bomb = join([*members_of(bundle), packed("bomb", bytes(2 << 20))])
    assert len(bomb) < 10_000
    with pytest.raises(BundleRejectedError, match="or 1048576 bytes unpacked"):
        read(bomb, Limits(bytes=1 << 20))
    with pytest.raises(BundleRejectedError, match="expected at most 1000"):
        read(bomb, Limits(bytes=1000))


def test_member_that_inflates_to_more_than_promised():
    whole = packed("bomb", bytes(2 << 20))
    bomb = Packed("bomb", whole.method, whole.stream, whole.crc, 5)
    with pytest.raises(BundleRejectedError, match="not the 5 bytes promised"):
        bomb.unpack()


def test_a_large_manifest_is_not_parsed(manifest, members):
    with pytest.raises(BundleRejectedError, match="expected at most 100, stored"):
        read(write(manifest, members).content, Limits(manifest_bytes=100))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_inflate_without_bound(bundle, method):
    with pytest.raises(BundleRejectedError, match=f"method {method}"):
        read(zipped(contents(bundle).items(), method))
