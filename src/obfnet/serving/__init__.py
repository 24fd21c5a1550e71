"""A small model server: ONNX files behind Open Inference Protocol v2 (REST), nothing else.

    with running(Settings(Path("models"), port=0)) as url:  # a process of its own
        ...

Give Triton, KServe or another engine the same folder when one process is not enough.
"""

from obfnet.serving.app import create_app
from obfnet.serving.launch import run
from obfnet.serving.process import running
from obfnet.serving.settings import Settings

__all__ = ["Settings", "create_app", "run", "running"]
