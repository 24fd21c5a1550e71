"""Real TLS on loopback: who is not believed is sent nothing, and is not asked again."""

import ssl
import traceback
from contextlib import ExitStack

import pytest

from certificates import Authority
from listeners import Scripted, good_answer, http_answer
from obfnet.errors import (
    BackendDeniedError,
    BackendUnavailableError,
    BackendUntrustedError,
    MessageRefusedError,
    SpecError,
    TokenUnavailableError,
)
from obfnet.wire import encode_error
from obfnet.wire.tls import Tls
from obfnet.wire.transport import Limits, Transport

QUICK = Limits(timeout=10, attempts=3, backoff=0.001)
PATH, BODY = "/v2/models/infnet/infer", b"any bytes at all"
GOOD = good_answer(1).partition(b"\r\n\r\n")[2]


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("stranger"), "stranger")


@pytest.fixture
def world():
    """``world.serve(context)`` and ``world.connect(url, ...)`` end with the test."""
    with ExitStack() as stack:

        class World:
            @staticmethod
            def serve(context=None):
                return stack.enter_context(Scripted(context))

            @staticmethod
            def connect(url, **options):
                made = Transport(url, QUICK, **options)
                stack.callback(made.close)
                return made

        yield World


def test_a_pinned_authority_is_believed_and_the_connection_is_kept(world, authority):
    backend = world.serve(authority.serving())
    client = world.connect(backend.url, tls=Tls(authority.file))
    for _ in range(5):
        assert client.post(PATH, {}, BODY).body == GOOD
    assert len(backend.posts) == 5
    assert backend.connections == 1
    assert len(set(backend.posts)) == 1


def test_another_connection_believes_the_same(world, authority):
    backend = world.serve(authority.serving())
    client = world.connect(backend.url, tls=Tls(authority.file), token="abc")
    other = client.another()
    assert client.get("/").body == other.get("/").body
    other.close()
    assert backend.connections == 2
    assert len(set(backend.requests)) == 1


def test_a_backend_that_hung_up_while_idle_costs_no_attempt(world, authority):
    backend = world.serve(authority.serving())
    client = world.connect(backend.url, tls=Tls(authority.file))
    backend.hangs_up = True
    for _ in range(3):
        assert client.post(PATH, {}, BODY).body == GOOD
        backend.wait_until_closed()
    assert (len(backend.posts), backend.connections) == (3, 3)


@pytest.mark.parametrize("fault", ["stranger", "expired", "host", "system"])
def test_a_backend_that_is_not_believed_is_sent_nothing(fault, world, authority, stranger):
    signer = stranger if fault == "stranger" else authority
    name = "other.example" if fault == "host" else "127.0.0.1"
    backend = world.serve(signer.serving(name, expired=fault == "expired"))
    tls = None if fault == "system" else Tls(authority.file)
    client = world.connect(backend.url, tls=tls, token="secret-token")
    with pytest.raises(BackendUntrustedError, match="not believed") as caught:
        client.post(PATH, {}, BODY)
    assert (backend.received, backend.connections) == (b"", 1)
    assert "secret-token" not in str(caught.value)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_mutual_tls(version, world, authority, stranger):
    context = authority.serving(clients=authority, versions=(version, version))
    backend = world.serve(context)
    own = Tls(authority.file, *authority.issue("device-0"))
    assert world.connect(backend.url, tls=own).post(PATH, {}, BODY).body == GOOD
    before = backend.received
    for wrong in ((), stranger.issue("device-0")):
        client = world.connect(backend.url, tls=Tls(authority.file, *wrong))
        with pytest.raises(BackendDeniedError, match="client's certificate"):
            client.post(PATH, {}, BODY)
    assert backend.received == before


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # that we ask for an old version
def test_an_old_version_of_tls_is_refused(world, authority):
    old = ssl.TLSVersion.TLSv1_1
    backend = world.serve(authority.serving(versions=(old, old)))
    client = world.connect(backend.url, tls=Tls(authority.file))
    with pytest.raises((BackendUntrustedError, BackendDeniedError)):
        client.post(PATH, {}, BODY)
    assert backend.received == b""
    assert Tls().context().minimum_version == ssl.TLSVersion.TLSv1_2


