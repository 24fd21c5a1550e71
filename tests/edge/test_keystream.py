"""What a secret seed determines looks random, goes on, and is the same on every machine."""

from hashlib import shake_256

import numpy as np

from obfnet.edge.keystream import keystream


def test_it_is_the_same_for_one_seed_and_goes_on():
    first, again, other = keystream(b"a"), keystream(b"a"), keystream(b"b")
    values = first((3, 2)), first((3, 2))
    np.testing.assert_array_equal(values, (again((3, 2)), again((3, 2))))
    assert not np.array_equal(*values)
    assert not np.array_equal(values[0], other((3, 2)))


def test_it_is_shake_256_of_seed_and_call():
    stream = keystream(b"seed")
    stream((5,))
    word = int.from_bytes(shake_256(b"seed" + bytes(7) + b"\1").digest(8), "little")
    assert stream((1,))[0] == (word >> 11) / 2**53


def test_values_are_uniform():
    values = keystream(b"seed")((100_000,))
    assert (values.shape, values.dtype) == ((100_000,), np.float64)
    assert 0 <= values.min() < values.max() < 1
    counts = np.bincount((values * 20).astype(int), minlength=20)
    # Each is binomial(100000, 1/20), standard deviation 69.
    assert abs(counts - 5000).max() < 350
    assert keystream(b"")((0, 4)).shape == (0, 4)
