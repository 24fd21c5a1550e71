"""What is proven, how it adds up, what the device could do alone, and what it spends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from obfnet.auditing.pages.figures import ABSENT, count, number, share
from obfnet.auditing.pages.html import Markup, bullets, paragraph, section, table

Content = Mapping[str, Any]
#: A twin that is at most this much worse than the InfNet is as good.
AS_GOOD = 0.005


def certificate(content: Content) -> Markup:
    """The mechanism's certificate in words, and over streams of samples."""
    title = "What is proven"
    mechanism = content["subject"]["mechanism"]
    if mechanism is None or mechanism["certificate"]["bits"] is None:
        return section(
            title,
            paragraph(
                "Nothing. No mechanism limits what leaves the device: x' may hold all of x, and "
                "every figure above is a lower bound, for a better attack may find more."
            ),
        )
    arguments = ", ".join(f"{name} = {value}" for name, value in mechanism["arguments"].items())
    return section(
        title,
        paragraph(f"Mechanism {mechanism['name']}" + (f" ({arguments})." if arguments else ".")),
        bullets(mechanism["in words"]),
        _assumptions(mechanism["certificate"]["assumptions"]),
        _excess(content["row"]),
        _composition(mechanism["composition"]),
    )


def _assumptions(lines: list[str]) -> Markup:
    return Markup(paragraph("It holds as long as:") + bullets(lines)) if lines else Markup("")


def _excess(row: Content) -> Markup:
    if row.get("excess_bits") is None:
        return Markup("")
    return paragraph(
        f"Of {row['certified_bits']:.2f} certified bits, {row['excess_bits']:.2f} are in excess: "
        "the rest no transform could do without that lets this share of labels through (Fano)."
    )


def _composition(streams: list[Content]) -> Markup:
    """Over several samples, repeats and ObfNets."""
    rows = [
        [
            f"{each['samples']:,} x {each['repeats of each']:,}",
            each["policy"],
            "none" if each["bits"] is None else number(each["bits"], digits=4),
            "unbounded" if each["guessing_factor"] is None else number(each["guessing_factor"]),
        ]
        for each in streams
    ]
    head = ["samples x repeats of each", "policy", "bits at most", "guessing factor at most"]
    note = (
        "Policy random draws an ObfNet for each release; pinned takes the same for the same "
        "sample. A stream of similar samples counts each one."
    )
    return Markup(table("How releases add up", head, rows) + paragraph(note))


def twin(content: Content) -> Markup:
    """The classifier of the same cost that the device could run alone."""
    found, accuracy = content["subject"]["twin_accuracy"], content["row"]["accuracy"]
    if found is None:
        text = (
            "Not known: no classifier of the same cost was trained to run on the device alone. "
            "Whether the InfNet is needed at all stays open."
        )
    else:
        # Its accuracy is on the forge's validation samples, which chose its checkpoint.
        text = (
            f"A classifier of the same cost on the device alone reaches {share(found)} on "
            f"validation samples; through the InfNet it is {share(accuracy)}. "
        )
        if found >= accuracy - AS_GOOD:
            text += (
                "The twin is as good: what remains is that the service keeps working unmodified, "
                "and that the device never needs the InfNet."
            )
        else:
            text += f"Asking the InfNet is worth {100 * (accuracy - found):.1f} points."
    return section("The local twin", paragraph(text))


def spent(content: Content) -> Markup:
    """Parameters, multiply-accumulates and bytes on the device, for one ObfNet."""
    cost, obfnets = content["subject"]["cost"], content["subject"]["obfnets"]
    if cost is None:
        return section("Cost on the device", paragraph("Not known of this subject."))
    head = ["", "learned values", "multiply-accumulates", "bytes"]
    rows = [["one ObfNet", *(count(cost[name]) for name in ("params", "macs", "bytes"))]]
    if obfnets > 1:
        total = [count(obfnets * cost[name]) for name in ("params", "bytes")]
        rows.append([f"the set of {obfnets}", total[0], ABSENT, total[1]])
    return section("Cost on the device", table("Cost of obfuscating one sample", head, rows))
