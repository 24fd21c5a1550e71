"""What a device unpacks does what the forge packed, without torch."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import torch
from torch import nn

from obfnet.bundling import signature as signatures
from obfnet.bundling.archive import read, write
from obfnet.bundling.container import join, packed, split
from obfnet.bundling.fleet_bundles import bundle_fleet
from obfnet.bundling.keys import SigningKey
from obfnet.bundling.pack import bundle
from obfnet.bundling.signature import MEMBER
from obfnet.bundling.trust import trusting, verify
from obfnet.edge.obfuscator import obfuscators
from obfnet.errors import BundleExpiredError, SpecError
from obfnet.forging.loop import Fit
from obfnet.forging.obfnet import ObfNet, Table
from obfnet.forging.sets import ObfNetSet
from obfnet.mechanisms.codebook import Codebook
from obfnet.mechanisms.none import NoMechanism
from obfnet.specs import SampleSpec

SPEC = SampleSpec((1, 4, 4), 0.0, 1.0)
FIT = Fit(score=0.5, epoch=1, seconds=1.5, history=(0.1, 0.5))
PROBES = np.random.default_rng(0).random((20, 1, 4, 4), dtype=np.float32)


@pytest.fixture(scope="module")
def forged():
    """An untrained codebook ObfNet and an untrained published one."""
    torch.manual_seed(0)
    dense = nn.Sequential(nn.Flatten(), nn.Linear(16, 5))
    back = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Unflatten(1, (1, 4, 4)))
    rows = torch.rand(5, 1, 1, 4, 4)
    return ObfNetSet(
        "device-0",
        (
            ObfNet(dense, Codebook(5), Table(rows), SPEC, 1, 2.0, FIT),
            ObfNet(dense, NoMechanism(), back, SPEC, 2, 3.0, FIT),
        ),
        "d" * 64,
        PROBES,
    )


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_device_does_what_was_forged(forged):
    opened = read(bundle(forged).content)
    for obfnet, obfuscator in zip(forged.obfnets, obfuscators(opened), strict=True):
        np.testing.assert_allclose(obfuscator(PROBES), obfnet(PROBES), atol=1e-5)
        assert obfuscator.mechanism == obfnet.mechanism
        assert obfuscator.entry.certificate == obfnet.mechanism.certificate().to_dict()
    assert opened.manifest.sample == SPEC
    assert opened.manifest.device == "device-0"
    assert opened.manifest.infnet == forged.infnet
    assert opened.manifest.versions["torch"] == torch.__version__
    codebook, published = opened.manifest.obfnets
    assert (codebook.params, codebook.macs) == (16 * 5 + 5, 16 * 5)
    assert (published.params, published.macs) == (16 * 5 + 5 + 5 * 16 + 16, 2 * 16 * 5)


def test_exemplars_of_a_code_come_with_it(forged):
    rows = torch.rand(5, 3, 1, 4, 4)
    made = replace(forged.obfnets[0], decoder=Table(rows))
    opened = read(bundle(replace(forged, obfnets=(made,))).content)
    (obfuscator,) = obfuscators(opened)
    codes = made.mechanism.release(made.encoder(torch.from_numpy(PROBES)).detach().numpy())
    for transform in (made, obfuscator):
        released = np.stack([transform(PROBES) for _ in range(40)])
        for probe, code in enumerate(codes):
            found = {sample.tobytes() for sample in released[:, probe]}
            assert found == {row.numpy().tobytes() for row in rows[code]}


def test_an_empty_set(forged):
    with pytest.raises(SpecError, match="empty"):
        bundle(ObfNetSet("device-0", (), "d" * 64, PROBES))


def test_what_the_forge_signs_a_device_takes(forged):
    key, now = SigningKey.new(), datetime.now(UTC)
    made = bundle(
        forged,
        sign_with=key,
        version=4,
        expires=now + timedelta(days=1),
        audit={"leakage": 0.01},
    )
    opened = verify(made.content, trusting(key.public, device="device-0", infnet="d" * 64))
    assert opened.manifest.version == 4
    assert opened.manifest.audit == {"leakage": 0.01}
    assert opened.manifest.set == bundle(forged).manifest.set
    with pytest.raises(BundleExpiredError):
        verify(made.content, trusting(key.public), now + timedelta(days=2))
    with pytest.raises(SpecError, match="zone"):
        bundle(forged, key, expires=datetime(2030, 1, 1))


def test_the_same_moment_gives_the_same_bytes(forged):
    key, moment = SigningKey(bytes(32)), datetime(2026, 11, 22, tzinfo=UTC)
    assert len({bundle(forged, key, issued=moment).content for _ in range(2)}) == 1


def test_a_bundle_that_was_altered_or_is_of_another_format_is_made_again(forged, tmp_path):
    key = SigningKey(bytes(32))
    (path,) = bundle_fleet([forged], tmp_path, key)
    made = path.read_bytes()
    written = path.stat().st_ino
    bundle_fleet([forged], tmp_path, key)
    assert path.stat().st_ino == written
    members = {each.name: each for each in split(made, 1000, 1 << 30)}
    signed = signatures.decode(members[MEMBER].unpack())
    forgery = replace(signed, value=bytes(len(signed.value)))
    members[MEMBER] = packed(MEMBER, signatures.encode(forgery), deflate=False)
    path.write_bytes(join(list(members.values())))
    bundle_fleet([forged], tmp_path, key)
    verify(path.read_bytes(), trusting(key.public))
    opened = read(path.read_bytes())
    names = {name: name.replace(".onnx", ".tflite") for name in opened.members}
    entries = tuple(
        replace(each, encoder=names[each.encoder], decoder=names[each.decoder])
        for each in opened.manifest.obfnets
    )
    others = {names[name]: content for name, content in opened.members.items()}
    write(replace(opened.manifest, obfnets=entries), others, key).save(path)
    bundle_fleet([forged], tmp_path, key)
    assert read(path.read_bytes()).manifest.obfnets[0].encoder.endswith(".onnx")
