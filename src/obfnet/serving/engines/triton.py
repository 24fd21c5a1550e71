"""Triton: the server that comes inside ``nvidia-pytriton``, its Python backend and an ONNX file.

The wheel has no ONNX Runtime backend, so a Python model (``inside/triton_model.py``) calls it.
"""

from __future__ import annotations

import json
import shutil
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

from obfnet import files
from obfnet.errors import EngineFailedError, ModelLoadError
from obfnet.serving.engines.engine import Command, Engine, Place, put
from obfnet.serving.engines.environment import packages
from obfnet.serving.engines.models import load_models
from obfnet.serving.model import OnnxModel
from obfnet.wire import TensorMetadata

MAX_BATCH = 64


def prepare(place: Place) -> None:
    """Write the model repository and the Python backend as Triton wants them.

    Raises:
        ModelLoadError: a model that cannot be served, or whose versions differ in their tensors,
            which Triton's one configuration for all of them cannot say.
        EngineFailedError: Triton has no Python backend for this version of Python.
    """
    for name, versions in load_models(place.repository).items():
        model = versions[max(versions)]
        check_versions(name, versions)
        files.write(place.folder / "models" / name / "config.pbtxt", config(model))
        for version in versions:
            folder = place.folder / "models" / name / str(version)
            put("triton_model.py", folder / "model.py")
            put("onnx_session.py", folder / "onnx_session.py")
            (folder / "model.onnx").symlink_to(
                place.repository / name / str(version) / "model.onnx"
            )
    server = _server(place)
    stub = server / "python_backend_stubs" / _python() / "triton_python_backend_stub"
    if not stub.exists():
        raise EngineFailedError(
            f"Triton's Python backend has no part for Python {_python()}, expected one of "
            f"{', '.join(sorted(each.parent.name for each in stub.parents[1].glob('*/*')))}: "
            "run obfnet with one of these"
        )
    backend = place.folder / "backends" / "python"
    shutil.copytree(server / "backends" / "python", backend)
    shutil.copy(stub, backend)


def command(place: Place) -> Command:
    """Triton on ``place.port`` (HTTP), the next (gRPC) and the one after (metrics)."""
    options = {
        "model-repository": place.folder / "models",
        "backend-directory": place.folder / "backends",
        "http-address": place.host,
        "http-port": place.port,
        "grpc-address": place.host,
        "grpc-port": place.port + 1,
        "metrics-address": place.host,
        "metrics-port": place.port + 2,
        "exit-timeout-secs": 3,
        "backend-config": f"python,shm-region-prefix-name={_shared_memory(place)}",
    }
    site = packages(place.python)
    libraries = f"{site / 'nvidia_pytriton.libs'}:{sysconfig.get_config_var('LIBDIR')}"
    return Command(
        (
            str(_server(place) / "bin" / "tritonserver"),
            *(f"--{name}={value}" for name, value in options.items()),
            "--disable-auto-complete-config",
        ),
        {"LD_LIBRARY_PATH": libraries, "PYTHONHOME": sys.base_prefix},
        # The backend's Python heeds no PYTHONPATH, but imports from its folder first: so it gets
        # the numpy of this environment. With numpy 2 it would answer with empty tensors.
        site,
        f"/dev/shm/{_shared_memory(place)}*",
    )


def config(model: OnnxModel, backend: str = "python") -> str:
    """The ``config.pbtxt`` of a model: all versions, and batches where rows can be joined."""
    joins = model.batchable and all(len(each.shape) > 1 for each in (*model.inputs, *model.outputs))
    lines = [
        f"name: {json.dumps(model.name)}",
        f"backend: {json.dumps(backend)}",
        f"max_batch_size: {MAX_BATCH if joins else 0}",
        *(_tensor("input", each, joins) for each in model.inputs),
        *(_tensor("output", each, joins) for each in model.outputs),
        "version_policy { all {} }",
        "instance_group [{ count: 1 kind: KIND_CPU }]",
        *(["dynamic_batching {}"] if joins else []),
    ]
    return "\n".join(lines) + "\n"


def check_versions(name: str, versions: Mapping[int, OnnxModel]) -> None:
    """Return if one configuration can say what all ``versions`` take and give.

    Raises:
        ModelLoadError: they differ.
    """
    if len({(each.inputs, each.outputs) for each in versions.values()}) > 1:
        raise ModelLoadError(
            f"versions {sorted(versions)} of model {name!r} differ in their inputs or outputs, and "
            "Triton has one configuration for all: give each form a model name of its own"
        )


def _tensor(role: str, tensor: TensorMetadata, joins: bool) -> str:
    lengths = ", ".join(map(str, tensor.shape[1:] if joins else tensor.shape))
    name = json.dumps(tensor.name)
    return f"{role} [{{ name: {name} data_type: TYPE_{tensor.datatype} dims: [{lengths}] }}]"


def _shared_memory(place: Place) -> str:
    """What the names of this server's shared memory begin with."""
    return f"{place.folder.parent.name}-"


def _server(place: Place) -> Path:
    return packages(place.python) / "pytriton" / "tritonserver"


def _python() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


TRITON = Engine(
    "triton", "Triton Inference Server 2.51.0 (nvidia-pytriton 0.7.0)", prepare, command
)
