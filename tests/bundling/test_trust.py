"""Attackers between forge and device, in memory: each has some power, none gets a bundle in."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from obfnet.bundling import signature as signatures
from obfnet.bundling.archive import MANIFEST, read, write
from obfnet.bundling.container import join, packed, split
from obfnet.bundling.keys import PublicKey, Rotation, SigningKey, rotate
from obfnet.bundling.signature import MEMBER, sign
from obfnet.bundling.trust import accepted, trusting, verify
from obfnet.errors import (
    BundleExpiredError,
    BundleMisdirectedError,
    BundleRejectedError,
    BundleRolledBackError,
    BundleUnsignedError,
    BundleUntrustedError,
    SpecError,
    StorageError,
)

NOW = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.fixture
def trust(key):
    return trusting(key.public, device="device-0", infnet="d" * 64)


def members_of(bundle):
    return {each.name: each for each in split(bundle.content, 1000, 1 << 30)}


def joined(members):
    return join(list(members.values()))


def test_a_signed_bundle_is_taken(signed, trust, members):
    bundle = verify(signed.content, trust, NOW)
    assert bundle.members == members


def test_who_strips_the_signature(signed, bundle, trust):
    stripped = members_of(signed)
    del stripped[MEMBER]
    for content in (joined(stripped), bundle.content):
        with pytest.raises(BundleUnsignedError, match="not signed"):
            verify(content, trust, NOW)


def test_who_signs_with_a_key_of_their_own(manifest, members, trust):
    with pytest.raises(BundleUntrustedError):
        verify(write(manifest, members, SigningKey.new()).content, trust, NOW)


def test_who_puts_a_trusted_name_on_their_own_signature(manifest, members, key, trust):
    mine = write(manifest, members, SigningKey.new())
    parts = members_of(mine)
    theirs = replace(sign(parts[MANIFEST], SigningKey.new()), key=key.public)
    parts[MEMBER] = packed(MEMBER, signatures.encode(theirs), deflate=False)
    with pytest.raises(BundleUnsignedError, match="not of this manifest"):
        verify(joined(parts), trust, NOW)


def test_who_swaps_a_weaker_obfnet_in(manifest, members, key, trust):
    """Everything but the signature is made anew, as a forge would."""
    weaker = write(manifest, {**members, "0/encoder.onnx": b"leaks everything"})
    parts = members_of(weaker)
    parts[MEMBER] = members_of(write(manifest, members, key))[MEMBER]
    order = [MANIFEST, MEMBER, *(name for name in parts if name not in (MANIFEST, MEMBER))]
    with pytest.raises(BundleUnsignedError, match="not of this manifest"):
        verify(join([parts[name] for name in order]), trust, NOW)


def test_who_packs_the_manifest_another_way(signed, trust):
    """It unpacks to what was signed, and is not the file that was signed."""
    parts = members_of(signed)
    plain = parts[MANIFEST].unpack()
    assert len(parts[MANIFEST].stream) < len(plain)
    parts[MANIFEST] = packed(MANIFEST, plain, deflate=False)
    with pytest.raises(BundleUnsignedError, match="not of this manifest"):
        verify(joined(parts), trust, NOW)


def test_who_lets_the_manifest_inflate_without_end(signed, trust):
    parts = members_of(signed)
    bomb = packed(MANIFEST, bytes(8 << 20))
    for size in (bomb.size, 100):
        parts[MANIFEST] = replace(bomb, size=size)
        parts[MEMBER] = packed(
            MEMBER, signatures.encode(sign(bomb, SigningKey.new())), deflate=False
        )
        with pytest.raises(BundleRejectedError):
            verify(joined(parts), trust, NOW)


def test_who_swaps_a_member_only(signed, trust):
    parts = members_of(signed)
    parts["0/rows.npy"] = packed("0/rows.npy", b"others" * 50)
    with pytest.raises(BundleRejectedError, match="differ from the manifest"):
        verify(joined(parts), trust, NOW)


def test_who_leaves_a_member_out(signed, trust):
    parts = members_of(signed)
    del parts["0/rows.npy"]
    with pytest.raises(BundleRejectedError, match="differ from the manifest"):
        verify(joined(parts), trust, NOW)


def test_who_mixes_two_signed_bundles(manifest, members, key, trust):
    one = members_of(write(manifest, members, key))
    other = members_of(write(manifest, {**members, "0/rows.npy": b"other rows"}, key))
    for name in (MANIFEST, MEMBER, "0/rows.npy"):
        with pytest.raises(BundleRejectedError):
            verify(joined({**one, name: other[name]}), trust, NOW)


def test_who_replays_an_older_version(manifest, members, key, trust):
    current = verify(write(manifest, members, key).content, trust, NOW)
    after = accepted(current, trust)
    assert after.least_version == 3
    assert verify(current.content, after, NOW).manifest == current.manifest
    older = write(replace(manifest, version=2), members, key)
    with pytest.raises(BundleRolledBackError, match="version 2, this device has had 3"):
        verify(older.content, after, NOW)


def test_who_sends_another_devices_bundle(manifest, members, key, trust):
    other = write(replace(manifest, device="device-1"), members, key)
    with pytest.raises(BundleMisdirectedError, match="device-1"):
        verify(other.content, trust, NOW)


def test_who_sends_a_bundle_for_another_infnet(manifest, members, key, trust):
    other = write(replace(manifest, infnet="e" * 64), members, key)
    with pytest.raises(BundleMisdirectedError, match="eeee"):
        verify(other.content, trust, NOW)


def test_who_holds_updates_back(signed, trust):
    with pytest.raises(BundleExpiredError, match="expired"):
        verify(signed.content, trust, datetime(2028, 1, 1, tzinfo=UTC))


def test_who_turns_the_clock_back(signed, trust):
    """A clock before the day of issue is wrong, and cannot tell that a bundle has expired."""
    with pytest.raises(BundleExpiredError, match="clock"):
        verify(signed.content, trust, datetime(1970, 1, 1, tzinfo=UTC))
    little = datetime.fromisoformat(signed.manifest.issued) - timedelta(minutes=5)
    assert verify(signed.content, trust, little)


def test_a_bundle_without_expiry(manifest, members, key, trust):
    for_ever = write(replace(manifest, expires=""), members, key)
    assert verify(for_ever.content, trust, datetime(2100, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("time", ["tomorrow", "2027-01-01", "2027-01-01T00:00:00", ""])
def test_times_have_a_zone(manifest, time):
    with pytest.raises(SpecError, match="expected a time"):
        replace(manifest, issued=time)


def test_the_old_key_hands_over_to_the_new_one(manifest, members, key, trust):
    new, newest = SigningKey(bytes(32)), SigningKey(b"\1" * 32)
    chain = [rotate(key, new.public), rotate(new, newest.public)]
    once = write(manifest, members, new, chain[:1])
    after = accepted(verify(once.content, trust, NOW), trust)
    assert after.keys == {new.public}
    # The device has followed: what the old key signs is worth nothing any more.
    with pytest.raises(BundleUntrustedError):
        verify(write(manifest, members, key).content, after, NOW)
    twice = write(manifest, members, newest, chain)
    for state in (trust, after):  # one device missed the first hand-over, one did not
        assert accepted(verify(twice.content, state, NOW), state).keys == {newest.public}


def test_who_forges_a_rotation(manifest, members, key, trust):
    thief = SigningKey.new()
    mine = rotate(thief, thief.public)
    forged = Rotation(key.public, thief.public, mine.signature)
    assert not forged.valid
    with pytest.raises(SpecError, match="rotations"):
        write(manifest, members, thief, [forged])
    parts = members_of(write(manifest, members, thief))
    found = signatures.encode(replace(sign(parts[MANIFEST], thief), rotations=(forged,)))
    parts[MEMBER] = packed(MEMBER, found, deflate=False)
    with pytest.raises(BundleUntrustedError):
        verify(joined(parts), trust, NOW)


def test_who_breaks_the_chain(manifest, members, key, trust):
    """A real rotation to another key, put before the thief's own."""
    thief, honest = SigningKey.new(), SigningKey.new()
    parts = members_of(write(manifest, members, thief))
    chain = (rotate(key, honest.public), rotate(thief, thief.public))
    found = signatures.encode(replace(sign(parts[MANIFEST], thief), rotations=chain))
    parts[MEMBER] = packed(MEMBER, found, deflate=False)
    with pytest.raises(BundleUntrustedError):
        verify(joined(parts), trust, NOW)


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"null", b'{"key":1}', b"\xff", b"[" * 10_000, b" " * 20_000]
)
def test_a_signature_that_cannot_be_read(signed, trust, content):
    parts = members_of(signed)
    parts[MEMBER] = packed(MEMBER, content, deflate=False)
    with pytest.raises(BundleRejectedError):
        verify(joined(parts), trust, NOW)


