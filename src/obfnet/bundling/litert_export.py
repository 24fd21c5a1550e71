"""LiteRT for one sample at a time, handed out only if it answers as the original does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from types import ModuleType

import torch
from torch import nn

from obfnet.bundling.litert_net import litert_net
from obfnet.bundling.parity import TOLERANCES, check_parity, check_request
from obfnet.bundling.quiet import silent
from obfnet.errors import ExportError, MissingExtraError
from obfnet.specs import Samples


def export_litert(
    module: nn.Module,
    samples: Samples,
    precision: str = "float32",
    calibration: Samples | None = None,
) -> bytes:
    """Export ``module`` as LiteRT with input ``input`` and output ``output``.

    The batch size is 1, as accelerators and microcontrollers want it, and one sample's answer never
    depends on another's. ``int8`` has int8 at both ends.

    Args:
        module: maps ``(n, *shape)`` float32 to ``(n, ...)``; exported in eval mode.
        samples: at least 17 real inputs ``(n, *shape)``; torch and LiteRT are compared on 1, 3 and
            17 of them, one run for each sample.
        precision: ``float32``; ``dynamic-int8`` for int8 weights; ``int8`` for int8 from end to
            end, with operators that the Edge TPU's compiler takes.
        calibration: real inputs that the ranges of ``int8`` are taken from; by default
            ``samples``.

    Raises:
        SpecError: no such precision.
        MissingExtraError: ``obfnet[litert]`` is not installed.
        ExportError: too few samples, a net that cannot be exported, something that did not become
            int8, or answers that are not finite or differ by more than ``TOLERANCES`` allows.
    """
    check_request(samples, precision)
    module = module.eval()
    with silent():
        content = _exported(module, samples[:1].copy())
        slim = _tool("litert_file").slim
    _compare(module, slim(content), samples, TOLERANCES["float32"])
    if precision in _QUANTISERS:
        ranges = samples if calibration is None else calibration
        with silent():
            content = _QUANTISERS[precision](content, ranges)
        _compare(module, slim(content), samples, TOLERANCES[precision])
    made: bytes = slim(content)
    return made


def _tool(name: str) -> ModuleType:
    """A module of this room that needs the extra.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        return import_module(f"obfnet.bundling.{name}")
    except ModuleNotFoundError as error:
        raise _missing(error) from error


def _missing(error: ModuleNotFoundError) -> MissingExtraError:
    return MissingExtraError(
        f"LiteRT needs {error.name}, which is not installed: pip install 'obfnet[litert]' (2 GB), "
        "or take the format onnx"
    )


_QUANTISERS: Mapping[str, Callable[[bytes, Samples], bytes]] = {
    "dynamic-int8": lambda content, ranges: _tool("litert_int8").dynamic_int8(content, ranges),
    "int8": lambda content, ranges: _tool("litert_int8").full_int8(content, ranges),
}


def _exported(module: nn.Module, example: Samples) -> bytes:
    try:
        import litert_torch
    except ModuleNotFoundError as error:
        raise _missing(error) from error
    try:
        content: bytes = litert_torch.convert(module, (torch.from_numpy(example),)).model_content()
    except Exception as error:  # the exporter's errors share no public base
        raise ExportError(
            f"litert-torch cannot export this {type(module).__name__}: "
            f"{str(error).splitlines()[0] if str(error) else error!r}"
        ) from error
    return content


def _compare(module: nn.Module, content: bytes, samples: Samples, tolerance: float) -> None:
    try:
        net = litert_net(content)
    except (ValueError, RuntimeError) as error:
        raise ExportError(f"LiteRT does not run the exported net: {error}") from error
    check_parity(module, net, samples, tolerance)
