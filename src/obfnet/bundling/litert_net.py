"""Runs a LiteRT file, one sample after another on one thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from obfnet.specs import Samples


def litert_net(content: bytes) -> Callable[[Samples], Samples]:
    """A callable net from the bytes of a LiteRT file whose batch size is 1.

    A batch of n is n runs: so the answer to a sample never depends on others, and the file is the
    one that microcontrollers take. Inputs and outputs of int8 are scaled here. Several threads may
    call the net; they take turns.

    Raises:
        ModuleNotFoundError: ``ai-edge-litert`` is not installed.
        ValueError, RuntimeError: the bytes are no LiteRT file, or none that can run here.
    """
    from ai_edge_litert.interpreter import Interpreter

    if content[4:8] != b"TFL3":
        raise ValueError("it does not begin as a LiteRT file does")
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    given = _only("inputs", interpreter.get_input_details())
    wanted = _only("outputs", interpreter.get_output_details())
    places = given["index"], wanted["index"]
    shape = tuple(int(length) for length in given["shape"][1:])
    answer = tuple(int(length) for length in wanted["shape"][1:])
    quantise, restore = _quantiser(given), _restorer(wanted)
    turn = threading.Lock()

    def run(values: Samples) -> Samples:
        if values.shape[1:] != shape:
            raise ValueError(f"the net takes samples of shape {shape}, got {values.shape[1:]}")
        inputs = quantise(values)
        outputs = np.empty((len(values), *answer), wanted["dtype"])
        with turn:
            for place in range(len(values)):
                interpreter.set_tensor(places[0], inputs[place : place + 1])
                interpreter.invoke()
                outputs[place] = interpreter.get_tensor(places[1])[0]
        return restore(outputs)

    run(np.zeros((1, *shape), np.float32))  # what cannot run is told now
    return run


def _only(what: str, details: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The one end of a net.

    Raises:
        ValueError: there is another number of them, or it is nothing that is run here.
    """
    if len(details) != 1:
        raise ValueError(f"it has {len(details)} {what}, expected one")
    end = details[0]
    scale, _ = end["quantization"]
    if end["dtype"] not in (np.float32, np.int8) or (end["dtype"] == np.int8 and not scale > 0):
        raise ValueError(f"one of its {what} is {end['dtype']}, expected float32 or scaled int8")
    if len(end["shape"]) < 2 or end["shape"][0] != 1 or -1 in end["shape_signature"]:
        raise ValueError(f"its {what} have shape {tuple(end['shape'])}, expected a batch of 1")
    return end


def _quantiser(end: dict[str, Any]) -> Callable[[Samples], Any]:
    if end["dtype"] == np.float32:
        return lambda values: values.astype(np.float32, copy=False)
    step, zero = (np.float32(each) for each in end["quantization"])

    def quantise(values: Samples) -> npt.NDArray[np.int8]:
        steps = values / step
        np.rint(steps, out=steps)
        steps += zero
        np.maximum(steps, -128, out=steps)
        np.minimum(steps, 127, out=steps)
        return steps.astype(np.int8)

    return quantise


def _restorer(end: dict[str, Any]) -> Callable[[Any], Samples]:
    if end["dtype"] == np.float32:
        return lambda values: np.asarray(values)
    step, zero = (np.float32(each) for each in end["quantization"])
    return lambda values: np.asarray((values.astype(np.float32) - zero) * step)
