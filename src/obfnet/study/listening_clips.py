"""Who listens to spoken digits: recognisers of speech, and one that learns obfuscated sound."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from types import MappingProxyType

from obfnet.auditing.examinations.listeners import LISTENERS
from obfnet.auditing.listeners.listener import Clips, Listener
from obfnet.data import mfcc
from obfnet.errors import MissingExtraError
from obfnet.forging.loop import Schedule
from obfnet.progress import say
from obfnet.seeds import branch
from obfnet.specs import Samples
from obfnet.study.alternatives_offer import Bench
from obfnet.study.listening_panel import Counts, Panel, drawn
from obfnet.study.listening_sound import sound_of

#: What each of ``LISTENERS`` is installed as.
PACKAGES = MappingProxyType({"Moonshine tiny": "moonshine_voice", "PocketSphinx": "pocketsphinx"})
#: Turning MFCC into sound takes a good part of a second for each clip.
COUNTS = Counts(asked=300, learnt=600, chosen=150)
SCHEDULE = Schedule(epochs=40, batch=32)
#: Raw clips that a recogniser is fitted to; no obfuscated one.
PRACTICE = 60


def installed() -> tuple[str, ...]:
    """Sorted names of the recognisers that can be asked here; none of them is loaded."""
    return tuple(sorted(name for name, package in PACKAGES.items() if find_spec(package)))


def clip_panel(
    bench: Bench, makers: Mapping[str, Callable[[Clips], Listener]] = LISTENERS
) -> Panel:
    """The panel for ``fsd``; a recogniser that is not installed is left out, and said.

    Raises:
        MissingExtraError: librosa is not installed.
    """
    seed = branch(bench.place.seed, "sound") % 2**32  # all that numpy's old generator takes

    def sense(samples: Samples) -> Clips:
        return sound_of(samples, seed, bench.folder / "sound")

    practice = sense(drawn(bench, "train", PRACTICE // (6 if bench.quick else 1)).samples)
    made: dict[str, Listener] = {}
    for name, make in makers.items():
        try:
            made[name] = make(practice)
        except MissingExtraError as error:
            say(f"  left out: {error}")
    return Panel(bench, made, sense, mfcc.features, COUNTS, SCHEDULE)
