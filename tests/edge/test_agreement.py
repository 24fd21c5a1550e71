"""What was agreed with a backend, over a restart while it is away."""

from dataclasses import replace

import pytest

from obfnet.edge import agreement
from obfnet.edge.message import Agreed
from obfnet.errors import BackendUnavailableError, DeviceStateError, ProtocolError
from obfnet.specs import SampleSpec
from obfnet.wire.transport import Limits

BACKEND = agreement.Backend("https://backend", "infnet", SampleSpec((1, 2, 2), 0.0, 1.0))
AWAY = "http://127.0.0.1:9"
ONCE = Limits(attempts=1)


@pytest.mark.parametrize("agreed", [Agreed("x"), Agreed("ä", binary=False, most=1)])
def test_it_is_kept(tmp_path, agreed):
    path = tmp_path / "agreed.json"
    assert agreement.load(BACKEND, path) is None
    agreement.save(agreed, BACKEND, path)
    assert agreement.load(BACKEND, path) == agreed


@pytest.mark.parametrize(
    "change",
    [
        {"url": "https://other"},
        {"model": "other"},
        {"sample": SampleSpec((1, 2, 2), 0.0, 2.0)},
        {"sample": SampleSpec((4,), 0.0, 1.0)},
    ],
)
def test_of_another_backend_nothing_is_known(tmp_path, change):
    path = tmp_path / "agreed.json"
    agreement.save(Agreed("x"), BACKEND, path)
    assert agreement.load(replace(BACKEND, **change), path) is None


def test_what_is_known_is_not_written_again(tmp_path):
    path = tmp_path / "agreed.json"
    agreement.keep(Agreed("x"), BACKEND, path)
    written = path.stat().st_ino
    agreement.keep(Agreed("x"), BACKEND, path)
    assert path.stat().st_ino == written
    agreement.keep(Agreed("y"), BACKEND, path)
    assert agreement.load(BACKEND, path) == Agreed("y")
    path.write_text("damaged")
    agreement.keep(Agreed("x"), BACKEND, path)
    assert agreement.load(BACKEND, path) == Agreed("x")


@pytest.mark.parametrize(
    "text",
    [
        *('{"input": "x", "more": 1}', '{"input": "", "binary": true}', '{"input": 1}', "[]"),
        *('{"input": "x", "binary": 1}', '{"input": "x", "most": 1.5}', "{}", "1"),
    ],
)
def test_a_damaged_one_is_an_error(tmp_path, text):
    path = tmp_path / "agreed.json"
    for whole in ("", "[]", "{}", text, f'{{"agreed": {text}, "backend": {{}}}}'):
        path.write_text(whole)
        with pytest.raises(DeviceStateError, match="remove it"):
            agreement.load(BACKEND, path)


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
