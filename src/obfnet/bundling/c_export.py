"""A device's set as C99: int8 encoders and byte tables as arrays, and one file that runs them.

For microcontrollers, which have neither Python nor files. Nothing is allocated; the codebook is the
mechanism, so what leaves the device is one of K stored samples, as everywhere.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from obfnet import files
from obfnet.bundling.gate import Gate
from obfnet.bundling.integer_net import STEPS, IntegerNet, Layer, Product
from obfnet.bundling.integer_quantise import integer_net
from obfnet.bundling.onnx_export import export_onnx
from obfnet.bundling.table import restore, store
from obfnet.errors import ExportError, SpecError
from obfnet.forging.obfnet import ObfNet, Table
from obfnet.forging.sets import ObfNetSet
from obfnet.mechanisms.codebook import Codebook
from obfnet.mechanisms.entropy import Uniform, choice
from obfnet.specs import Samples, SampleSpec

#: The files that are the same for every set, and the one that is not.
RUNTIME, WEIGHTS = ("obfnet.c", "obfnet.h"), "obfnet_weights.h"
_WIDTH = 96


@dataclass(frozen=True, eq=False)
class CExport:
    """A set as C.

    Args:
        sources: texts by file name.
        nets: the encoders, in the order of the set; ``codes`` is what the C computes.
        accuracy: of the InfNet through each ObfNet as exported, on the gate's samples.
        flash: bytes of its constant arrays; what describes layers and the code come on top.
        ram: bytes of its static buffers.
    """

    sources: dict[str, str]
    nets: tuple[IntegerNet, ...]
    accuracy: tuple[float, ...]
    flash: int
    ram: int

    def save(self, folder: Path) -> None:
        """Write the files to ``folder``."""
        for name, text in self.sources.items():
            files.write(folder / name, text)


@dataclass(frozen=True, eq=False)
class _Compact:
    """One ObfNet as C holds it: rows are bytes ``(K, E, *shape)``."""

    net: IntegerNet
    rows: npt.NDArray[np.uint8]
    accuracy: float


def export_c(obfnets: ObfNetSet, gate: Gate) -> CExport:
    """Export a set of codebook ObfNets as C99.

    Args:
        obfnets: one device's set.
        gate: judges each ObfNet as exported, and gives the samples that ranges are taken from.

    Raises:
        SpecError: the set is empty, or its mechanism is not a codebook.
        ExportError: a layer that integers do not compute, rows that the InfNet answers otherwise
            when stored as bytes, or an accuracy that the gate does not allow.
    """
    if not obfnets.obfnets:
        raise SpecError("the set is empty, expected at least one ObfNet")
    made = [
        _compact(obfnet, f"ObfNet {position} as C", obfnets.probes, gate)
        for position, obfnet in enumerate(obfnets.obfnets)
    ]
    buffer = max(_buffer(each.net) for each in made)
    weights = _weights_file(made, obfnets, buffer)
    runtime = resources("obfnet.bundling") / "c"
    sources = {name: (runtime / name).read_text(encoding="utf-8") for name in RUNTIME}
    return CExport(
        {**sources, WEIGHTS: weights},
        tuple(each.net for each in made),
        tuple(each.accuracy for each in made),
        sum(_flash(each) for each in made),
        2 * buffer,
    )


def _compact(obfnet: ObfNet, what: str, probes: Samples, gate: Gate) -> _Compact:
    if not isinstance(obfnet.mechanism, Codebook) or not isinstance(obfnet.decoder, Table):
        raise SpecError(
            f"C is exported for the codebook, not for {obfnet.mechanism.name!r}: forge with "
            "mechanism='codebook', or export a bundle"
        )
    net = integer_net(export_onnx(obfnet.encoder, probes), obfnet.spec, gate.calibration)
    forged = obfnet.decoder.rows.numpy()
    alike = gate.answers_alike(forged.reshape(-1, *obfnet.spec.shape))
    kept = store(forged, obfnet.spec, alike)
    stored = np.load(io.BytesIO(kept.content), allow_pickle=False)
    if stored.dtype != np.uint8:
        raise ExportError(f"{what}: the InfNet answers otherwise to rows that are stored as bytes")
    rows = restore("rows", kept.content, kept.scale, kept.offset, obfnet.spec)

    def exported(samples: Samples, uniform: Uniform) -> Samples:
        released: Samples = rows[net.codes(samples), choice(len(samples), rows.shape[1], uniform)]
        return released

    return _Compact(net, stored, gate.check(what, obfnet, exported))


def _buffer(net: IntegerNet) -> int:
    """Bytes of the largest activation; a sample itself may have to fit as well."""
    return max(int(np.prod(layer.shape)) for layer in net.layers)


def _flash(each: _Compact) -> int:
    arrays = [array for layer in each.net.layers for array in _arrays(layer).values()]
    return each.rows.nbytes + sum(array.nbytes for array in arrays)


def _arrays(layer: Layer) -> dict[str, npt.NDArray[Any]]:
    if not isinstance(layer, Product):
        return {}
    return {
        "weights": layer.weights,
        "bias": layer.bias,
        "factors": layer.factors,
        "shifts": layer.shifts,
    }


def _weights_file(made: list[_Compact], obfnets: ObfNetSet, buffer: int) -> str:
    spec, rows = obfnets.obfnets[0].spec, made[0].rows
    if any(each.rows.shape != rows.shape for each in made):
        raise SpecError("the ObfNets of a set have tables of different shapes, expected one")
    lines = [
        "/* Made by obfnet; do not edit. */",
        "#ifndef OBFNET_WEIGHTS_H",
        "#define OBFNET_WEIGHTS_H",
        "",
        *_sizes(spec, len(made), rows.shape[0], rows.shape[1], buffer),
        "",
        f'#define OBFNET_INFNET "{obfnets.infnet}"',
        "",
        "#endif",
        "",
        "#if defined(OBFNET_WEIGHTS) && !defined(OBFNET_WEIGHTS_DONE)",
        "#define OBFNET_WEIGHTS_DONE",
        "",
        "#include <stdint.h>",
        "",
        _TYPES,
    ]
    for number, each in enumerate(made):
        lines += _net_lines(number, each)
    lines.append("static const obfnet_net obfnet_nets[OBFNET_NETS] = {")
    lines += [
        f"    {{layers_{number}, {len(each.net.layers)}, rows_{number}}},"
        for number, each in enumerate(made)
    ]
    return "\n".join([*lines, "};", "", "#endif", ""])


def _sizes(spec: SampleSpec, nets: int, codes: int, exemplars: int, buffer: int) -> list[str]:
    low, high = np.float32(spec.low), np.float32(spec.high)
    numbers: dict[str, object] = {
        "SIZE": f"{spec.size}u",
        "LOW": _float(low),
        "HIGH": _float(high),
        "STEP": _float((high - low) / np.float32(STEPS)),
        "STEPS": _float(np.float32(STEPS / (high - low))),
        "NETS": f"{nets}u",
        "CODES": f"{codes}u",
        "EXEMPLARS": f"{exemplars}u",
        "BUFFER": f"{buffer}u",
    }
    return [f"#define OBFNET_{name} {value}" for name, value in numbers.items()]


_TYPES = """\
enum { OBFNET_PRODUCT, OBFNET_AVERAGE, OBFNET_GREATEST };

