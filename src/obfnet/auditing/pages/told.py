"""The words of a report: verdict first, who attacks, what was left out, how to do it again."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from obfnet.auditing.pages.figures import leakage, points, share
from obfnet.auditing.pages.html import Markup, bullets, paragraph, section, table

Content = Mapping[str, Any]


def verdict(content: Content) -> Markup:
    """Pass or fail, and why; without criteria, that there is none."""
    found = content["verdict"]
    if found is None:
        return Markup(
            '<div class="verdict"><h2>No verdict</h2>'
            + paragraph("No criteria were given: the figures stand for themselves.")
            + "</div>"
        )
    word = "pass" if found["passed"] else "fail"
    lines = "".join(f"<li>{_criterion(each)}</li>" for each in found["criteria"])
    return Markup(f'<div class="verdict {word}"><h2>Verdict: {word}</h2><ul>{lines}</ul></div>')


def _criterion(each: Content) -> str:
    word = "met" if each["passed"] else "not met"
    if each["holds"] is None:
        word += ", not measurable"
    ends = "the unfavourable end of the interval" if each["on"] == "bound" else "the value"
    figures = "".join(f"<li>{escape(line)}</li>" for line in each["why"])
    return (
        f"<strong>{escape(each['name'])}: {word}.</strong> <code>{escape(each['text'])}</code>, "
        f"judged on {ends}.<ul>{figures}</ul>"
    )


def headline(content: Content) -> Markup:
    """The few figures that sum it up, after what always leaks."""
    row = content["row"]
    label = Markup(
        "<p><strong>The label always leaks</strong>: the backend computes it, that is what the "
        "device asks for. Every figure below starts above the label.</p>"
    )
    head = ["figure", "value", "meaning"]
    sample_count = content["counts"]["evaluation samples"]
    bits = row.get("certified_bits")
    rows = [
        ["accuracy", share(row["accuracy"], row["accuracy_ci"]),
         f"of the InfNet on x', {sample_count:,} evaluation samples"],
        ["drop", points(row["drop"]), f"from {share(row['clean_accuracy'])} on raw samples"],
        ["agreement", share(row["agreement"]), "answers for x' that equal the answer for x"],
        ["leakage", leakage(row["leakage"], row["leakage_ci"]),
         f"of the best attack, {row['best_attack']}: 0 is the label only, 1 is no protection; "
         f"{leakage(row['raw_leakage'])} on raw samples"],
        ["certified bits", "none" if bits is None else f"{bits:.2f}",
         "that x' can tell about x at most, proven for any attacker"],
    ]  # fmt: skip
    return Markup(label + table("In short", head, rows))


def attacker(content: Content) -> Markup:
    """The threat model in plain words, with what this attacker had."""
    subject, counts = content["subject"], content["counts"]
    has = [
        f"the InfNet, and everything about the transform “{subject['name']}”"
        + (" with its gradients" if subject["gradients"] else "")
        + ", but not the device's random draws or keys",
        f"{counts['attacker pairs']:,} samples of the same distribution with their x'"
        + (
            f", and {counts['attacker mixtures']:,} more of its own mixing"
            if counts["attacker mixtures"]
            else ""
        ),
        "leave to send samples of its own through the transform"
        if subject["queries"]
        else "no leave to send samples of its own: the pairs were recorded elsewhere",
        f"{subject['kin']} ObfNets of other devices, forged in the same way"
        if subject["kin"]
        else "no ObfNets of other devices",
    ]
    return section(
        "Who attacks, and what is protected",
        paragraph(
            "The attacker is the backend itself, or anybody who reads its traffic. It sees x' "
            "and the label for every sample, and wants to know what the sample was, or "
            "something private about it. None of the evaluation samples is among its own. It has:"
        ),
        bullets(has),
        paragraph(
            "Not protected are the label and all that follows from it, when and how often the "
            "device sends, and a device whose code was changed. Many samples add up. A measured "
            "figure is a lower bound on what leaks: the word for what was proven is certified."
        ),
    )


def untested(content: Content) -> Markup:
    """What has no figure here, and why."""
    groups = {"attacks": "attack", "probes": "probe", "examinations": "examination"}
    rows = [[name, "tried", why] for name, why in content["unmeasured"].items()]
    rows += [
        [name, f"{kind} not tried", f"effort “{content['effort']['name']}” does not include it"]
        for group, kind in groups.items()
        for name in content["untried"][group]
    ]
    note = (
        "Also outside of this audit: attackers of more means than the effort below, side channels "
        "(time, power, how often something is sent), a changed device, and integrity of answers."
    )
    tables = [table("Parts without a figure", ["part", "state", "why"], rows)] if rows else []
    return section("What was not tested", *tables, paragraph(note))


def again(content: Content) -> Markup:
    """Everything that makes the figures again."""
    effort = {name: value for name, value in content["effort"].items() if value not in ((), [])}
    machine = content["machine"]
    facts = {
        "command": Markup(f"<code>{escape(content['command'])}</code>"),
        "data": f"{content['dataset']}, split {content['split']}"
        + (f", licence {content['licence']}" if content["licence"] else ""),
        "InfNet": content["infnet"],
        "seed": str(content["seed"]),
        "counts": ", ".join(f"{value:,} {name}" for name, value in content["counts"].items()),
        "effort": "; ".join(f"{name} {_plain(value)}" for name, value in effort.items()),
        "versions": ", ".join(f"{name} {value}" for name, value in content["versions"].items()),
        "commit of obfnet": str(content["git"]),
        "made": f"{content['date']}, {content['seconds']:.0f} s on {machine['threads']} threads "
        f"of {machine['processor']}",
    }
    rows = [[name, value] for name, value in facts.items()]
    return section(
        "How to run it again",
        table("How this report was made", ["what", "value"], rows),
        paragraph("Every number is in report.json beside this page."),
    )


def _plain(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
