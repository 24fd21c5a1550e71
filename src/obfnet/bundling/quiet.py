"""Keep exporters' chatter about their own internals off the user's terminal."""

from __future__ import annotations

import io
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

#: The empty name is the root logger, which onnxruntime's quantiser writes to.
_LOGGERS = ("", "torch.onnx", "onnxscript", "onnx_ir")


@contextmanager
def quiet() -> Iterator[None]:
    """No warnings, and of the exporters' loggers errors only."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


@contextmanager
def silent() -> Iterator[None]:
    """Quiet, and nothing that Python prints or that compiled code writes to standard error."""
    with quiet(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        try:
            kept = os.dup(2)
        except OSError:  # a service may have none
            yield
            return
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
