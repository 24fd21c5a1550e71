"""``obfnet study obfnet-mnist``: Fig. 10, ObfNets of every width, and what leaks from each."""

from __future__ import annotations

from dataclasses import replace
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
#: A sample through I_C and back is what costs time: 20,000 of them, and all for a few widths.
MOST, THROUGH = 20_000, Schedule(epochs=4, batch=64, rate=2e-3)
PATIENT, PATIENT_WIDTHS = Schedule(epochs=10, batch=64, rate=2e-3), (8, 64, 512)
#: I_M costs little.
LONG = Schedule(epochs=8, batch=128, rate=2e-3)
CODEBOOK = Schedule(epochs=10, rate=4e-3)
#: Of which widths it is measured what leaks, by InfNet.
AUDITED = {"I_C": WIDTHS, "I_M": PATIENT_WIDTHS}
CHOSEN = "checkpoints are chosen on validation samples"
DIFFERS = {
    "I_C": f"{MOST:,} of 55,000 samples, {THROUGH.epochs} epochs: not yet converged, see "
    f"the rows named long; {CHOSEN}",
    "I_M": f"{LONG.epochs} epochs; {CHOSEN}; the paper's text has no number",
}


def obfnet_mnist(ask: Ask) -> Path:
    """Every width for I_C, a few of them again at leisure, then every width for I_M."""
    return run(tuple(_setting(label) for label in CLEAN), TITLE, ask)


def _setting(label: str) -> Setting:
    through = THROUGH if label == "I_C" else LONG
    most = MOST if label == "I_C" else None

    def published(kind: str, width: int) -> Trial:
        audited = int(width in AUDITED[label])
        return _published(kind, width, label, through, most, audited, DIFFERS[label])

    return Setting(
        data="mnist",
        infnet="mnist-ic" if label == "I_C" else "mnist-im",
        label=label,
        schedule=Schedule(epochs=10, batch=64) if label == "I_C" else Schedule(epochs=12),
        trials=(
            Trial("beyond", "codebook", CODEBOOK, Codebook(10)),
            *(published(kind, width) for kind in ("O_M", "O_C") for width in WIDTHS),
            Trial("beyond", "bits-8", through, Bits(8), most=most),
            Trial("beyond", "bits-16", through, Bits(16), most=most),
            *(_patient() if label == "I_C" else ()),
        ),
        split=mnist.split,
        split_label="55,000/5,000/official 10,000",
        paper=(CLEAN[label],),
    )


def _patient() -> tuple[Trial, ...]:
    """A few widths of O_M on all samples: how much of a drop is haste."""
    differs = f"{PATIENT.epochs} epochs; {CHOSEN}"
    return tuple(
        replace(
            _published("O_M", width, "I_C", PATIENT, None, 1, differs), name=f"O_M-{width} long"
        )
        for width in PATIENT_WIDTHS
    )


def _published(
    kind: str,
    width: int,
    label: str,
    schedule: Schedule,
    most: int | None,
    audited: int,
    differs: str,
) -> Trial:
    paper: Published = ()
    if (kind, label) == ("O_M", "I_C"):
        paper = tuple(round(CLEAN[label] - drop, 4) for drop in DROPS)
    name = "mnist-om" if kind == "O_M" else "mnist-oc"
    return Trial(
        "Fig. 10", f"{kind}-{width}", schedule, published=name, width=width, audited=audited,
        most=most, paper=paper, differs=differs,
    )  # fmt: skip
