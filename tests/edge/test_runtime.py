"""Which runtime a net is given to, and what is said where none is."""

import subprocess
import sys

import pytest

from obfnet.edge.runtime import load
from obfnet.errors import BundleRejectedError, UnknownNameError

ABSENT = """
import sys
sys.modules["ai_edge_litert"] = None
from obfnet.edge.runtime import load
from obfnet.errors import MissingExtraError
try:
    load(b"....TFL3", None, "net.tflite")
except MissingExtraError as error:
    print(error)
"""


def test_a_device_without_the_package():
    run = [sys.executable, "-c", ABSENT]
    said = subprocess.run(run, check=True, capture_output=True, text=True, timeout=60).stdout
    assert "obfnet[edge-litert]" in said


def test_each_runtime_reads_its_format_only(make):
    with pytest.raises(UnknownNameError, match=r"'litert' does not read net\.onnx"):
        load(make.encoder, "litert")
    with pytest.raises(UnknownNameError, match=r"'numpy' does not read 0/encoder\.tflite"):
        load(make.encoder, "numpy", "0/encoder.tflite")
    with pytest.raises(BundleRejectedError, match="no format"):
        load(make.encoder, None, "0/encoder.exe")
