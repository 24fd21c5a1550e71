"""How unlike the ObfNets of a fleet are, on the same samples; twins among them are refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from obfnet.errors import NotForgeableError
from obfnet.forging.obfnet import ObfNet, Table
from obfnet.seeds import branch
from obfnet.specs import Samples

#: Two ObfNets whose x' or tables differ by less, in standard deviations of a value of x', are one.
LEAST_DISTANCE = 0.05
#: So are two whose encoders' weights differ by no more than rounding, relative to their length.
LEAST_WEIGHTS = 1e-6
#: Pairs on which the transfer of a decoder is tried, drawn at random.
TRIED = 12
#: Share of the samples a decoder is fitted on; the rest judge it.
FITTED = 0.7

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Distinctness:
    """Over all pairs of a fleet; every figure is of the same samples.

    Args:
        obfnets: how many were compared.
        weights: least distance of two encoders' weights, relative to their length.
        obfuscated: least and mean distance of two x', in standard deviations of a value.
        codes: greatest and mean share of samples on which two release the same code.
        own: leakage of a linear decoder on the ObfNet it was fitted to, mean over pairs; on the
            scale of an audit but with the mean of x as its floor, so that a label counts.
        transfer: the same decoder on the other ObfNet of the pair.
    """

    obfnets: int
    weights: float
    obfuscated: tuple[float, float]
    codes: tuple[float, float]
    own: float
    transfer: float

    def to_dict(self) -> dict[str, object]:
        """Plain JSON-ready fields."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}


def compare(obfnets: Sequence[ObfNet], samples: Samples, seed: int) -> Distinctness:
    """Measure how unlike ``obfnets`` are, and refuse two that are the same.

    Args:
        obfnets: at least two.
        samples: what they are compared on, ``(n, *shape)``, a few hundred.
        seed: fixes draws of mechanisms and which pairs a decoder is tried on.

    Raises:
        NotForgeableError: two ObfNets give nearly the same x', or have the same encoder or table.
    """
    count = len(obfnets)
    draw = np.random.default_rng(branch(seed, "distinct"))
    weights = np.stack([_weights(obfnet) for obfnet in obfnets])
    released = [_released(obfnet, samples, branch(seed, "noise")) for obfnet in obfnets]
    obfuscated = np.stack(
        [
            _decoded(obfnet, codes, branch(seed, "exemplars"))
            for obfnet, codes in zip(obfnets, released, strict=True)
        ]
    )
    spread = float(obfuscated.std()) or 1.0
    apart_weights = _distances(weights) / max(1e-12, float(np.linalg.norm(weights, axis=1).mean()))
    apart = _distances(obfuscated.reshape(count, -1)) / (spread * obfuscated[0].size ** 0.5)
    same = np.array([[_same(one, other) for other in released] for one in released])
    pairs = np.triu_indices(count, 1)
    _refuse_twins("x'", apart, LEAST_DISTANCE)
    _refuse_twins("encoders", apart_weights, LEAST_WEIGHTS)
    # Encoders that often disagree make x' differ, even if every row is the same.
    tables = [o.decoder.rows.mean(1).flatten() for o in obfnets if isinstance(o.decoder, Table)]
    if tables:
        rows = torch.stack(tables).numpy()
        _refuse_twins("tables", _distances(rows) / (spread * rows[0].size ** 0.5), LEAST_DISTANCE)
    tried = draw.permutation(len(pairs[0]))[:TRIED]
    own, transfer = zip(
        *(
            _transfer(obfuscated[pairs[0][pair]], obfuscated[pairs[1][pair]], samples)
            for pair in tried
        ),
        strict=True,
    )
    return Distinctness(
        obfnets=count,
        weights=float(apart_weights[pairs].min()),
        obfuscated=(float(apart[pairs].min()), float(apart[pairs].mean())),
        codes=(float(same[pairs].max()), float(same[pairs].mean())),
        own=float(np.mean(own)),
        transfer=float(np.mean(transfer)),
    )


def _refuse_twins(what: str, apart: Values, least: float) -> None:
    pairs = np.triu_indices(len(apart), 1)
    alike = int((apart[pairs] < least).sum())
    if alike:
        nearest = int(apart[pairs].argmin())
        one, other = int(pairs[0][nearest]), int(pairs[1][nearest])
        raise NotForgeableError(
            f"{alike} pairs of ObfNets are not distinct: the {what} of numbers {one} and {other} "
            f"differ by {apart[one, other]:.2g}, expected at least {least}: forge with another "
            "seed, or with other rows or a larger pool"
        )


def _weights(obfnet: ObfNet) -> Values:
    flat = [p.detach().reshape(-1) for p in obfnet.encoder.parameters()]
    return torch.cat(flat).double().numpy() if flat else np.zeros(1)


def _released(obfnet: ObfNet, samples: Samples, seed: int) -> npt.NDArray[np.generic]:
    """Released codes, with the same draws for every ObfNet."""
    with torch.inference_mode():
        code = obfnet.encoder(torch.tensor(samples)).numpy()
    return obfnet.mechanism.release(code, np.random.default_rng(seed).random)


def _decoded(obfnet: ObfNet, released: npt.NDArray[np.generic], seed: int) -> Samples:
    """x', with the same draws of exemplars for every ObfNet."""
    decode: Callable[..., Tensor] = obfnet.decoder
    if isinstance(decode, Table):
        decode = partial(decode, uniform=np.random.default_rng(seed).random)
    with torch.inference_mode():
        made: Samples = decode(torch.from_numpy(released)).numpy()
    return made


def _distances(rows: npt.NDArray[np.floating]) -> Values:
    exact = rows.astype(np.float64)
    squares = (exact**2).sum(1)
    gram = exact @ exact.T
    return np.asarray(np.sqrt(np.maximum(squares[:, None] + squares[None] - 2 * gram, 0)))


def _same(one: npt.NDArray[np.generic], other: npt.NDArray[np.generic]) -> float:
    return float((one == other).reshape(len(one), -1).all(axis=1).mean())


def _transfer(one: Samples, other: Samples, samples: Samples) -> tuple[float, float]:
    """Share of the variance of x that a linear decoder of ``one`` finds in it, and in ``other``."""
    fitted = int(FITTED * len(samples))
    x = samples.reshape(len(samples), -1).astype(np.float64)
    centre, mean = one[:fitted].reshape(fitted, -1).mean(0), x[:fitted].mean(0)
    seen = one.reshape(len(one), -1) - centre
    # Few samples, many values: ridge regression in its dual form.
    gram = seen[:fitted] @ seen[:fitted].T
    penalty = 1e-3 * np.trace(gram) / fitted + 1e-9
    dual = np.linalg.solve(gram + penalty * np.eye(fitted), x[:fitted] - mean)
    total = ((x[fitted:] - mean) ** 2).sum()

    def found(obfuscated: Samples) -> float:
        guess = (obfuscated.reshape(len(one), -1)[fitted:] - centre) @ seen[:fitted].T @ dual
        return max(0.0, 1 - float(((guess + mean - x[fitted:]) ** 2).sum() / total))

    return found(one), found(other)
