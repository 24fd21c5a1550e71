"""Who comes in: tokens and certificates, asked of everyone alike; and what is noted of it."""

import asyncio
import json
import logging
import ssl

import httpx
import numpy as np
import pytest

from certificates import Authority
from obfnet.errors import BackendDeniedError, BackendError, SpecError
from obfnet.serving import Settings, create_app, running
from obfnet.serving.door import read_tokens
from obfnet.wire import InferRequest, Tensor, encode_request
from obfnet.wire.tls import Tls
from obfnet.wire.transport import Limits, Transport

SECRET = 123456.789
HEADERS, BODY = encode_request(InferRequest((Tensor("x", np.full((1, 4), SECRET, np.float32)),)))


@pytest.fixture
def tokens(tmp_path):
    path = tmp_path / "tokens"
    path.write_text("first-token\n\n second/token== \n")
    return path


def ask(app, connect, *requests):
    async def send():
        async with connect(app) as http:
            return [await http.request(method, path, **more) for method, path, more in requests]

    return asyncio.run(send())


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (None, 401),
        ("Bearer first-token", 200),
        ("bearer second/token==", 200),
        ("Bearer first-toke", 401),
        ("Bearer first-token2", 401),
        ("Bearer", 401),
        ("Basic first-token", 401),
        ("first-token", 401),
    ],
)
def test_tokens(repository, tokens, client, authorization, status):
    app = create_app(Settings(repository, tokens=tokens))
    headers = {"Authorization": authorization} if authorization else {}
    post = {"headers": HEADERS | headers, "content": BODY}
    found = ask(
        app,
        client,
        ("GET", "/v2/models/double", {"headers": headers}),
        ("POST", "/v2/models/double/infer", post),
        ("GET", "/metrics", {"headers": headers}),
        ("GET", "/v2/health/ready", {}),
    )
    assert [each.status_code for each in found] == [status, status, status, 200]
    if status == 401:
        assert found[0].headers["www-authenticate"] == "Bearer"
        assert set(found[0].json()) == {"error"}


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"\n", "has 0 tokens"), (b"good\nb\xffd one\n", r"first is number \[2\]")],
)
def test_bad_tokens(tmp_path, content, says):
    path = tmp_path / "tokens"
    path.write_bytes(content)
    with pytest.raises(SpecError, match=says) as caught:
        read_tokens(path)
    assert "d one" not in str(caught.value)
    with pytest.raises(SpecError, match="No such file"):
        read_tokens(tmp_path / "none")


@pytest.fixture(scope="module")
def authorities(tmp_path_factory):
    return [Authority(tmp_path_factory.mktemp(name), name) for name in ("ours", "theirs")]


@pytest.mark.filterwarnings("ignore:.*TLSv1_1 is deprecated:DeprecationWarning")
def test_mutual_tls_with_a_token(repository, authorities, tokens):
    """The device's own transport, to a server that wants a certificate and a token."""
    ours, theirs = authorities
    certificate, key = ours.issue("127.0.0.1")
    settings = Settings(
        repository, port=0, certificate=certificate, key=key, clients=ours.file, tokens=tokens
    )
    limits = Limits(timeout=10, attempts=1)

    def status(issuer, token):
        tls = Tls(ours.file, *issuer.issue("device")) if issuer else Tls(ours.file)
        transport = Transport(url, limits, tls=tls, token=token)
        try:
            return len(transport.post("/v2/models/double/infer", HEADERS, BODY).body) > 0
        finally:
            transport.close()

    with running(settings) as url:
        assert url.startswith("https://127.0.0.1:")
        assert status(ours, "first-token")
        for token in ("another", None):
            with pytest.raises(BackendDeniedError):
                status(ours, token)
        for issuer in (theirs, None):  # whether the alert comes before the end is up to the loop
            with pytest.raises(BackendError):
                status(issuer, "first-token")
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.set_ciphers("DEFAULT@SECLEVEL=0")
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises(httpx.ConnectError):
            httpx.get(url, verify=old)
        with pytest.raises(httpx.TransportError):  # no TLS at all
            httpx.get(url.replace("https", "http"))


def test_tls_files_that_are_none(repository, tmp_path, authorities):
    certificate, key = authorities[0].issue(password=b"secret")
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("nothing")
    for files in ((certificate, key), (wrong, None), (tmp_path / "none.pem", None)):
        settings = Settings(repository, port=0, certificate=files[0], key=files[1])
        with pytest.raises(SpecError, match="TLS cannot be had"), running(settings):
            pass


def test_log_and_metrics_hold_no_values(repository, client, caplog, monkeypatch):
    app = create_app(Settings(repository, access_log=True))
    bad = BODY.replace(b"FP32", b"FP3\n")
    lookup = encode_request(InferRequest((Tensor("i", np.array([987654321])),)))
    posts = [
        ("POST", f"/v2/models/{model}/infer", {"headers": headers, "content": body})
        for model, headers, body in (
            ("double", HEADERS, BODY),
            ("double", HEADERS, bad),
            ("double", {}, BODY),
            ("lookup", *lookup),
            ("no such model", HEADERS, BODY),
        )
    ]
    with caplog.at_level(logging.INFO, "obfnet.serving"):
        found = ask(app, client, *posts)
        monkeypatch.setattr("obfnet.serving.inference.check", lambda *_: int("987654321x"))
        found += ask(app, client, posts[0], ("GET", "/metrics", {}))
    assert [each.status_code for each in found] == [200, 400, 400, 500, 404, 500, 200]
    from obfnet.serving.log import _Lines

    lines = [json.loads(_Lines().format(record)) for record in caplog.records]
    requests = [line for line in lines if line["event"] == "request"]
    assert [line["status"] for line in requests] == [200, 400, 400, 500, 404, 500, 200]
    assert set(requests[0]) == {"time", "level", "event", "method", "path", "status", "ms"}
    unforeseen = next(line for line in lines if line["event"] == "unforeseen error")
    assert unforeseen["error"] == "ValueError"
    assert any("inference.py" in frame for frame in unforeseen["frames"])
    everything = json.dumps(lines) + found[-1].text
    assert "987654321" not in everything
    assert "123456" not in everything
    assert "no such model" not in found[-1].text
    assert 'serving_requests_total{model="double",status="400"} 2.0' in found[-1].text
    assert 'serving_batch_rows_count{model="double"} 1.0' in found[-1].text
    assert 'serving_version{model="double",version="10"} 1.0' in found[-1].text
