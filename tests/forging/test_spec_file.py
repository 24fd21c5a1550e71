"""Specs as TOML: what is read, what is refused and how, what flags change, what is written."""

import re
from pathlib import Path

import pytest

from obfnet.errors import ObfNetError, SpecError
from obfnet.forging import spec_file
from obfnet.forging.from_spec import open_infnet
from obfnet.forging.spec import DataSpec, InfNetSpec
from obfnet.forging.spec_changes import override, setting, source_of, weight
from obfnet.nets.budget import Budget

LEAST = '[infnet]\nfolder = "runs/infnet"\n[data]\nname = "digits"\n'
DOCS = Path(__file__).parents[2] / "docs" / "forging.md"


def test_the_least_spec_has_the_defaults_of_the_library():
    spec = spec_file.parse(LEAST)
    assert (spec.forge.devices, spec.forge.size, spec.mechanism.name) == (1, 1, "codebook")
    assert spec.objectives == {"cross-entropy": 1.0}
    assert spec.infnet == InfNetSpec(folder=Path("runs/infnet"))


def test_the_example_in_the_docs_is_a_spec():
    (example,) = re.findall(r"```toml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    spec = spec_file.parse(example)
    shown = set(re.findall(r"^\[(\w+)\]", example, re.MULTILINE))
    assert {
        "infnet",
        "data",
        "forge",
        "mechanism",
        "budget",
        "objectives",
        "schedule",
        "pool",
    } <= shown
    assert spec.budget == Budget(params=10_000, macs=500_000)
    assert spec_file.parse(spec_file.write(spec)) == spec


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[infnet", "is no TOML"),
        ("seed = 3\n" + LEAST, "seed stands outside"),
        (LEAST + "[fleet]\n", r"unknown table \[fleet\]; known are infnet, data, forge"),
        (LEAST + "[forge]\ndevice = 3", r"\[forge\] has no key 'device'; known are devices, size"),
        ('[data]\nname = "digits"', r"no table \[infnet\]"),
        ('[infnet]\nfolder = "a"', r"no table \[data\]"),
        ('[infnet]\nfolder = "a"\n[data]\nsplit_seed = 1', r"\[data\] has no name"),
        (LEAST + '[forge]\ndevices = "3"', r"\[forge\] devices is '3', expected a whole number"),
        (LEAST + "[forge]\ndevices = true", "devices is True, expected a whole number"),
        (LEAST + "[forge]\nsize = 2.5", "size is 2.5, expected a whole number"),
        (LEAST + "[schedule]\nrate = 'fast'", r"\[schedule\] rate is 'fast', expected a number"),
        (LEAST + "[schedule]\nrate = inf", "rate is inf, expected a number"),
        (LEAST + "[mechanism]\nbits = 3", r"\[mechanism\] has no name"),
        (LEAST + "[objectives]\ncross-entropy = '1'", "cross-entropy is '1', expected a weight"),
        (LEAST + "[encoder]\nname = 'mlp'\n[budget]\nparams = 5", "not both"),
        (LEAST + "[budget]\nparams = 0", "positive bound on params"),
        (LEAST + "[pool]\n", "exactly one of data, share, npy"),
        (LEAST + "[pool]\nshare = 2", "between 0 and 1"),
        (LEAST + "[pool]\ndata = 'mnist'\npart = 'some'", "one of all, official-test, rest"),
        ("[infnet]\n[data]\nname = 'd'", "names no InfNet, expected exactly one of folder, onnx"),
        (
            "[infnet]\nonnx = 'a'\nurl = 'b'\n[data]\nname = 'd'",
            "names onnx and url, expected exactly one",
        ),
        (
            "[infnet]\nonnx = 'a'\nmost_queries = 5\n[data]\nname = 'd'",
            "most_queries, which only goes with a url",
        ),
        (
            "[infnet]\nonnx = 'a'\noutputs = [1, 'two']\n[data]\nname = 'd'",
            "expected a list of whole numbers",
        ),
        (
            "[infnet]\nfolder = 'a'\nanswers = 'labels'\n[data]\nname = 'd'",
            "answers with logits",
        ),
    ],
)
def test_what_is_wrong_is_named(text, message):
    with pytest.raises(SpecError, match=message):
        spec_file.parse(text)


def test_a_file_that_is_not_there_is_an_error_of_the_library(tmp_path):
    with pytest.raises(ObfNetError, match="cannot be read"):
        spec_file.load(tmp_path / "none.toml", {})
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SpecError, match="cannot be read"):
        spec_file.load(tmp_path / "binary.toml", {})


