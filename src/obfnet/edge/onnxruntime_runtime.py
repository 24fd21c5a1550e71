"""Runs one exported net on the device with onnxruntime."""

from __future__ import annotations

import os
import threading

import numpy as np
import onnxruntime

from obfnet.errors import BundleRejectedError
from obfnet.specs import Samples


def load(content: bytes) -> _Net:
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
    return _Net(session)


class _Net:
    """A session; one sample at a time goes through memory that is bound to it once.

    Binding anew costs as much as a small net. What is bound belongs to one thread.
    """

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session
        self._input = session.get_inputs()[0].name
        self._output = session.get_outputs()[0].name
        self._bound = threading.local()

    def __call__(self, values: Samples) -> Samples:
        if len(values) != 1:
            return self._unbound(values)
        try:
            binding, given, found = self._bound.parts
        except AttributeError:
            binding, given, found = self._bind(values)
            self._bound.parts = binding, given, found
        if given.shape != values.shape or given.dtype != values.dtype:
            return self._unbound(values)  # which says what is wrong
        given[...] = values
        self._session.run_with_iobinding(binding)
        answer: Samples = found.copy()
        return answer

    def _unbound(self, values: Samples) -> Samples:
        answer: Samples = np.asarray(self._session.run([self._output], {self._input: values})[0])
        return answer

    def _bind(self, values: Samples) -> tuple[onnxruntime.IOBinding, Samples, Samples]:
        """A binding of this thread, and the arrays it reads and writes."""
        given, found = values.copy(), self._unbound(values).copy()
        binding = self._session.io_binding()
        of = onnxruntime.OrtValue.ortvalue_from_numpy
        binding.bind_ortvalue_input(self._input, of(given))
        binding.bind_ortvalue_output(self._output, of(found))
        return binding, given, found
