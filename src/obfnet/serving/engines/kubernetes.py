"""Files for who runs Triton, alone or under KServe, on Kubernetes: written, not started.

Both take our folder of models as it is, with one ``config.pbtxt`` beside the versions of each.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from string import Template

from obfnet import files
from obfnet.errors import SpecError
from obfnet.serving.engines.models import load_models
from obfnet.serving.engines.triton import check_versions, config

#: Where the models are once they are in the cluster; KServe takes s3://, gs://, pvc:// and others.
STORAGE = "pvc://models"
#: RFC 1123, as Kubernetes wants every name.
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")

_SERVICE = Template("""\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: $name
spec:
  predictor:
    minReplicas: 1
    maxReplicas: 4
    scaleMetric: concurrency
    scaleTarget: 16
    model:
      modelFormat:
        name: onnx
      protocolVersion: v2
      runtime: kserve-tritonserver
      storageUri: "$storage"
      resources:
        requests:
          cpu: "1"
          memory: 1Gi
        limits:
          cpu: "2"
          memory: 2Gi
""")


def write_triton(repository: Path, folder: Path) -> None:
    """Write Triton's model repository: our models, and a ``config.pbtxt`` for each.

    It asks for the ONNX Runtime backend, which NVIDIA's container has.

    Args:
        repository: ``<model>/<version>/model.onnx``.
        folder: where it goes; what is there of an earlier time is replaced.

    Raises:
        ModelLoadError: a model that cannot be served.
    """
    for name, versions in load_models(repository).items():
        check_versions(name, versions)
        for old in (folder / name).glob("[0-9]*"):  # one that is withdrawn must not be served
            shutil.rmtree(old)
        files.write(folder / name / "config.pbtxt", config(versions[max(versions)], "onnxruntime"))
        for version in map(str, versions):
            # With all beside it: large weights stand in files of their own.
            shutil.copytree(repository / name / version, folder / name / version)


def write_kserve(repository: Path, folder: Path, storage: str = STORAGE) -> None:
    """Write Triton's model repository below ``folder/models`` and its ``InferenceService``.

    The service is named after the only model, or ``models`` if there are several.

    Args:
        repository: ``<model>/<version>/model.onnx``.
        folder: where both go.
        storage: URI that ``folder/models`` will have in the cluster.

    Raises:
        ModelLoadError: a model that cannot be served.
        SpecError: a model's name that Kubernetes does not take, or no scheme in ``storage``.
    """
    models = load_models(repository)
    chosen = next(iter(models)) if len(models) == 1 else "models"
    if not _NAME.fullmatch(chosen):
        raise SpecError(
            f"the service would be named {chosen!r} after its model, expected lower-case letters, "
            "digits and '-', at most 63: rename the model's folder"
        )
    if not re.fullmatch(r"[a-z][a-z0-9]*://[^\s\"\\]+", storage):
        raise SpecError(f"storage is {storage!r}, expected a URI such as {STORAGE}")
    write_triton(repository, folder / "models")
    text = _SERVICE.substitute(name=chosen, storage=storage)
    files.write(folder / "inference-service.yaml", text)


def write_files(kind: str, repository: Path, folder: Path, storage: str | None = None) -> None:
    """What ``obfnet serve --write`` does.

    Args:
        kind: ``triton`` or ``kserve``.
        repository: ``<model>/<version>/model.onnx``.
        folder: where it goes.
        storage: URI for ``kserve``.

    Raises:
        ModelLoadError: a model that cannot be served.
        SpecError: another kind, or a storage or name that is none.
    """
    if kind == "triton" and storage is None:
        write_triton(repository, folder)
    elif kind == "kserve":
        write_kserve(repository, folder, storage or STORAGE)
    else:
        with_storage = "" if storage is None else f" with storage {storage!r}"
        raise SpecError(
            f"cannot write {kind!r}{with_storage}, expected triton, or kserve with or without "
            "--storage"
        )