def test_flags_come_before_the_file_and_make_void_what_does_not_go_with_them(tmp_path):
    path = tmp_path / "spec.toml"
    path.write_text(
        '[infnet]\nurl = "http://h:1"\nmodel = "m"\nanswers = "labels"\nclasses = 10\n'
        '[data]\nname = "digits"\n[mechanism]\nname = "bits"\nbits = 8\n[budget]\nparams = 9\n'
        "[objectives]\ncross-entropy = 1\n"
    )
    spec = spec_file.load(
        path,
        {
            ("infnet", "onnx"): "net.onnx",
            ("mechanism", "name"): "codebook",
            ("encoder", "name"): "mlp",
            ("objectives", "agreement"): 0.5,
        },
    )
    assert (spec.infnet.url, spec.infnet.model, spec.infnet.onnx) == (None, None, Path("net.onnx"))
    assert (spec.infnet.answers, spec.infnet.classes) == ("labels", 10)
    assert spec.mechanism.arguments == {}
    assert spec.budget is None
    assert spec.objectives == {"cross-entropy": 1.0, "agreement": 0.5}


def test_the_same_mechanism_keeps_its_arguments():
    tables = {"mechanism": {"name": "bits", "bits": 8}}
    assert override(tables, {("mechanism", "name"): "bits"}) == tables
    assert tables == {"mechanism": {"name": "bits", "bits": 8}}


def test_an_encoder_and_a_budget_by_flags_are_still_refused():
    changes = {("encoder", "name"): "mlp", ("budget", "params"): 5}
    with pytest.raises(SpecError, match="not both"):
        spec_file.from_tables(override(spec_file.read_tables(LEAST), changes))


@pytest.mark.parametrize(
    ("text", "place", "value"),
    [
        ("encoder.hidden=[32, 16]", ("encoder", "hidden"), [32, 16]),
        ("forge.seed = 7", ("forge", "seed"), 7),
        ("mechanism.name=bits", ("mechanism", "name"), "bits"),
        ('data.name="a=b"', ("data", "name"), "a=b"),
    ],
)
def test_settings(text, place, value):
    assert setting(text) == (place, value)


@pytest.mark.parametrize("text", ["seed=1", "forge.seed", ".a=1", "forge.=1"])
def test_what_is_no_setting_is_refused(text):
    with pytest.raises(SpecError, match=r"expected table\.key=value"):
        setting(text)


def test_weights():
    assert weight("attribute:speaker=.5") == (("objectives", "attribute:speaker"), 0.5)
    for text in ("agreement", "=1", "agreement=much"):
        with pytest.raises(SpecError, match="expected term=weight"):
            weight(text)


@pytest.mark.parametrize(
    ("where", "key"),
    [("http://h/v2/models/m", "url"), ("a/model.onnx", "onnx"), ("runs/infnet", "folder")],
)
def test_where_an_infnet_is(where, key):
    assert source_of(where) == ("infnet", key)


def test_what_is_written_reads_back():
    spec = spec_file.parse(
        LEAST + "[data.options]\nsubset = false\n"
        '[mechanism]\nname = "gaussian"\nsize = 4\nradius = 1e-7\n'
        'sigma = 0.5\n[encoder]\nname = "mlp"\nhidden = [8, 8]\n[objectives]\n"attribute:a b" = 2\n'
        '[pool]\nnpy = "with \\"quotes\\" \\u007f é"\n'
    )
    assert spec.pool is not None
    assert spec.data.options == {"subset": False}
    assert spec_file.parse(spec_file.write(spec)) == spec


def test_a_net_that_comes_along_is_named_by_one_word():
    assert source_of("cifar10-resnet20") == ("infnet", "pretrained")
    assert source_of("runs/infnet") == ("infnet", "folder")
    spec = spec_file.parse('[infnet]\npretrained = "cifar10-resnet20"\n[data]\nname = "cifar10"\n')
    assert spec.infnet.pretrained == "cifar10-resnet20"
    assert spec_file.parse(spec_file.write(spec)) == spec


def test_a_net_that_comes_along_refuses_other_data(digits):
    with pytest.raises(SpecError, match="these weights are for"):
        open_infnet(InfNetSpec(pretrained="cifar10-resnet20"), digits, DataSpec("digits"))
