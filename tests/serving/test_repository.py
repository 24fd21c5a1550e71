"""What is in the folder is served, and what cannot be served is said so."""

import pytest
from onnx import TensorProto, helper

from obfnet.errors import ModelLoadError, ModelNotFoundError, SpecError
from obfnet.serving import Settings
from obfnet.serving.model import load_model
from obfnet.serving.repository import find_model, load_repository


def test_scan(repository):
    models = load_repository(repository)
    assert sorted(models) == ["double", "fixed", "free", "half", "kept", "lookup"]
    assert find_model(models, "double", None).version == 10
    assert find_model(models, "double", "2").version == 2
    for version in ("02", "3", ""):
        with pytest.raises(ModelNotFoundError, match="it has 1, 2, 10"):
            find_model(models, "double", version)


def test_batchable(repository):
    models = load_repository(repository)
    assert models["free"][1].batchable
    assert not models["fixed"][1].batchable


@pytest.mark.parametrize("layout", ["", "model.onnx", "m/model.onnx", "m/0/model.onnx"])
def test_nothing_to_serve(tmp_path, layout):
    if layout:
        (tmp_path / layout).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / layout).write_bytes(b"")
    with pytest.raises(ModelLoadError, match=r"expected <model>/<version>/model\.onnx"):
        load_repository(tmp_path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 a zip of weights", b"\x08\x08 cut short"])
def test_not_onnx(tmp_path, content):
    path = tmp_path / "m" / "1" / "model.onnx"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(ModelLoadError, match=rf"{len(content)} bytes.*expected an ONNX file"):
        load_repository(tmp_path)


def test_missing_file(tmp_path):
    with pytest.raises(ModelLoadError, match="No such file"):
        load_model(tmp_path / "model.onnx", "m", 1)


def test_strings_are_not_served(tmp_path, save):
    path = tmp_path / "m" / "1" / "model.onnx"
    strings = TensorProto.STRING
    node = helper.make_node("Identity", ["x"], ["y"])
    save(path, [node], [("x", strings, ["n"])], [("y", strings, ["n"])])
    with pytest.raises(ModelLoadError, match=r"'x' is a tensor\(string\), expected"):
        load_repository(tmp_path)


@pytest.mark.parametrize("limit", [{"port": -1}, {"port": 65536}, {"max_batch": 0}])
def test_limits(tmp_path, limit):
    with pytest.raises(SpecError, match=next(iter(limit))):
        Settings(tmp_path, **limit)
