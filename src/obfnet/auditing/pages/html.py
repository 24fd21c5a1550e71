"""Pieces of HTML: a page, a section and a table that a screen reader can walk."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib.resources import files
from string import Template


class Markup(str):
    """Text that is HTML already; anything else is escaped."""

    __slots__ = ()


def page(title: str, *parts: str) -> str:
    """A whole page of ``parts``, which are HTML."""
    template = Template(files("obfnet.auditing.pages").joinpath("page.html").read_text("utf-8"))
    return template.substitute(title=escape(title), body="\n".join(parts))


def section(title: str, *parts: str) -> Markup:
    """A heading of second rank with ``parts``, which are HTML."""
    return Markup(f"<section><h2>{escape(title)}</h2>\n" + "\n".join(parts) + "</section>")


def paragraph(text: str) -> Markup:
    """``text`` as a paragraph; nothing where it is empty."""
    return Markup(f"<p>{inner(text)}</p>" if text else "")


def bullets(lines: Sequence[str]) -> Markup:
    """A list of ``lines``."""
    return Markup("<ul>" + "".join(f"<li>{inner(line)}</li>" for line in lines) + "</ul>")


def table(caption: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> Markup:
    """A table whose first column names its rows.

    Args:
        caption: what it shows.
        head: titles of the columns.
        rows: cells; each row as long as ``head``.
    """
    titles = "".join(f'<th scope="col">{inner(title)}</th>' for title in head)
    body = "\n".join(
        f'<tr><th scope="row">{inner(first)}</th>'
        + "".join(f"<td>{inner(cell)}</td>" for cell in rest)
        + "</tr>"
        for first, *rest in rows
    )
    return Markup(
        # Who has no mouse can only scroll what takes the focus.
        f'<div class="scroll" role="region" tabindex="0" aria-label="{inner(caption)}">'
        f"<table><caption>{inner(caption)}</caption>"
        f"<thead><tr>{titles}</tr></thead>\n<tbody>{body}</tbody></table></div>"
    )


def inner(text: str) -> str:
    """``text`` as it stands inside an element."""
    return text if isinstance(text, Markup) else escape(text)
