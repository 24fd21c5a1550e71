"""A device loads nothing from a bundle that could not work or could reach beyond it."""

from dataclasses import replace

import numpy as np
import pytest
from onnx import TensorProto, helper

from obfnet.bundling.archive import write
from obfnet.edge.obfuscator import obfuscators
from obfnet.edge.runtime import load
from obfnet.errors import BundleRejectedError, ObfuscationFailedError


def rejected(bundle, message):
    with pytest.raises(BundleRejectedError, match=message):
        obfuscators(bundle)


def test_the_mechanism_is_enforced_whatever_the_weights(make, samples):
    malicious = make.scores(weights=np.full((4, 3), 1e30, np.float32))
    table = make.rows(0)
    (obfuscator,) = obfuscators(make.bundle(("codebook", malicious, make.npy(table))))
    released = obfuscator(samples)
    assert all(any((x == row).all() for row in table[:, 0]) for x in released)


def test_codebook_lies_in_the_range_of_samples(codebook, make, samples):
    (obfuscator,) = obfuscators(codebook)
    assert make.spec.check(obfuscator(samples)).dtype == np.float32


@pytest.mark.parametrize("mechanism", ["codebook", "randomised-codebook"])
def test_exemplars_are_drawn_evenly_and_the_code_stays(mechanism, make, monkeypatch):
    """One sample, again and again: every exemplar of its code comes as often, no other code."""
    arguments = {"codes": 3} | ({"epsilon": 60.0} if mechanism != "codebook" else {})
    table = np.concatenate([make.rows(number) for number in range(4)], axis=1)
    bundle = make.bundle((mechanism, make.encoder, make.npy(table)), arguments=arguments)
    (obfuscator,) = obfuscators(bundle)
    sample = np.array([0.1, 0.9, 0.2, 0.3], np.float32).reshape(1, 1, 2, 2)
    released = np.concatenate([obfuscator(sample) for _ in range(2000)])
    np.testing.assert_array_equal(released[:, 0, 0, 1], 0.75)  # the mark of code 1
    counts = np.bincount((released[:, 0, 1, 1] * 8).astype(int), minlength=4)
    # Each is binomial(2000, 1/4), standard deviation 19; a fair draw fails once in 10^6.
    assert abs(counts - 500).max() < 100
    runs = (released[1:, 0, 1, 1] == released[:-1, 0, 1, 1]).mean()
    assert 0.2 < runs < 0.3  # independent of the one before


def test_the_draw_sees_nothing_of_the_sample(make):
    """Exemplars have the same distribution for samples of one code that are far apart."""
    table = np.concatenate([make.rows(number) for number in range(2)], axis=1)
    (obfuscator,) = obfuscators(make.bundle(("codebook", make.encoder, make.npy(table))))
    faint, strong = np.zeros((2, 3000, 1, 2, 2), np.float32)
    faint[:, 0, 0, 0], strong[:] = 0.01, [[[0.9, 0.8], [0.7, 1.0]]]
    shares = [obfuscator(samples)[:, 0, 1, 1].mean() * 8 for samples in (faint, strong)]
    # Standard deviation of each share: .009.
    assert max(abs(share - 0.5) for share in shares) < 0.05


def test_a_randomised_codebook_needs_a_row_for_each_code(make):
    content = make.npy(make.rows(0)[:2])
    arguments = {"codes": 3, "epsilon": 1.0}
    bundle = make.bundle(("randomised-codebook", make.encoder, content), arguments=arguments)
    rejected(bundle, "2 rows, expected 3")


def test_what_one_call_returns_another_cannot_change(codebook, samples):
    (obfuscator,) = obfuscators(codebook)
    first = obfuscator(samples[:1])
    kept = first.copy()
    first[:] = 0
    np.testing.assert_array_equal(obfuscator(samples[:1]), kept)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (lambda rows: rows[:2], "2 rows, expected 3"),
        (lambda rows: np.concatenate([rows, rows]), "6 rows, expected 3"),
        (lambda rows: rows[0, 0, 0, 0], "shape"),
        (lambda rows: rows[:, 0], "shape"),
        (lambda rows: rows[:, :0], "at least one exemplar"),
        (lambda rows: rows.reshape(3, 4), "shape"),
        (lambda rows: rows[:, :, :, :, :1], "shape"),
        (lambda rows: rows.astype(np.float64), "float64"),
        (lambda rows: rows.astype(">f4"), ">f4"),
        (lambda rows: rows * np.float32(np.nan), "NaN"),
        (lambda rows: rows * np.float32(2), "span"),
        (lambda rows: rows - np.float32(1), "span"),
    ],
)
def test_table_that_holds_no_samples(table, message, make):
    content = make.npy(table(make.rows(0)))
    rejected(make.bundle(("codebook", make.encoder, content)), message)


