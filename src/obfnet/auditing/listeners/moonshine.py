"""Moonshine tiny: a transformer of 27 M weights trained on 200,000 hours of English."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from obfnet.auditing.listeners.listener import WORDS, Clips, Listener, folder_of, heard
from obfnet.specs import Labels

WHEEL = "moonshine-voice==0.0.49"
BEGIN, END = 1, 2
#: Seconds before and after the word.
PAUSE = 0.5
LAYERS, HEADS, HEAD_SIZE = 6, 8, 36

Scores = npt.NDArray[np.float64]


def moonshine(practice: Clips) -> Listener:
    """Chooses the digit whose spelling the recogniser finds likeliest (Jeffries et al. 2024).

    Rare words are unlikely for it before it hears anything, so a digit's mean score over
    ``practice``, *raw* clips ``(n, audio samples)``, is taken off.

    Raises:
        MissingExtraError: it is not installed.
    """
    recogniser = _Recogniser(folder_of("moonshine_voice", WHEEL) / "assets" / "tiny-en")
    usual = recogniser.scores(practice).mean(axis=0)

    def listen(clips: Clips) -> Labels:
        found: Labels = (recogniser.scores(clips) - usual).argmax(axis=1)
        return found

    return listen


class _Recogniser:
    """Encoder and decoder as the package ships them, on one thread."""

    def __init__(self, folder: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._encoder, self._decoder = (
            onnxruntime.InferenceSession(folder / name, options, ["CPUExecutionProvider"])
            for name in ("encoder_model.ort", "decoder_model_merged.ort")
        )
        tokens = _tokens((folder / "tokenizer.bin").read_bytes())
        spellings = [(word, word.capitalize(), f"{word.capitalize()}.") for word in WORDS]
        self._texts = [[BEGIN, *_spelt(form, tokens), END] for forms in spellings for form in forms]
        self._digit = np.repeat(np.arange(len(WORDS)), [len(forms) for forms in spellings])
        self._padded = np.full((len(self._texts), max(map(len, self._texts))), END, np.int64)
        for row, text in zip(self._padded, self._texts, strict=True):
            row[: len(text)] = text

    def scores(self, clips: Clips) -> Scores:
        """Log-probability of each digit however it is spelt, ``(n, 10)``."""
        return np.stack([self._score(heard(clip, PAUSE)) for clip in clips])

    def _score(self, sound: npt.NDArray[np.float32]) -> Scores:
        batch = sound[None]
        (hidden,) = self._encoder.run(
            None, {"input_values": batch, "attention_mask": np.ones(batch.shape, np.int64)}
        )
        logits = self._decoder.run(["logits"], self._question(hidden))[0]
        peak = logits.max(axis=2, keepdims=True)
        total = (peak + np.log(np.exp(logits - peak).sum(axis=2, keepdims=True)))[:, :, 0]
        likely = np.array(
            [
                sum(answer[at, token] - sums[at] for at, token in enumerate(text[1:]))
                for answer, sums, text in zip(logits, total, self._texts, strict=True)
            ],
            np.float64,
        )
        return np.array(
            [np.logaddexp.reduce(likely[self._digit == digit]) for digit in range(len(WORDS))]
        )

    def _question(self, hidden: npt.NDArray[np.float32]) -> dict[str, npt.NDArray[Any]]:
        """All spellings of all digits at once, with nothing remembered from before."""
        count = len(self._texts)
        states = np.repeat(hidden, count, axis=0)
        empty = {
            f"past_key_values.{layer}.{part}.{kind}": np.zeros(
                (count, HEADS, length, HEAD_SIZE), np.float32
            )
            for layer in range(LAYERS)
            for part, length in (("decoder", 0), ("encoder", 1))
            for kind in ("key", "value")
        }
        return {
            "encoder_attention_mask": np.ones(states.shape[:2], np.int64),
            "input_ids": self._padded,
            "encoder_hidden_states": states,
            "use_cache_branch": np.array([False]),
            **empty,
        }


def _tokens(content: bytes) -> dict[bytes, int]:
    """The package's vocabulary: each token's length, one byte or two, then its bytes."""
    found: dict[bytes, int] = {}
    number = at = 0
    while at < len(content):
        length, at = content[at], at + 1
        if length >= 128:
            length, at = content[at] * 128 + length - 128, at + 1
        found[content[at : at + length]] = number
        number, at = number + 1, at + length
    return found


def _spelt(text: str, tokens: dict[bytes, int]) -> list[int]:
    """``text`` as the longest tokens that begin it; every byte is a token of its own."""
    rest, found = f"\u2581{text}".encode(), []  # the mark of a word's beginning
    while rest:
        length = next(size for size in range(len(rest), 0, -1) if rest[:size] in tokens)
        found.append(tokens[rest[:length]])
        rest = rest[length:]
    return found
