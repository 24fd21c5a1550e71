"""LiteRT with int8 weights: with activations in float32, or in int8 from end to end."""

from __future__ import annotations

from ai_edge_quantizer import calibrator, qtyping, quantizer, recipe, recipe_manager
from ai_edge_quantizer.utils import qsv_utils

from obfnet.bundling import edge_tpu
from obfnet.bundling.litert_file import Graph, read
from obfnet.errors import ExportError
from obfnet.specs import Samples

#: Operators that multiply by weights, and which input those are.
_PRODUCTS = {"CONV_2D": 1, "DEPTHWISE_CONV_2D": 1, "FULLY_CONNECTED": 1, "TRANSPOSE_CONV": 1}
#: The name that ``litert-torch`` gives the one signature.
_SIGNATURE = "serving_default"


def dynamic_int8(content: bytes, calibration: Samples) -> bytes:
    """``content`` with int8 weights, one scale for each channel.

    Activations are scaled when it runs, for each sample alone.

    Args:
        content: float32 LiteRT with one input.
        calibration: not used.

    Raises:
        ExportError: a weight did not become int8.
    """
    made = _quantised(content, recipe.dynamic_wi8_afp32(), None)
    _check_weights(read(made))
    return made


def full_int8(content: bytes, calibration: Samples) -> bytes:
    """``content`` in int8 from its input to its output, as accelerators and microcontrollers run.

    Convolutions have a scale for each channel, dense layers one: that is how LiteRT's published
    int8 specification had them when the Edge TPU's compiler was made.

    Args:
        content: float32 LiteRT with one input.
        calibration: real inputs ``(n, *shape)`` that the ranges of activations are taken from.

    Raises:
        ExportError: something in it is not int8, or the Edge TPU's compiler does not take it.
    """
    rules = recipe_manager.RecipeManager()
    for operation, granularity in (
        (qtyping.TFLOperationName.ALL_SUPPORTED, qtyping.QuantGranularity.CHANNELWISE),
        (qtyping.TFLOperationName.FULLY_CONNECTED, qtyping.QuantGranularity.TENSORWISE),
    ):
        rules.add_static_config(".*", operation, 8, 8, weight_granularity=granularity)
    made = _quantised(content, rules.get_quantization_recipe(), calibration)
    graph = read(made)
    _check_weights(graph)
    _check_scales(graph)
    edge_tpu.check(graph)
    return made


def _quantised(
    content: bytes, rules: qtyping.ModelQuantizationRecipe, calibration: Samples | None
) -> bytes:
    worker = quantizer.Quantizer(bytearray(content), rules)
    ranges = None if calibration is None else _ranges(content, rules, calibration)
    return bytes(worker.quantize(ranges, enable_progress_report=False).quantized_model)


def _ranges(
    content: bytes, rules: qtyping.ModelQuantizationRecipe, calibration: Samples
) -> dict[str, qtyping.QSV]:
    """Least and greatest value of every activation.

    The quantiser's own way is a moving average of them, which clips what is rare: scores of a
    trained encoder then differ by more than a quarter.
    """
    known = recipe_manager.RecipeManager()
    known.load_quantization_recipe(rules)
    watch = calibrator.Calibrator(
        bytearray(content), num_threads=1, qsv_update_func=qsv_utils.min_max_update
    )
    given = [{"args_0": calibration[place : place + 1]} for place in range(len(calibration))]
    watch.calibrate({_SIGNATURE: given}, known)
    made: dict[str, qtyping.QSV] = watch.get_model_qsvs()
    return made


def _check_weights(graph: Graph) -> None:
    """Weights have two axes or more; scales, biases and shapes have one."""
    weights = [each for each in graph.tensors if each.constant and len(each.shape) > 1]
    wide = sorted({each.dtype for each in weights if each.dtype.startswith("FLOAT")})
    if wide or not any(each.dtype == "INT8" for each in weights):
        raise ExportError(
            f"weights that are not int8: {', '.join(wide) or 'there are no others'}; this net "
            "cannot be quantised, export it as float32"
        )


def _check_scales(graph: Graph) -> None:
    """Every convolution's weights have a scale for each channel of its output."""
    for operator in graph.operators:
        if operator.name in _PRODUCTS and operator.name != "FULLY_CONNECTED":
            weights, channels = operator.inputs[_PRODUCTS[operator.name]], operator.outputs[0].shape
            if weights.scales != channels[-1]:
                raise ExportError(
                    f"{operator.name} has {weights.scales} scales for {channels[-1]} channels, "
                    "expected one for each; export it as dynamic-int8"
                )