def test_ten_thousand_fuzzed_bundles(signed, trust):
    """Bit flips, truncations, and edits as a zip tool would make them: not one is taken."""
    source = random.Random(0)
    listed = list(members_of(signed).values())

    def flipped():
        content = bytearray(signed.content)
        for _ in range(source.choice((1, 1, 2, 8))):
            content[source.randrange(len(content))] ^= 1 << source.randrange(8)
        return bytes(content)

    def cut():
        start = source.randrange(len(signed.content))
        length = source.randrange(1, 64)
        return signed.content[:start] + signed.content[start + length :]

    def grown():
        start = source.randrange(len(signed.content) + 1)
        return signed.content[:start] + source.randbytes(source.randrange(1, 64)) + (
            signed.content[start:]
        )  # fmt: skip

    def edited():
        members = list(listed)
        place = source.randrange(len(members))
        choice = source.randrange(4)
        if choice == 0:
            del members[place]
        elif choice == 1:
            members[place] = packed(members[place].name, source.randbytes(50), deflate=False)
        elif choice == 2:
            members.insert(place, packed(f"x{source.randrange(99)}", source.randbytes(9)))
        else:
            other = (place + source.randrange(1, len(members))) % len(members)
            swapped = replace(members[place], name=members[other].name)
            members[other] = replace(members[other], name=members[place].name)
            members[place] = swapped
        return join(members)

    for number in range(10_000):
        content = (flipped, flipped, cut, grown, edited)[number % 5]()
        if content == signed.content:  # the flips undid one another
            continue
        with pytest.raises(BundleRejectedError):
            verify(content, trust, NOW)


def test_keys_are_kept_and_found_again(tmp_path, key):
    path = tmp_path / "forge.key"
    key.save(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert SigningKey.load(path) == key
    assert PublicKey.from_hex(str(key.public)) == key.public
    assert key.seed.hex() not in repr(key)
    with pytest.raises(StorageError, match="exists"):
        SigningKey.new().save(path)
    assert SigningKey.load(path) == key


def test_what_is_no_key(tmp_path):
    path = tmp_path / "forge.key"
    path.write_text("not hex")
    with pytest.raises(SpecError, match="no signing key"):
        SigningKey.load(path)
    with pytest.raises(SpecError, match="no public key"):
        PublicKey.from_hex("zz")
    for kind in (SigningKey, PublicKey):
        with pytest.raises(SpecError, match="32 bytes, got 3"):
            kind(b"abc")


def test_reading_does_not_check_and_says_so(manifest, members):
    """``read`` is for people who look; only ``verify`` answers whether a device may use it."""
    mine = write(manifest, members, SigningKey.new())
    assert read(mine.content).signature is not None
