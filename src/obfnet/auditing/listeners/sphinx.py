"""PocketSphinx: hidden Markov models of US English, with a grammar of ten words."""

from __future__ import annotations

from importlib import import_module

import numpy as np

from obfnet.auditing.listeners.listener import WORDS, Clips, Listener, folder_of, heard
from obfnet.data.mfcc import RATE
from obfnet.specs import Labels

WHEEL = "pocketsphinx==5.1.1"
GRAMMAR = f"#JSGF V1.0;\ngrammar digits;\npublic <digit> = {' | '.join(WORDS)};\n"
#: Amplitude of the faint noise that stands for silence: digital zero has no logarithm.
HISS = 1e-4
#: Seconds before and after the word: more silence shifts the means that sound is taken against.
PAUSE = 0.1


def sphinx(practice: Clips) -> Listener:
    """The recogniser as it comes; it does not practise (Huggins-Daines et al. 2006).

    Raises:
        MissingExtraError: it is not installed.
    """
    models = folder_of("pocketsphinx", WHEEL) / "model" / "en-us"
    decoder = import_module("pocketsphinx").Decoder(
        hmm=str(models / "en-us"),
        dict=str(models / "cmudict-en-us.dict"),
        lm=None,
        upperf=RATE / 2,  # there is nothing above, and the model is told so
        loglevel="FATAL",
    )
    decoder.add_jsgf_string("digits", GRAMMAR)
    decoder.activate_search("digits")

    def listen(clips: Clips) -> Labels:
        hiss = np.random.default_rng(0)
        found = np.full(len(clips), -1, np.int64)
        for position, clip in enumerate(clips):
            clear = heard(clip, PAUSE)
            noisy = clear + HISS * hiss.standard_normal(len(clear))
            decoder.start_utt()
            decoder.process_raw((32767 * noisy).astype("<i2").tobytes(), full_utt=True)
            decoder.end_utt()
            best = decoder.hyp()
            if best is not None and best.hypstr in WORDS:
                found[position] = WORDS.index(best.hypstr)
        return found

    return listen
