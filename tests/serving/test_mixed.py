"""Many different requests at once: everyone gets exactly its own rows, id and errors."""

import asyncio

import numpy as np
import pytest
from httpx import ASGITransport, AsyncClient
from hypothesis import given, settings
from hypothesis import strategies as st

from obfnet.serving import Settings, create_app
from obfnet.wire import (
    HEADER_LENGTH,
    InferRequest,
    RequestedOutput,
    Tensor,
    decode_response,
    encode_request,
)

FP32, FP16, INT64 = np.float32, np.float16, np.int64
#: By model and version: input, its type, its columns (0: any) and what it makes of it.
MODELS = {
    ("double", "1"): ("x", FP32, 4, {"y": lambda x: x * 2, "z": lambda x: -x}),
    ("double", "2"): ("x", FP32, 4, {"y": lambda x: x * 4, "z": lambda x: -x}),
    ("double", ""): ("x", FP32, 4, {"y": lambda x: x * 20, "z": lambda x: -x}),
    ("free", ""): ("x", FP32, 0, {"y": lambda x: x * 2, "z": lambda x: -x}),
    ("half", ""): ("x", FP16, 4, {"y": lambda x: x + x}),
    ("lookup", ""): ("i", INT64, None, {"y": lambda i: (i**2).astype(FP32)}),
    ("kept", ""): ("x", FP32, None, {"y": lambda x: x[x > 0]}),
}


@st.composite
def asked(draw):
    """A model, its version, a tensor, the outputs wanted and whether each goes in binary."""
    model = draw(st.sampled_from(sorted(MODELS)))
    name, dtype, columns, outputs = MODELS[model]
    shape = [draw(st.integers(0, 6))]
    if columns is not None:
        shape.append(columns or draw(st.integers(1, 3)))
    least, most = (0, 10) if dtype is INT64 else (-100, 100)  # 10 is more than lookup has
    values = st.integers(least, most)
    data = draw(st.lists(values, min_size=int(np.prod(shape)), max_size=int(np.prod(shape))))
    wanted = draw(
        st.permutations(sorted(outputs)).flatmap(lambda o: st.sampled_from([o, o[:1], []]))
    )
    forms = st.just(True) if dtype is FP16 else st.sampled_from([True, False, None])
    return model, Tensor(name, np.array(data, dtype).reshape(shape)), wanted, draw(forms)


@pytest.fixture(scope="module")
def apps(repository):
    return [create_app(Settings(repository, max_batch=8, batch_wait=wait)) for wait in (0, 0.005)]


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.lists(asked(), min_size=1, max_size=30), st.booleans())
def test_everyone_gets_its_own(apps, requests, waits):
    async def send(http, number, request):
        (model, version), tensor, wanted, binary = request
        outputs = tuple(RequestedOutput(name, binary) for name in wanted)
        sent = InferRequest((tensor,), outputs, f"id {number}", binary_output=model == "half")
        headers, body = encode_request(sent, binary=bool(binary) or model == "half")
        path = f"/v2/models/{model}" + (f"/versions/{version}" if version else "") + "/infer"
        response = await http.post(path, headers=headers, content=body)
        makes = MODELS[model, version][3]
        if model == "lookup" and (tensor.data > 9).any():
            assert response.status_code == 500
            assert "failed on this input" in response.json()["error"]
            return
        assert response.status_code == 200, response.text
        found = decode_response(response.content, response.headers.get(HEADER_LENGTH))
        assert (found.model_name, found.id) == (model, f"id {number}")
        assert [each.name for each in found.outputs] == list(wanted or makes)
        for each in found.outputs:
            expected = makes[each.name](tensor.data)
            assert each.data.dtype == expected.dtype
            np.testing.assert_array_equal(each.data, expected)

    async def everyone():
        transport = ASGITransport(apps[waits])
        async with AsyncClient(transport=transport, base_url="http://backend") as http:
            await asyncio.gather(*(send(http, *item) for item in enumerate(requests)))

    asyncio.run(everyone())
