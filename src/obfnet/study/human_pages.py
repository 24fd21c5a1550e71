"""The pages of the human test: start, one question, end. No scripts but the number keys."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from string import Template

from obfnet.specs import Labels
from obfnet.study.confusion import among, said, table
from obfnet.study.human_store import Next, Store

PAGE = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>$title</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body { font: 18px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem; }
button { font: inherit; min-width: 3.5rem; min-height: 3.5rem; margin: .2rem; }
button:focus-visible, audio:focus-visible { outline: 3px solid #1a5fb4; outline-offset: 2px; }
fieldset { border: 1px solid #777; } img { image-rendering: pixelated; border: 1px solid #777; }
table { border-collapse: collapse; margin: 1rem 0; }
caption { text-align: left; font-weight: bold; }
td, th { padding: .2rem .6rem; text-align: right; border: 1px solid #bbb; }
</style></head><body><main><h1>$title</h1>$body</main></body></html>
""")

START = """
<p>You will $act $total short $things, one after another. Name the digit in each, even if you have
to guess. It takes some minutes. Press a number key, or choose a button.</p>
<p>Nothing is kept but your answers and the time of each.</p>
<form method="post" action="/start"><button type="submit" autofocus>Start</button></form>
"""

QUESTION = """
<p role="status" id="progress">Question $number of $total</p>
<p>$media</p>
<form method="post"><input type="hidden" name="item" value="$item">
<fieldset><legend>Which digit do you $sense?</legend>$buttons</fieldset></form>
<p>Keys: $first to $last to answer$more.</p>
<script nonce="$nonce">
addEventListener("keydown", event => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  const button = document.querySelector(`button[accesskey="$${event.key}"]`);
  if (button) { event.preventDefault(); button.click(); }
  const sound = document.querySelector("audio");
  if (sound && event.key === "p") { sound.currentTime = 0; sound.play(); }
});
document.querySelector("audio")?.play().catch(() => {});
</script>
"""


def start(total: int, heard: bool) -> str:
    """The first page."""
    words = {"act": "hear", "things": "clips"} if heard else {"act": "see", "things": "pictures"}
    return _page("What do you hear?" if heard else "What do you see?",
                 Template(START).substitute(total=total, **words))  # fmt: skip


def question(asked: Next, classes: Sequence[str], nonce: str) -> str:
    """One item and a button for each class.

    Args:
        asked: the item; its truth and subject do not go on the page.
        classes: names of the answers.
        nonce: of the page's script.
    """
    heard, media = asked.item.heard, escape(asked.item.media)
    shown = (
        f'<audio controls src="{media}" aria-label="the clip"></audio>'
        if heard
        else f'<img src="{media}" alt="the picture to be named">'
    )
    buttons = "".join(
        f'<button type="submit" name="said" value="{number}" accesskey="{escape(name)}">'
        f"{escape(name)}</button>"
        for number, name in enumerate(classes)
    )
    body = Template(QUESTION).substitute(
        number=asked.answered + 1,
        total=asked.total,
        item=asked.number,
        media=shown,
        sense="hear" if heard else "see",
        buttons=buttons,
        first=escape(classes[0]),
        last=escape(classes[-1]),
        more=", p to play again" if heard else "",
        nonce=nonce,
    )
    return _page(f"Question {asked.answered + 1}", body)


def end(store: Store, token: str, classes: Sequence[str]) -> str:
    """What this volunteer named right, and the confusion matrices of all."""
    own, everyone = store.answers(token), store.answers()
    lines = "".join(
        f"<li>{escape(name)}: {_line(*found, len(classes))}</li>" for name, found in own.items()
    )
    tables = "".join(
        table(f"{name}: {_line(*found, len(classes))}", _matrix(*found, len(classes)), classes)
        for name, found in everyone.items()
    )
    return _page(
        "Thank you",
        f'<p role="status" id="done">All questions are answered.</p><h2>You</h2><ul>{lines}</ul>'
        f"<h2>All {store.volunteers()} volunteers</h2>{tables}"
        "<p>Intervals are 95 %, per answer: answers of one person, or about the same sample, hang "
        "together, so they are narrower than the truth.</p>",
    )


def refusal(message: str) -> str:
    """A page for a request that cannot be served."""
    return _page("This does not work", f'<p role="alert">{escape(message)}</p>'
                 '<p><a href="/">Start page</a></p>')  # fmt: skip


def _line(truth: Labels, found: Labels, classes: int) -> str:
    return f"{int((truth == found).sum())} of {len(truth)} right, " + said(
        among(truth, found, classes)
    )


def _matrix(truth: Labels, found: Labels, classes: int) -> list[list[int]]:
    matrix: list[list[int]] = among(truth, found, classes)["confusion"]
    return matrix


def _page(title: str, body: str) -> str:
    return PAGE.substitute(title=escape(title), body=body)
