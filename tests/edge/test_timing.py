"""The time an obfuscation takes here, without any backend."""

from dataclasses import replace

import numpy as np
import pytest

from obfnet.bundling.archive import write
from obfnet.edge.timing import time_obfuscation
from obfnet.errors import BundleUntrustedError, SampleRejectedError, SpecError, UnknownNameError


@pytest.mark.parametrize("runtime", ["onnxruntime", "numpy", None])
def test_it_times_what_a_client_does(make, runtime):
    bundle = make.codebooks(4)
    found = time_obfuscation(bundle.content, make.trust, 30, runtime)
    assert (found.runtime, found.obfnets) == (runtime or "onnxruntime", 4)
    assert (found.bytes, found.samples) == (len(bundle.content), 30)
    assert 0 < found.least_us <= found.median_us <= found.greatest_us
    assert found.least_us <= found.mean_us <= found.greatest_us
    assert found.load_ms > 0
    assert found.plain()["median_us"] == found.median_us


def test_it_takes_a_files_samples(make, tmp_path, samples):
    np.save(tmp_path / "x.npy", samples)
    assert time_obfuscation(make.codebooks(1), None, 5, file=tmp_path / "x.npy").samples == 5
    np.save(tmp_path / "x.npy", samples + 2)
    with pytest.raises(SampleRejectedError, match="within"):
        time_obfuscation(make.codebooks(1), None, 5, file=tmp_path / "x.npy")


def test_it_holds_bundles_to_their_trust(make):
    from obfnet.bundling.keys import SigningKey

    other = make.codebooks(1, key=SigningKey(b"1" * 32))
    with pytest.raises(BundleUntrustedError):
        time_obfuscation(other.content, make.trust, 5)


def test_nothing_to_time_is_an_error(make):
    with pytest.raises(SpecError, match="at least 1"):
        time_obfuscation(make.codebooks(1), None, 0)
    with pytest.raises(UnknownNameError, match="no runtime 'abacus'"):
        time_obfuscation(make.codebooks(1), None, 1, "abacus")


def test_it_tells_what_runs_a_litert_net(make):
    pytest.importorskip("ai_edge_litert", reason="obfnet[edge-litert] is not installed")
    files = pytest.importorskip("litert_files", exc_type=ImportError)
    (entry,) = make.codebooks(1).manifest.obfnets
    made = make.codebooks(1)
    members = {
        "0/encoder.tflite": files.litert_scores(),
        entry.decoder: made.members[entry.decoder],
    }
    manifest = replace(made.manifest, obfnets=(replace(entry, encoder="0/encoder.tflite"),))
    assert time_obfuscation(write(manifest, members), None, 3).runtime == "litert"
