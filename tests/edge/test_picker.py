"""A pinned device releases a repeat again, as its certificate says; others choose otherwise."""

from collections import Counter

import numpy as np
import pytest

from obfnet.edge.device_key import DeviceKey
from obfnet.edge.message import Agreed
from obfnet.edge.obfuscator import obfuscators
from obfnet.edge.picker import pinned, random
from obfnet.mechanisms.entropy import system

AGREED = Agreed("x")
KEY, OTHER = DeviceKey(bytes(32)), DeviceKey(bytes(31) + b"\1")
MECHANISMS = {
    "codebook": {"codes": 3},
    "randomised-codebook": {"codes": 3, "epsilon": 1.0},
    "gaussian": {"size": 4, "radius": 1.0, "sigma": 0.25},
    "randomised-bits": {"bits": 4, "flip": 0.25},
}


def set_of(make, mechanism, count=4):
    """A set of this mechanism whose ObfNets differ."""
    if mechanism.endswith("codebook"):
        members = [(mechanism, make.encoder, make.npy(make.rows(each))) for each in range(count)]
    else:
        members = [(mechanism, make.flat, make.halving(0.5 + each / 8)) for each in range(count)]
    return make.bundle(*members, arguments=MECHANISMS[mechanism])


def bodies(client, samples):
    return [client.prepare(sample).body for sample in samples]


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_a_repeat_sends_the_same_bytes(mechanism, make, connect, samples):
    bundle = set_of(make, mechanism)

    def client(key):
        return connect(bundle, "http://nobody", agreed=AGREED, picker=pinned(key))

    sent = bodies(client(KEY), samples)
    assert bodies(client(KEY), samples[::-1])[::-1] == sent  # after a restart, in another order
    assert client(KEY).prepare_batch(samples).body.endswith(b"".join(body[-16:] for body in sent))
    assert bodies(client(OTHER), samples) != sent


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_a_random_picker_does_not(mechanism, make, connect, samples):
    client = connect(set_of(make, mechanism), "http://nobody", agreed=AGREED)
    # Four ObfNets at least: 60 draws are all alike with probability 4^-59.
    assert len(set(bodies(client, [samples[0]] * 60))) > 1


def picks(picker, members, samples):
    return [picker(members, sample[None]).obfuscator for sample in samples]


@pytest.fixture(scope="module")
def members(four_codebooks):
    return obfuscators(four_codebooks)


@pytest.fixture(scope="module")
def many():
    return np.random.default_rng(1).random((1200, 1, 2, 2), dtype=np.float32)


def test_every_obfnet_takes_as_many_samples_and_devices_choose_independently(members, many):
    ours, theirs = (picks(pinned(key), members, many) for key in (KEY, OTHER))
    # Binomial(1200, 1/4), standard deviation 15; agreement of two devices likewise.
    assert all(abs(count - 300) < 75 for count in Counter(map(id, ours)).values())
    assert abs(sum(a is b for a, b in zip(ours, theirs, strict=True)) - 300) < 75


def test_an_update_moves_only_the_samples_of_what_it_replaces(members, many, make):
    (new,) = obfuscators(make.codebooks(1, first=7))
    before = picks(pinned(KEY), members, many)
    after = picks(pinned(KEY), [*members[:3], new], many)
    for old, now in zip(before, after, strict=True):
        assert now is old or old is members[3] or now is new
    again = obfuscators(make.codebooks(4, version=7))  # the same ObfNets in a new bundle
    chosen = [again.index(each) for each in picks(pinned(KEY), again, many)]
    assert chosen == [members.index(each) for each in before]


def test_noise_is_of_key_sample_and_obfnet(members, samples):
    def noise(key, member, sample):
        return tuple(pinned(key)([member], sample[None]).noise((4,)))

    first = noise(KEY, members[0], samples[0])
    assert noise(KEY, members[0], samples[0]) == first
    others = {
        noise(OTHER, members[0], samples[0]),
        noise(KEY, members[1], samples[0]),
        noise(KEY, members[0], samples[1]),
    }
    assert len(others | {first}) == 4


def test_noise_is_not_what_draws_the_exemplar(members, samples):
    pick = pinned(KEY, exemplars=True)(members, samples[:1])
    assert tuple(pick.noise((4,))) != tuple(pick.draw((4,)))


def test_one_form_of_zero(members):
    plus = np.zeros((1, 1, 2, 2), np.float32)
    for picker in (pinned(KEY), pinned(OTHER)):
        one, other = picker(members, plus), picker(members, -plus)
        assert one.obfuscator is other.obfuscator
        assert tuple(one.noise((2,))) == tuple(other.noise((2,)))


def test_the_sample_comes_back_as_it_was(members):
    sample = -np.zeros((1, 1, 2, 2), np.float32)
    sample.flags.writeable = False
    pinned(KEY)(members, sample)
    assert np.signbit(sample).all()


@pytest.mark.parametrize("exemplars", [False, True])
def test_exemplars_are_fresh_unless_pinned_too(exemplars, make, connect, samples):
    table = np.concatenate([make.rows(number) for number in range(4)], axis=1)
    bundle = make.bundle(("codebook", make.encoder, make.npy(table)))
    picker = pinned(KEY, exemplars=exemplars)
    client = connect(bundle, "http://nobody", agreed=AGREED, picker=picker)
    sent = [client.prepare(samples[0]).body for _ in range(60)]
    rows = [np.frombuffer(body[-16:], "<f4") for body in sent]
    assert len({tuple(row[:3]) for row in rows}) == 1  # always the same code
    assert len(set(sent)) == 1 if exemplars else len(set(sent)) == 4
    drawn = Counter(client.prepare(sample).body[-4:] for sample in samples)
    assert len(drawn) == 4  # and other samples draw others


def test_random_takes_the_systems_generator(members, samples):
    pick = random(members, samples[:1])
    assert pick.noise is pick.draw is system
