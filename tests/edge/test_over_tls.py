"""The device's own view of TLS: labels from whom it believes, silence towards anybody else."""

import pytest

from certificates import Authority
from listeners import Scripted
from obfnet.edge.policy import always, never
from obfnet.errors import BackendUntrustedError
from obfnet.wire.tls import Tls


@pytest.fixture(scope="module")
def authorities(tmp_path_factory):
    return [Authority(tmp_path_factory.mktemp(name), name) for name in ("ours", "theirs")]


@pytest.fixture
def secured(authorities):
    with Scripted(authorities[0].serving("localhost", clients=authorities[0])) as listener:
        listener.url = listener.url.replace("127.0.0.1", "localhost")
        yield listener


def test_raw_and_obfuscated_are_twins_over_mutual_tls(
    secured, authorities, codebook, connect, samples
):
    tls = Tls(authorities[0].file, *authorities[0].issue("device-0"))
    for policy in (never, always):
        client = connect(codebook, secured.url, policy=policy, tls=tls, token=lambda: "abc")
        assert [client.infer(sample) for sample in samples[:3]] == [1, 1, 1]
    assert len({post[:-16] for post in secured.posts}) == 1
    assert secured.connections == 2


@pytest.mark.parametrize("policy", [always, never])
def test_who_is_not_believed_gets_neither_sample_nor_token(
    policy, secured, authorities, codebook, connect, samples
):
    tls = Tls(authorities[1].file, *authorities[0].issue("device-0"))
    client = connect(codebook, secured.url, policy=policy, tls=tls, token="abc")
    with pytest.raises(BackendUntrustedError):
        client.infer(samples[0])
    address = secured.url.replace("localhost", "127.0.0.1")  # another name than certified
    tls = Tls(authorities[0].file, *authorities[0].issue("device-0"))
    with pytest.raises(BackendUntrustedError, match="not believed"):
        connect(codebook, address, policy=policy, tls=tls, token="abc").infer(samples[0])
    assert secured.received == b""
