"""JSON requests of samples have one length, and read back exactly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from obfnet.errors import ProtocolError
from obfnet.wire import decode_request
from obfnet.wire.fixed_width import encode_fixed_width

FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)
ZEROS = np.zeros((2, 1, 3), np.float32)


@given(arrays(np.float32, (2, 1, 3), elements=FINITE))
def test_every_value_reads_back_and_none_changes_the_length(samples):
    headers, body = encode_fixed_width("x", samples)
    (tensor,) = decode_request(body).inputs
    assert (tensor.name, tensor.datatype, tensor.shape) == ("x", "FP32", (2, 1, 3))
    np.testing.assert_array_equal(tensor.data, samples)
    assert headers == {"Content-Type": "application/json"}
    assert len(body) == len(encode_fixed_width("x", ZEROS)[1])


def test_a_name_that_looks_like_the_frame():
    (tensor,) = decode_request(encode_fixed_width('"here"', ZEROS)[1]).inputs
    assert tensor.name == '"here"'


def test_answers_are_asked_for_in_json():
    assert not decode_request(encode_fixed_width("x", ZEROS)[1]).binary_output


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_json_cannot_carry(value):
    with pytest.raises(ProtocolError, match="NaN or infinity"):
        encode_fixed_width("x", np.full((1, 2), value, np.float32))