def test_a_backend_without_tls_is_told_apart(world, authority):
    backend = world.serve()
    backend.answers = [http_answer({}, b"")]
    url = backend.url.replace("http:", "https:")
    with pytest.raises((BackendUntrustedError, BackendUnavailableError)):
        world.connect(url, tls=Tls(authority.file)).post(PATH, {}, BODY)
    assert BODY not in backend.received


def test_nothing_of_the_environment_logs_the_keys(world, authority, tmp_path, monkeypatch):
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    backend = world.serve(authority.serving())
    world.connect(backend.url, tls=Tls(authority.file)).post(PATH, {}, BODY)
    assert not (tmp_path / "keys").exists()


def test_files_that_cannot_be_used(authority, stranger, tmp_path):
    certificate, key = authority.issue()
    _, other = authority.issue()
    locked = authority.issue(password=b"word")
    for tls in (
        Tls(tmp_path / "absent.pem"),
        Tls(key),
        Tls(authority.file, certificate),
        Tls(authority.file, certificate, other),
        Tls(authority.file, *locked),
    ):
        with pytest.raises(SpecError, match="cannot be used"):
            Transport("https://backend", QUICK, tls=tls)
    with pytest.raises(SpecError, match="no certificate"):
        Tls(key=key)
    with pytest.raises(SpecError, match="expected https"):
        Transport("http://backend", QUICK, tls=Tls(authority.file))


def test_the_token_is_fetched_for_each_request_and_stands_in_one_place(world):
    backend = world.serve()
    tokens = iter(["one", "two"])
    client = world.connect(backend.url, token=lambda: next(tokens))
    client.post(PATH, {"Content-Type": "text/plain"}, BODY)
    backend.answers = [None]  # a retry sends the same bytes, token included
    client.post(PATH, {"Content-Type": "text/plain"}, BODY)
    one, two, again = backend.posts
    assert b"\r\nAuthorization: Bearer one\r\n" in one
    assert two == again == one.replace(b"one", b"two")


SECRET = "very-secret.token"


def failing():
    raise RuntimeError(f"cannot refresh {SECRET}")


@pytest.mark.parametrize(
    "source",
    [failing, "", f"{SECRET}\n", f"{SECRET}\r\nX: y", f"a {SECRET}", lambda: None, lambda: b"t"],
)
def test_a_token_that_is_none_sends_nothing_and_is_not_shown(source, world):
    backend = world.serve()
    with pytest.raises(TokenUnavailableError) as caught:
        world.connect(backend.url, token=source).post(PATH, {}, BODY)
    assert backend.received == b""
    shown = "".join(traceback.format_exception(caught.value))
    assert SECRET not in shown


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden", "400 Bad", "503 Busy"])
def test_what_a_backend_quotes_of_the_token_is_hidden(status, world):
    backend = world.serve()
    backend.answers = [http_answer(*encode_error(f"bad: Bearer {SECRET}"), status)] * 3
    expected = {"4": BackendDeniedError, "5": BackendUnavailableError}[status[0]]
    expected = MessageRefusedError if status.startswith("400") else expected
    client = world.connect(backend.url, token=SECRET)
    with pytest.raises(expected, match=r"\*\*\*") as caught:
        client.post(PATH, {}, BODY)
    assert SECRET not in str(caught.value)
    assert SECRET not in repr(client)


def test_a_token_goes_only_where_nobody_can_read_it():
    for url in ("http://backend", "http://192.0.2.1:8000", "http://localhost.example"):
        with pytest.raises(SpecError, match="could read the token") as caught:
            Transport(url, QUICK, token=SECRET)
        assert SECRET not in str(caught.value)
    for url in ("https://backend", "http://localhost:1", "http://127.0.0.2", "http://[::1]:8000"):
        Transport(url, QUICK, token=SECRET).close()
