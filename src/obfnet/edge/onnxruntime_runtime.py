"""Runs one exported net on the device with onnxruntime."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
import onnxruntime

from obfnet.errors import BundleRejectedError
from obfnet.specs import Samples


def load(content: bytes) -> Callable[[Samples], Samples]:
    """A callable net from ONNX bytes, on one thread: a sample is too small to share.

    Raises:
        BundleRejectedError: the bytes are no ONNX model that this runtime can run, or it has
            another number of inputs or outputs than one.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.add_session_config_entry("session.load_model_format", "ONNX")
    # A net's weights come with it: it must not read the device's own files as weights.
    options.add_session_config_entry(
        "session.model_external_initializers_file_folder_path", os.devnull
    )
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own errors share no public base
        raise BundleRejectedError(f"a net of the bundle cannot be loaded: {error}") from error
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if len(inputs) != 1 or len(outputs) != 1:
        raise BundleRejectedError(
            f"a net of the bundle has {len(inputs)} inputs and {len(outputs)} outputs, expected "
            "one of each"
        )
    name = inputs[0].name

    def run(values: Samples) -> Samples:
        return np.asarray(session.run(None, {name: values})[0])

    return run