def pickled(make):
    return make.npy(np.array([print], dtype=object), allow_pickle=True)


def huge(make):
    return make.npy(make.rows(0)).replace(b"(3, 1, 1, 2, 2)", b"(3**99, 1, 1, 2)")


def endless(make):
    return make.npy(make.rows(0)).replace(b"(3, 1, 1, 2, 2), }  ", b"(99999999999, ) }   ")


@pytest.mark.parametrize(
    "content",
    [
        pickled,
        huge,
        endless,
        lambda make: make.npy(make.rows(0))[:-1],
        lambda make: make.npy(make.rows(0))[:20],
        lambda make: b"PK\3\4 a zip, as numpy.savez writes",
        lambda make: b"\x93NUMPY\xff\xff",
    ],
)
def test_table_that_is_none(content, make):
    rejected(make.bundle(("codebook", make.encoder, content(make))), "decoder.npy cannot be used")


@pytest.mark.parametrize("content", [b"", b"no net", b"\x08\x08" * 50])
def test_net_that_is_none(content, make):
    rejected(make.bundle(("codebook", content, make.npy(make.rows(0)))), "cannot be loaded")
    rejected(make.bundle(("none", make.flat, content)), "cannot be loaded")


def model(inputs, outputs, nodes, initializers=()):
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 4]) for name in inputs],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 4]) for name in outputs],
        initializers,
    )
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()


@pytest.mark.parametrize(
    ("inputs", "outputs"), [([], ["y"]), (["x", "z"], ["y"]), (["x"], ["y", "z"])]
)
def test_net_with_another_number_of_ends(inputs, outputs):
    one = helper.make_tensor("one", TensorProto.FLOAT, [1, 4], [1] * 4)
    nodes = [
        helper.make_node("Identity", [inputs[0] if inputs else "one"], [name]) for name in outputs
    ]
    with pytest.raises(BundleRejectedError, match="expected one of each"):
        load(model(inputs, outputs, nodes, [one]))


@pytest.mark.parametrize("place", ["secret.bin", "../secret.bin", "{folder}/secret.bin"])
def test_net_that_would_read_the_devices_files(place, tmp_path, monkeypatch):
    np.ones(4, np.float32).tofile(tmp_path / "secret.bin")
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub" if place.startswith("..") else tmp_path)
    weights = TensorProto(name="w", data_type=1, dims=[4], data_location=TensorProto.EXTERNAL)
    for key, value in (("location", place.format(folder=tmp_path)), ("length", "16")):
        weights.external_data.add(key=key, value=value)
    node = helper.make_node("Add", ["x", "w"], ["y"])
    with pytest.raises(BundleRejectedError, match="cannot be loaded"):
        load(model(["x"], ["y"], [node], [weights]))


def test_mechanism_that_is_unknown_or_does_not_fit(codebook):
    (entry,) = codebook.manifest.obfnets
    for change in ({"mechanism": "unheard-of"}, {"mechanism_args": {"codes": "3"}}):
        manifest = replace(codebook.manifest, obfnets=(replace(entry, **change),))
        rejected(write(manifest, codebook.members), "mechanism")


def test_mechanism_that_fails_in_its_own_way(codebook, make, samples):
    class Odd:
        def release(self, code, noise):
            return code[0, 0] / 0 if code.size > 4 else "no array"

    (obfuscator,) = obfuscators(codebook)
    for odd in (replace(obfuscator, mechanism=Odd()), replace(obfuscator, decoder=lambda *_: None)):
        with pytest.raises(ObfuscationFailedError):
            odd(samples[:1])
