"""A manifest has one spelling; JSON of any other form is rejected, whatever it is."""

import json
from dataclasses import replace

import pytest

from obfnet.bundling.manifest import Manifest, decode, encode
from obfnet.errors import BundleRejectedError, SpecError
from obfnet.mechanisms.codebook import Codebook


def spelled(plain):
    return json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()


@pytest.fixture
def plain(manifest):
    return json.loads(encode(manifest))


def test_round_trip(manifest):
    assert decode(encode(manifest)) == manifest
    assert decode(encode(manifest)).obfnets[0].make_mechanism() == Codebook(3)


@pytest.mark.parametrize("schema", [0, 1, "2", None, [], True, 2.0])
def test_unknown_schema(plain, schema):
    with pytest.raises(BundleRejectedError):
        decode(spelled({**plain, "schema": schema}))


WRONG = {
    str: (None, 1, ["a"], {"a": 1}),
    int: (None, 1.0, True, "1", [1], 10.5),
    float: (None, True, "1", [1.0], 10**400, {}),
    list: (None, 1, "text", {}, [None], [[]]),
    dict: (None, 1, "text", [], [["a", "b"]]),
}


@pytest.mark.parametrize("where", ["manifest", "entry", "sample"])
def test_every_field_of_another_type_missing_or_unknown(plain, where):
    record = {"manifest": plain, "entry": plain["obfnets"][0], "sample": plain["sample"]}[where]
    original = dict(record)

    def refused():
        with pytest.raises(BundleRejectedError):
            decode(spelled(plain))
        record.clear()
        record.update(original)

    for name, value in original.items():
        for wrong in WRONG[type(value)]:
            record[name] = wrong
            refused()
        del record[name]
        refused()
    record["unknown"] = 1
    refused()
    assert decode(spelled(plain))


@pytest.mark.parametrize("name", ["digests", "versions"])
@pytest.mark.parametrize("value", [1, None, [], {}])
def test_digests_and_versions_are_text(plain, name, value):
    with pytest.raises(BundleRejectedError, match=name):
        decode(spelled({**plain, name: {"a": value}}))


@pytest.mark.parametrize("shape", [[], [0], [-1, 2], [1.0, 2], [True, 2], ["1"], "12", [[1]]])
def test_sample_shape(plain, shape):
    plain["sample"]["shape"] = shape
    with pytest.raises(BundleRejectedError):
        decode(spelled(plain))


@pytest.mark.parametrize(("low", "high"), [(1, 0), (0, 0), ("0", "1"), (False, True), (None, 1)])
def test_sample_range(plain, low, high):
    plain["sample"].update(low=low, high=high)
    with pytest.raises(BundleRejectedError):
        decode(spelled(plain))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "1" * 5000])
def test_number_that_is_not_finite(manifest, number):
    for field in (b'"high":1.0', b'"validation_accuracy":0.99', b'"bits":1.585'):
        content = encode(manifest)
        assert content.count(field) == 1
        with pytest.raises(BundleRejectedError):
            decode(content.replace(field, field.split(b":")[0] + b":" + number.encode()))


@pytest.mark.parametrize(
    ("spelling", "other"),
    [
        (b'"seed":7', b'"seed": 7'),
        (b'"seed":7', b'"seed":8,"seed":7'),
        (b'"device-0"', b'"\\u0064evice-0"'),
        (b"0.99", b"9.9e-1"),
        (b"}", b"}\n"),
    ],
)
def test_another_spelling(manifest, spelling, other):
    content = other.join(encode(manifest).rsplit(spelling, 1))
    assert json.loads(content)
    with pytest.raises(BundleRejectedError, match="canonical"):
        decode(content)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b"1", b'"schema"', b"\xff", b"[" * 100_000, b"{}"]
)
def test_no_manifest_at_all(content):
    with pytest.raises(BundleRejectedError):
        decode(content)


def test_arguments_nested_too_deep(manifest):
    deep = b"[" * 600 + b"]" * 600
    with pytest.raises(BundleRejectedError):
        decode(encode(manifest).replace(b'"codes":3', b'"codes":' + deep))


def test_no_obfnet(plain, manifest):
    with pytest.raises(BundleRejectedError, match="no ObfNet"):
        decode(spelled({**plain, "obfnets": []}))
    with pytest.raises(SpecError, match="no ObfNet"):
        replace(manifest, obfnets=())


def test_wrong_type_in_python(manifest, entry):
    with pytest.raises(SpecError, match="seed is '7', expected int"):
        replace(entry, seed="7")
    with pytest.raises(SpecError, match="obfnets"):
        replace(manifest, obfnets=[entry])
    assert isinstance(manifest, Manifest)


@pytest.mark.parametrize(
    ("mechanism", "arguments"),
    [
        ("unheard-of", {}),
        ("", {}),
        ("codebook", {}),
        ("codebook", {"codes": 1}),
        ("codebook", {"codes": "3"}),
        ("codebook", {"codes": None}),
        ("codebook", {"codes": [3]}),
        ("codebook", {"codes": 3, "unknown": 1}),
        ("none", {"codes": 3}),
    ],
)
def test_mechanism_that_cannot_be_made(entry, mechanism, arguments):
    with pytest.raises(BundleRejectedError, match=f"mechanism '{mechanism}'"):
        replace(entry, mechanism=mechanism, mechanism_args=arguments).make_mechanism()