typedef struct {
    const int8_t *weights;
    const int32_t *bias;
    const uint16_t *factors;
    const uint8_t *shifts;
    uint16_t channels, height, width;
    uint16_t outputs, rows, columns;
    uint16_t depth, kernel_height, kernel_width;
    uint8_t stride_down, stride_right, top, left, padding, kind;
} obfnet_layer;

typedef struct {
    const obfnet_layer *layers;
    unsigned count;
    const uint8_t *rows;
} obfnet_net;
"""


def _net_lines(number: int, each: _Compact) -> list[str]:
    lines = _array(f"rows_{number}", each.rows)
    structs = []
    for position, layer in enumerate(each.net.layers):
        place = f"{number}_{position}"
        for name, array in _arrays(layer).items():
            lines += _array(f"{name}_{place}", array)
        structs.append(_struct(layer, place))
    return [*lines, f"static const obfnet_layer layers_{number}[] = {{", *structs, "};", ""]


def _struct(layer: Layer, place: str) -> str:
    names = [f"{name}_{place}" for name in _arrays(layer)] or ["0"] * 4
    if isinstance(layer, Product):
        kind, padding, (top, left, _, _) = "PRODUCT", layer.padding, layer.pads
        depth, *kernel = layer.weights.shape[1:]
    else:
        kind, padding, (top, left) = "AVERAGE" if layer.average else "GREATEST", 0, (0, 0)
        depth, *kernel = 1, *layer.kernel
    small = [*layer.strides, top, left, padding]
    large = [*layer.shape, *layer.result, depth, *kernel]
    if max(large) > 0xFFFF or max(small) > 0xFF:
        raise ExportError(f"a layer of shape {layer.shape} is too large for C's 16 bits")
    numbers = ", ".join(map(str, (*large, *small)))
    return f"    {{{', '.join(names)}, {numbers}, OBFNET_{kind}}},"


def _array(name: str, values: npt.NDArray[Any]) -> list[str]:
    kind = f"{values.dtype.name}_t"
    return [f"static const {kind} {name}[] = {{", *_wrapped(values.ravel().tolist()), "};", ""]


def _wrapped(numbers: Iterable[int]) -> Iterable[str]:
    line = "   "
    for number in numbers:
        text = f" {number},"
        if len(line) + len(text) > _WIDTH:
            yield line
            line = "   "
        line += text
    yield line


def _float(value: np.float32) -> str:
    text = np.format_float_positional(value, unique=True, trim="0")
    return f"{text}f" if value >= 0 else f"({text}f)"
