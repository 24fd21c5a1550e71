"""What is in the folder is served, and what cannot be served is said so."""

import asyncio
import shutil

import numpy as np
import pytest
from onnx import TensorProto, helper

from obfnet.errors import ModelLoadError, ModelNotFoundError, SpecError
from obfnet.serving import Settings
from obfnet.serving.batching import Batcher
from obfnet.serving.model import load_model
from obfnet.serving.repository import Repository


def load_repository(folder):
    return Repository(folder, 1, lambda model: Batcher(model, 64, 64))


def test_scan(repository):
    models = load_repository(repository)
    assert {each.model.name for each in models} == {
        *("double", "fixed", "free", "half", "kept", "lookup")
    }
    assert models.find("double", None).model.version == 10
    assert models.find("double", "2").model.version == 2
    for version in ("02", "3", ""):
        with pytest.raises(ModelNotFoundError, match="it has 1, 2, 10"):
            models.find("double", version)


def test_batchable(repository):
    models = load_repository(repository)
    assert models.find("free", None).model.batchable
    assert not models.find("fixed", None).model.batchable


@pytest.fixture
def changing(repository, tmp_path):
    """A repository of one model of two versions, twice and four times, in a folder of its own."""
    for version in ("1", "2"):
        shutil.copytree(repository / "double" / version, tmp_path / "double" / version)
    return tmp_path, load_repository(tmp_path)


def refresh(models, times=2):
    async def refresh():
        for _ in range(times):
            await models.refresh()

    asyncio.run(refresh())


def factor(models, version=None):
    batcher = models.find("double", version)
    return batcher.model.run({"x": np.ones((1, 4), np.float32)}, ["y"])[0][0, 0]


def test_new_version_is_served_once_it_is_whole(changing, repository):
    folder, models = changing
    shutil.copytree(repository / "double" / "10", folder / "double" / "10")
    refresh(models, 1)  # it may still be being written
    assert factor(models) == 4
    refresh(models, 1)
    assert (factor(models), factor(models, "2")) == (20, 4)


def test_file_replaced_in_place(changing, repository):
    folder, models = changing
    shutil.copy(repository / "double" / "10" / "model.onnx", folder / "double" / "2")
    refresh(models)
    assert (factor(models, "1"), factor(models, "2")) == (2, 20)


def test_garbage_leaves_the_old_file_serving(changing, repository):
    folder, models = changing
    path = folder / "double" / "2" / "model.onnx"
    path.write_bytes(b"garbage")
    (folder / "double" / "3").mkdir()
    (folder / "double" / "3" / "model.onnx").write_bytes(b"garbage too")
    refresh(models, 4)
    assert factor(models) == 4
    assert models.refused_of("double") == {
        "2": "its file could not be loaded; the file before it is still served",
        "3": "its file could not be loaded; the other versions are still served",
    }
    shutil.copy(repository / "double" / "10" / "model.onnx", path)
    (folder / "double" / "3" / "model.onnx").unlink()
    refresh(models, 3)
    assert (factor(models), models.refused_of("double")) == (20, {})


def test_removed_version_is_withdrawn(changing):
    folder, models = changing
    shutil.rmtree(folder / "double" / "2")
    refresh(models, 1)
    assert factor(models) == 4  # a file that is replaced may be away for a moment
    refresh(models, 1)
    assert factor(models) == 2
    with pytest.raises(ModelNotFoundError, match="it has 1"):
        models.find("double", "2")


def test_folder_that_is_away_withdraws_nothing(changing):
    folder, models = changing
    shutil.rmtree(folder / "double")
    refresh(models, 4)
    assert factor(models) == 4


def test_replaced_model_finishes_what_waits(changing, repository):
    folder, models = changing

    async def replace():
        old = models.find("double", "2")
        asked = [
            asyncio.create_task(old.infer({"x": np.full((1, 4), n, np.float32)}, ("y",)))
            for n in range(20)
        ]
        await asyncio.sleep(0)
        shutil.copy(repository / "double" / "10" / "model.onnx", folder / "double" / "2")
        await models.refresh()
        await models.refresh()
        return [answer[0, 0] for (answer,) in await asyncio.gather(*asked)]

    assert asyncio.run(replace()) == [4 * n for n in range(20)]
    assert factor(models) == 20


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
