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
#: A sample through I_C and back is what costs time.
THROUGH = Schedule(epochs=3, batch=64, rate=2e-3)
LONG = Schedule(epochs=8, batch=128, rate=2e-3)
CODEBOOK = Schedule(epochs=10, rate=4e-3)
DIFFERS = {
    "I_C": f"{THROUGH.epochs} epochs only, of 55,000 samples: accuracy still rises; checkpoints "
    "are chosen on validation samples",
    "I_M": f"{LONG.epochs} epochs of all samples; checkpoints are chosen on validation samples; "
    "the paper's text has no number",
}


def obfnet_mnist(ask: Ask) -> Path:
    """Every width for I_C, then for I_M."""
    return run(SETTINGS, TITLE, ask)


def _setting(label: str) -> Setting:
    through = THROUGH if label == "I_C" else LONG

    def published(kind: str, width: int) -> Trial:
        known: Published = ()
        if (kind, label) == ("O_M", "I_C"):
            known = tuple(round(CLEAN[label] - drop, 4) for drop in DROPS)
        return Trial(
            "Fig. 10", f"{kind}-{width}", through, published=f"mnist-{kind[0].lower()}"
            f"{kind[2].lower()}", width=width, paper=known, differs=DIFFERS[label],
        )  # fmt: skip

    return Setting(
        data="mnist",
        infnet="mnist-ic" if label == "I_C" else "mnist-im",
        label=label,
        schedule=Schedule(epochs=8, batch=64) if label == "I_C" else Schedule(epochs=12),
        trials=(
            Trial("beyond", "codebook", CODEBOOK, Codebook(10)),
            *(published(kind, width) for kind in ("O_M", "O_C") for width in WIDTHS),
            Trial("beyond", "bits-8", through, Bits(8)),
            Trial("beyond", "bits-16", through, Bits(16)),
        ),
        split=mnist.split,
        split_label="55,000/5,000/official 10,000",
        paper=(CLEAN[label],),
    )


SETTINGS = tuple(_setting(label) for label in ("I_C", "I_M"))
