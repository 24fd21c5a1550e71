"""Homomorphic inference: samples leave the device encrypted, and the backend computes on them.

CKKS (Cheon et al. 2017) in TenSEAL, with a net as CryptoNets has (Gilad-Bachrach et al., ICML
2016): convolution, square, dense, square, dense. The backend learns neither sample nor label, but
it must serve another model, trained for this, on another protocol.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np
from torch import Tensor, nn

from obfnet.auditing.intervals import of_fraction
from obfnet.errors import MissingExtraError
from obfnet.forging.infnet import train_infnet
from obfnet.forging.loop import Schedule
from obfnet.nets.frozen import TorchInfNet
from obfnet.progress import track
from obfnet.seeds import branch
from obfnet.specs import Samples
from obfnet.study.alternatives_offer import Bench
from obfnet.study.spread import spread
from obfnet.threads import available

CHANGE = "another model (squares only), another protocol, keys of every device"
SCHEDULE = Schedule(epochs=8, batch=64)


@dataclass(frozen=True)
class Setting:
    """Parameters of CKKS, 128-bit security by SEAL's tables.

    Args:
        degree: of the polynomials; half as many values fit in one ciphertext.
        bits: of each modulus; one is used up by each multiplication.
        scale: bits of the fixed point.
        count: samples that are encrypted and answered.
    """

    degree: int
    bits: tuple[int, ...]
    scale: int
    count: int

    @property
    def name(self) -> str:
        """For tables."""
        return f"homomorphic, CKKS N={self.degree}"


COARSE = Setting(8192, (31, *[26] * 6, 31), 26, 100)
FINE = Setting(16384, (60, *[38] * 6, 60), 38, 50)
SETTINGS = (COARSE, FINE)


@dataclass(frozen=True)
class Window:
    """The convolution: its size, stride and number of maps."""

    kernel: int = 7
    stride: int = 3
    maps: int = 4

    def along(self, length: int) -> int:
        """Positions along an axis of ``length``."""
        return (length - self.kernel) // self.stride + 1


class _Square(nn.Module):
    def forward(self, values: Tensor) -> Tensor:
        return values.square()


def cryptonet(shape: tuple[int, ...], classes: int, window: Window, hidden: int = 64) -> nn.Module:
    """Convolution, square, dense, square, dense; 17 k parameters on 28x28."""
    channels, height, width = shape
    between = window.maps * window.along(height) * window.along(width)
    return nn.Sequential(
        nn.Conv2d(channels, window.maps, window.kernel, window.stride),
        _Square(),
        nn.Flatten(),
        nn.Linear(between, hidden),
        _Square(),
        nn.Linear(hidden, classes),
    )


def trained(bench: Bench, window: Window) -> TorchInfNet:
    """The net, trained on raw samples as an InfNet is."""
    place = bench.place
    return train_infnet(
        partial(cryptonet, place.data.spec.shape, len(place.data.classes), window),
        place.data,
        place.splits,
        Schedule(1, SCHEDULE.batch) if bench.quick else SCHEDULE,
        branch(place.seed, "cryptonet"),
    )


class Device:
    """Who owns the keys: encrypts samples, decrypts answers.

    Args:
        setting: of CKKS.
        window: of the net's first layer: a sample is encrypted window by window.

    Raises:
        MissingExtraError: tenseal is not installed.
    """

    def __init__(self, setting: Setting, window: Window) -> None:
        self._ts, self._window = tenseal(), window
        self._context = self._ts.context(
            self._ts.SCHEME_TYPE.CKKS,
            poly_modulus_degree=setting.degree,
            coeff_mod_bit_sizes=list(setting.bits),
            n_threads=1,  # a device's part is timed on one thread in every row
        )
        self._context.global_scale = 2**setting.scale
        self._context.generate_galois_keys()

    def public(self) -> bytes:
        """What the backend is given once: parameters and keys to compute with, not to decrypt."""
        content: bytes = self._context.serialize(
            save_public_key=True, save_secret_key=False, save_galois_keys=True, save_relin_keys=True
        )
        return content

    def encrypt(self, sample: Samples) -> bytes:
        """One sample ``(1, height, width)``, as it goes over the wire."""
        kernel, stride = self._window.kernel, self._window.stride
        secret, _ = self._ts.im2col_encoding(
            self._context, sample[0].tolist(), kernel, kernel, stride
        )
        content: bytes = secret.serialize()
        return content

    def decrypt(self, answer: bytes) -> Samples:
        """Logits ``(classes,)``."""
        return np.array(self._ts.ckks_vector_from(self._context, answer).decrypt(), np.float32)


class Backend:
    """Who computes: it has the net and the public keys, and cannot read what it is sent.

    Args:
        public: of the device.
        net: of ``cryptonet``.
        positions: windows in a sample.
    """

    def __init__(self, public: bytes, net: nn.Module, positions: int) -> None:
        self._ts, self._positions = tenseal(), positions
        self.context = self._ts.context_from(public, n_threads=available())
        conv, _, _, dense, _, last = net.children()
        self._maps = [kernel[0].tolist() for kernel in conv.weight.data]  # type: ignore[union-attr]
        self._biases = conv.bias.data.tolist()  # type: ignore[operator]
        # A plain vector is added to the first slots only, yet the next product reads the copies of
        # a vector in all slots (TenSEAL issue 462): encrypted with the public key, it has copies.
        self._layers = [
            (
                layer.weight.data.T.tolist(),  # type: ignore[operator]
                self._ts.ckks_vector(self.context, layer.bias.data.tolist()),  # type: ignore[operator]
            )
            for layer in (dense, last)
        ]

    def answer(self, content: bytes) -> bytes:
        """Encrypted logits of an encrypted sample."""
        secret = self._ts.ckks_vector_from(self.context, content)
        found = [
            secret.conv2d_im2col(kernel, self._positions) + bias
            for kernel, bias in zip(self._maps, self._biases, strict=True)
        ]
        values = self._ts.CKKSVector.pack_vectors(found)
        for weights, biases in self._layers:
            values.square_()
            values = values.mm(weights) + biases
        answer: bytes = values.serialize()
        return answer


def homomorphic() -> Mapping[str, Callable[[Bench], dict[str, Any]]]:
    """A row for each of ``SETTINGS``, by its name."""
    return {setting.name: partial(measured, setting=setting) for setting in SETTINGS}


def measured(
    bench: Bench, setting: Setting = COARSE, window: Window | None = None
) -> dict[str, Any]:
    """Really encrypt, answer and decrypt ``setting.count`` test samples; a row of results.

    Accuracies, of the unmodified InfNet on raw samples too, are of these alone.

    Raises:
        MissingExtraError: tenseal is not installed.
    """
    tenseal()
    window = window or Window()
    place = bench.place
    net = trained(bench, window)
    height, width = place.data.spec.shape[1:]
    order = np.random.default_rng(branch(place.seed, "encrypted")).permutation(place.splits.test)
    held = place.data.take(order[: 2 if bench.quick else setting.count])
    device = Device(setting, window)
    public = device.public()
    backend = Backend(public, net.module, window.along(height) * window.along(width))
    taken: dict[str, list[float]] = {"encrypt": [], "answer": [], "decrypt": []}

    def timed(name: str, act: Callable[[Any], Any], given: object) -> Any:  # noqa: ANN401
        started = time.perf_counter()
        found = act(given)
        taken[name].append(time.perf_counter() - started)
        return found

    logits, sent = [], (b"", b"")
    for sample in track(held.samples, "encrypted inference", total=len(held)):
        question = timed("encrypt", device.encrypt, sample)
        reply = timed("answer", backend.answer, question)
        logits.append(timed("decrypt", device.decrypt, reply))
        sent = question, reply
    answers = np.stack(logits).argmax(axis=1)
    hits = int((answers == held.labels).sum())
    raw = float((bench.infnet.predict(held.samples) == held.labels).mean())
    clear = net.log_probabilities(held.samples).argmax(1)
    both = [one + other for one, other in zip(taken["encrypt"], taken["decrypt"], strict=True)]
    test = place.data.take(place.splits.test)
    return {
        "clean_accuracy": raw,
        "accuracy": hits / len(held),
        "drop": raw - hits / len(held),
        "accuracy_ci": list(of_fraction(hits, len(held))),
        "clear_accuracy": float((net.predict(test.samples) == test.labels).mean()),
        "agreement": float((answers == clear).mean()),
        "encrypted": len(held),
        "backend_change": CHANGE,
        "mechanism_args": {"degree": setting.degree, "bits": list(setting.bits),
                           "scale": setting.scale},
        "edge_ms": spread(both),
        "decrypt_ms": spread(taken["decrypt"]),
        "backend_ms": spread(taken["answer"]),
        "request_bytes": len(sent[0]),
        "response_bytes": len(sent[1]),
        "once_bytes": len(public),
        "unmeasured": {
            "leakage": "x' is a ciphertext: what an attacker learns rests on ring learning with "
            "errors at 128 bits, not on an attack here; the backend does not learn the label either"
        },
    }  # fmt: skip


def tenseal() -> ModuleType:
    """tenseal, imported when first needed: it is an extra.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import tenseal as module
    except ImportError as error:
        raise MissingExtraError(
            "homomorphic inference needs tenseal: pip install 'obfnet[homomorphic]'"
        ) from error
    found: ModuleType = module
    return found
