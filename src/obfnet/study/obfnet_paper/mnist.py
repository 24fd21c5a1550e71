"""``obfnet study obfnet-mnist``: Fig. 10, ObfNets of every width, and what leaks from each."""

from __future__ import annotations

from pathlib import Path

from obfnet.data import mnist
from obfnet.forging.loop import Schedule
from obfnet.mechanisms.bits import Bits
from obfnet.mechanisms.codebook import Codebook
from obfnet.study.obfnet_paper.run import run
from obfnet.study.obfnet_paper.trial import Published, Setting, Trial
from obfnet.study.study import Ask

TITLE = "The ObfNet paper's handwritten digits again"
WIDTHS = (8, 16, 32, 64, 128, 256, 512)
CLEAN = {"I_C": 0.9935, "I_M": 0.9847}
#: The greatest and the least drop of O_M-I_C over widths; of other pairs the text has no number.
DROPS = (0.0143, 0.0046)
#: Of InfNets.
TAUGHT = {"I_C": Schedule(epochs=16, batch=64), "I_M": Schedule(epochs=12)}
#: A sample through I_C and back is what costs time, through I_M it costs little.
THROUGH = {
    ("O_M", "I_C"): Schedule(epochs=8, batch=64, rate=2e-3),
    ("O_C", "I_C"): Schedule(epochs=4, batch=64),
    ("O_M", "I_M"): Schedule(epochs=8, batch=64, rate=2e-3),
    ("O_C", "I_M"): Schedule(epochs=8, batch=64),
}
BITS = Schedule(epochs=4, batch=64, rate=2e-3)
CODEBOOK = Schedule(epochs=10, rate=4e-3)
#: Of which widths it is measured what leaks, by InfNet.
AUDITED = {"I_C": WIDTHS, "I_M": (8, 64, 512)}
DIFFERS = "{epochs} epochs; checkpoints are chosen on validation samples{more}"
NO_NUMBER = "; the paper's text has no number for this pair"


def obfnet_mnist(ask: Ask) -> Path:
    """Every width for I_C, then for I_M."""
    return run(tuple(_setting(label) for label in CLEAN), TITLE, ask)


def _setting(label: str) -> Setting:
    return Setting(
        data="mnist",
        infnet="mnist-ic" if label == "I_C" else "mnist-im",
        label=label,
        schedule=TAUGHT[label],
        trials=(
            Trial("beyond", "codebook", CODEBOOK, Codebook(10)),
            *(_published(kind, width, label) for kind in ("O_M", "O_C") for width in WIDTHS),
            Trial("beyond", "bits-8", BITS, Bits(8)),
            Trial("beyond", "bits-16", BITS, Bits(16)),
        ),
        split=mnist.split,
        split_label="55,000/5,000/official 10,000",
        paper=(CLEAN[label],),
    )


def _published(kind: str, width: int, label: str) -> Trial:
    paper: Published = ()
    if (kind, label) == ("O_M", "I_C"):
        paper = tuple(round(CLEAN[label] - drop, 4) for drop in DROPS)
    schedule = THROUGH[kind, label]
    return Trial(
        "Fig. 10",
        f"{kind}-{width}",
        schedule,
        published="mnist-om" if kind == "O_M" else "mnist-oc",
        width=width,
        audited=int(width in AUDITED[label]),
        paper=paper,
        differs=DIFFERS.format(epochs=schedule.epochs, more="" if paper else NO_NUMBER),
    )
