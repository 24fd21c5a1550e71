"""What was agreed with a backend, over a restart while it is away."""

import pytest

from obfnet.edge import agreement
from obfnet.edge.message import Agreed
from obfnet.errors import BackendUnavailableError, DeviceStateError, ProtocolError
from obfnet.wire.transport import Limits

AWAY = "http://127.0.0.1:9"
ONCE = Limits(attempts=1)


@pytest.mark.parametrize("agreed", [Agreed("x"), Agreed("ä", binary=False, most=1)])
def test_it_is_kept(tmp_path, agreed):
    path = tmp_path / "agreed.json"
    assert agreement.load(path) is None
    agreement.save(agreed, path)
    assert agreement.load(path) == agreed


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{}", '{"input": "x", "more": 1}', '{"input": "", "binary": true}'),
        *('{"input": "x", "binary": 1}', '{"input": "x", "most": 1.5}', '{"input": 1}'),
    ],
)
def test_a_damaged_one_is_an_error(tmp_path, text):
    path = tmp_path / "agreed.json"
    path.write_text(text)
    with pytest.raises(DeviceStateError, match="remove it"):
        agreement.load(path)


def test_a_client_starts_with_it_while_the_backend_is_away(connect, codebook, samples):
    client = connect(codebook, AWAY, ONCE)
    with pytest.raises(BackendUnavailableError):
        client.connect()
    with pytest.raises(BackendUnavailableError):
        client.prepare(samples[0])
    assert client.connect(Agreed("x")) == Agreed("x")
    assert client.prepare(samples[0]).obfuscated


def test_a_backend_that_is_there_is_asked(connect, codebook, backend):
    assert connect(codebook, backend).connect(Agreed("other")) == Agreed("x")
    with pytest.raises(ProtocolError, match="is this the InfNet"):
        connect(codebook, backend, model="wide").connect(Agreed("x"))
