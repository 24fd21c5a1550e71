"""Files for Kubernetes: parsed as their readers parse them."""

import shutil

import numpy as np
import onnxruntime
import pytest
import yaml
from google.protobuf import text_format

from obfnet.errors import ModelLoadError, SpecError
from obfnet.serving.engines.kubernetes import write_files
from onnx_files import repository, scores


@pytest.fixture
def models(tmp_path):
    return repository(tmp_path / "models", digits=scores())


def test_triton_gets_a_configuration_beside_our_models(models, tmp_path):
    write_files("triton", models, tmp_path / "out")
    text = (tmp_path / "out" / "digits" / "config.pbtxt").read_text()
    assert tokens(text) >= {"name", "backend", "max_batch_size", "input", "output", "dims"}
    assert 'backend: "onnxruntime"' in text
    assert 'input [{ name: "x" data_type: TYPE_FP32 dims: [1, 2, 2] }]' in text
    assert 'output [{ name: "y" data_type: TYPE_FP32 dims: [3] }]' in text
    session = onnxruntime.InferenceSession(tmp_path / "out" / "digits" / "1" / "model.onnx")
    assert session.run(None, {"x": np.ones((2, 1, 2, 2), np.float32)})[0].shape == (2, 3)


def test_a_version_that_is_withdrawn_is_not_written_again(models, tmp_path):
    shutil.copytree(models / "digits" / "1", models / "digits" / "3")
    write_files("triton", models, tmp_path / "out")
    assert (tmp_path / "out" / "digits" / "3" / "model.onnx").exists()
    shutil.rmtree(models / "digits" / "3")
    write_files("triton", models, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out" / "digits").glob("[0-9]*")] == ["1"]


def tokens(text):
    """Field names of a text protocol buffer; the tokenizer refuses what is none."""
    tokenizer = text_format.Tokenizer(text.splitlines())
    found = set()
    while not tokenizer.AtEnd():
        found.add(tokenizer.token)
        tokenizer.NextToken()
    return found


def test_kserve_gets_an_inference_service(models, tmp_path):
    write_files("kserve", models, tmp_path / "out", "s3://bucket/models")
    service = yaml.safe_load((tmp_path / "out" / "inference-service.yaml").read_text())
    assert service["apiVersion"] == "serving.kserve.io/v1beta1"
    assert service["kind"] == "InferenceService"
    assert service["metadata"] == {"name": "digits"}
    model = service["spec"]["predictor"]["model"]
    assert model["storageUri"] == "s3://bucket/models"
    assert model["modelFormat"] == {"name": "onnx"}
    assert model["protocolVersion"] == "v2"
    assert all(isinstance(limit, str) for limit in model["resources"]["limits"].values())
    assert (tmp_path / "out" / "models" / "digits" / "config.pbtxt").exists()
    write_files("kserve", models, tmp_path / "out")  # again, over itself


def test_several_models_are_one_service(tmp_path):
    models = repository(tmp_path / "models", one=scores(), two=scores())
    write_files("kserve", models, tmp_path / "out")
    text = (tmp_path / "out" / "inference-service.yaml").read_text()
    assert yaml.safe_load(text)["metadata"] == {"name": "models"}


@pytest.mark.parametrize(
    ("kind", "storage"),
    [("helm", None), ("triton", "s3://a"), ("kserve", "models"), ("kserve", 's3://a"\nkind: Pod')],
)
def test_what_cannot_be_written_is_refused(models, tmp_path, kind, storage):
    with pytest.raises(SpecError, match="expected"):
        write_files(kind, models, tmp_path / "out", storage)
    assert not (tmp_path / "out").exists()


def test_a_name_that_kubernetes_does_not_take(tmp_path):
    models = repository(tmp_path / "models", My_Model=scores())
    with pytest.raises(SpecError, match="rename"):
        write_files("kserve", models, tmp_path / "out")


def test_no_models(tmp_path):
    with pytest.raises(ModelLoadError, match="no models"):
        write_files("triton", tmp_path, tmp_path / "out")
