"""``obfnet study obfnet-asl`` and ``obfnet-asl64``: signs, Fig. 13, on two kinds of splits.

The paper splits frames of a few recordings at random: the neighbour of a test frame was trained
on. That number stands beside the one on recordings that were held out.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from obfnet.data.asl import split_sessions
from obfnet.data.dataset import Dataset
from obfnet.data.splits import Splits, split
from obfnet.forging.loop import Schedule
from obfnet.mechanisms.bits import Bits
from obfnet.mechanisms.codebook import Codebook
from obfnet.study.obfnet_paper.run import run
from obfnet.study.obfnet_paper.trial import Published, Setting, Trial
from obfnet.study.study import Ask

TITLE = "The ObfNet paper's sign language again, 32x32"
TITLE_64 = "The ObfNet paper's sign language again, 64x64"
CLEAN = 0.9982
#: The greatest and the least drop over widths, by ObfNet.
DROPS = {"O_M": (0.0281, 0.0012), "O_C": (0.0235, 0.0152)}
#: One frame in so many of each class: what 2 processors do in the budget.
EVERY, EVERY_64 = 10, 4
FRAMES = "random frames 80/10/10"
SESSIONS = "sessions held out 2/1/1"
#: Small batches: a frame through I_C and back is what costs time here, not a step. (In batches of
#: 64 I_C, 23 M parameters at 32x32 and 111 M at 64x64, was right for 88.6 % after 16 epochs.)
TAUGHT, TAUGHT_64 = Schedule(16, 16, 5e-4), Schedule(6, 16, 5e-4)
#: At higher rates O_M's neurons go out one by one (decision 24); normalised codes need not fear it.
THROUGH, THROUGH_64 = Schedule(20, 16, 5e-4), Schedule(4, 16, 5e-4)
BITS, BITS_64 = Schedule(6, 16), Schedule(3, 16)
CODEBOOK, CODEBOOK_64 = Schedule(60, 64, 4e-3), Schedule(30, 64, 4e-3)
DIFFERS = (
    "{side}x{side} pixels, {count:,} of {whole:,} frames, {classes} classes, {epochs} epochs; "
    "checkpoints are chosen on validation frames; {split}"
)
#: The paper's range where it can be compared, the least where sessions are held out.
WIDTHS_64: dict[str, dict[str, tuple[int, ...]]] = {
    FRAMES: {"O_M": (256, 1024), "O_C": (512,)},
    SESSIONS: {"O_M": (256,), "O_C": (512,)},
}
SPLITS: dict[str, Callable[[Dataset, int], Splits]] = {FRAMES: split, SESSIONS: split_sessions}


def obfnet_asl(ask: Ask) -> Path:
    """Both splits at 32x32, 29 classes; then Massey's gestures for signer and light."""
    return run((*(_small(label) for label in SPLITS), MASSEY), TITLE, ask)


def obfnet_asl64(ask: Ask) -> Path:
    """Both splits at the paper's size, 24 letters, with nets of the paper's parameter counts."""
    return run(tuple(_large(label) for label in SPLITS), TITLE_64, ask)


def _small(split_label: str) -> Setting:
    told = _telling(32, 87_000 // EVERY, 87_000, 29, split_label)
    return Setting(
        data="asl29",
        options={"every": EVERY},
        infnet="asl-ic",
        label="I_C",
        schedule=TAUGHT,
        trials=(
            Trial("beyond", "codebook", CODEBOOK, Codebook(29)),
            _published("O_M", 256, THROUGH, told(epochs=THROUGH.epochs)),
            _published("O_C", 512, THROUGH, told(epochs=THROUGH.epochs)),
            Trial("beyond", "bits-16", BITS, Bits(16)),
        ),
        split=SPLITS[split_label],
        split_label=split_label,
        recordings=split_label == SESSIONS,
        attributes=split_label == FRAMES,
        paper=(CLEAN,),
        differs=told(epochs=TAUGHT.epochs),
    )


def _large(split_label: str) -> Setting:
    told = _telling(64, 24_000 // EVERY_64, 72_000, 24, split_label)
    return Setting(
        data="asl24",
        options={"every": EVERY_64},
        infnet="asl-ic",
        label="I_C",
        schedule=TAUGHT_64,
        trials=(
            Trial("beyond", "codebook", CODEBOOK_64, Codebook(24)),
            *(
                _published(kind, width, THROUGH_64, told(epochs=THROUGH_64.epochs))
                for kind, widths in WIDTHS_64[split_label].items()
                for width in widths
            ),
            Trial("beyond", "bits-16", BITS_64, Bits(16)),
        ),
        split=SPLITS[split_label],
        split_label=split_label,
        recordings=split_label == SESSIONS,
        attributes=split_label == FRAMES,
        paper=(CLEAN,),
        differs=told(epochs=TAUGHT_64.epochs),
    )


def _telling(side: int, count: int, whole: int, classes: int, split: str) -> Callable[..., str]:
    return partial(
        DIFFERS.format, side=side, count=count, whole=whole, classes=classes, split=split
    )


def _published(kind: str, width: int, schedule: Schedule, differs: str) -> Trial:
    paper: Published = tuple(round(CLEAN - drop, 4) for drop in DROPS[kind])
    name = "asl-om" if kind == "O_M" else "asl-oc"
    return Trial(
        "Fig. 13", f"{kind}-{width}", schedule, published=name, width=width, paper=paper,
        differs=differs,
    )  # fmt: skip


#: Beyond the paper: five signers in five lights, 2,515 gestures; its InfNet is MNIST's I_C.
MASSEY = Setting(
    data="massey",
    infnet="mnist-ic",
    label="I_C-small",
    schedule=Schedule(epochs=20, batch=32),
    trials=(
        Trial("beyond", "codebook", Schedule(40, 64, 4e-3), Codebook(36)),
        Trial("beyond", "O_M-256", Schedule(20, 64), published="asl-om", width=256),
        Trial("beyond", "bits-16", Schedule(30, 64, 3e-3), Bits(16)),
    ),
)
