"""Text of others, safe to print on a terminal or to keep in a log."""

from __future__ import annotations

#: What stands for a character that is not printed.
REPLACED = "\ufffd"


def printable(text: str) -> str:
    """``text`` on one line, without escapes, surrogates and what else is no visible character."""
    return "".join(each if each.isprintable() else REPLACED for each in text)
