"""What attackers recovered: the table of reconstructions, of attributes, and of the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from obfnet.auditing.pages.figures import ABSENT, decibels, leakage, number, share
from obfnet.auditing.pages.html import Markup, paragraph, section, table

Content = Mapping[str, Any]

SCALE = (
    "Leakage is 1 - error of the attack / error of an attacker who knows only the label. At 0 the "
    "attacker learns nothing beyond the label, at 1 nothing is protected; an attack that does "
    "worse than the label alone counts as 0, for its attacker would answer with that instead. "
    "Brackets are 95 % intervals over evaluation samples. An attack whose leakage on raw samples "
    "is low is broken on this data, and its failing says nothing. The best attack was chosen on "
    "the attacker's own validation pairs, never on what is reported."
)


def reconstructions(content: Content) -> Markup:
    """Every attack with the floor and what it does to raw samples beside it."""
    scores = list(content["scores"])
    span = content["sample"]["high"] - content["sample"]["low"]
    head = [
        "attack",
        "the attacker has",
        *(f"leakage by {score}" for score in scores),
        "on raw samples, by mse",
        "PSNR",
        "PSNR from the label alone",
        "samples",
    ]
    rows = [_attack(tried, content["scores"], scores, span) for tried in content["tried"]]
    return section(
        "Samples that attackers recovered",
        paragraph(SCALE),
        table("Reconstruction attacks, best first on the attacker's validation pairs", head, rows),
        table(
            "The best attack by each score, and the label-only attacker that is its floor",
            ["score", "best attack", "leakage", "on raw samples", "floor"],
            [_score(name, found) for name, found in content["scores"].items()],
        ),
    )


def _score(name: str, found: Content) -> list[str]:
    raw = leakage(found["raw"]) + ("" if found["sane"] else ", not a sane attack here")
    value = leakage(found["leakage"]["value"], found["leakage"]["ci"])
    return [name, found["attack"], value, raw, found["floor"]]


def _attack(
    tried: Content, best: Mapping[str, Content], scores: Sequence[str], span: float
) -> list[str]:
    found = tried["leakage"]
    name = tried["attack"] + (" (best)" if tried["attack"] == best["mse"]["attack"] else "")
    works = leakage(tried["raw"]) + (", works" if tried["sane"] else ", not a sane attack here")
    return [
        name,
        tried["knows"],
        *(
            leakage(found[score]["value"], found[score]["ci"])
            + (" (best)" if score != "mse" and best[score]["attack"] == tried["attack"] else "")
            for score in scores
        ),
        works,
        decibels(found["mse"]["attack_error"], span),
        decibels(found["mse"]["floor_error"], span),
        f"{tried['evaluated']:,}",
    ]


def attributes(content: Content) -> Markup:
    """Each private attribute against the best constant guess and against the label alone."""
    title = "Private attributes that attackers guessed"
    if not content["attributes"]:
        return section(title, paragraph("The data has no private attributes: none was guessed."))
    head = [
        "attribute", "guessed right", "best constant guess", "from the label alone",
        "on raw samples", "beyond the label", "best probe", "other probes",
    ]  # fmt: skip
    rows = [_attribute(name, found) for name, found in content["attributes"].items()]
    note = (
        "Each probe is a classifier trained on pairs of x' and the attribute. Chance is the best "
        "constant guess, not one in the number of values: an attribute that is mostly one value "
        "is guessed well by anybody."
    )
    return section(title, paragraph(note), table("Private attributes", head, rows))


def _attribute(name: str, found: Content) -> list[str]:
    best, raw = found["best"], found["raw"]
    if best is None:
        return [name, "not measurable", *[ABSENT] * 6]
    others = ", ".join(
        f"{probe} {share(each['accuracy'])}"
        for probe, each in found["probes"].items()
        if probe != best["probe"]
    )
    beyond = best["accuracy"] - max(best["chance"], best["label_only"])
    return [
        name,
        share(best["accuracy"], best["accuracy_ci"]),
        share(best["chance"]),
        share(best["label_only"]),
        ABSENT if raw is None else share(raw["accuracy"], raw["accuracy_ci"]),
        f"{100 * beyond:+.1f} pt",
        best["probe"],
        others or ABSENT,
    ]


def examinations(content: Content) -> Markup:
    """Whatever else was measured, each with its floor and how to read it."""
    examined = content["examined"].values()
    if not examined:
        return Markup("")
    return section("What else was measured", *map(_examination, examined))


def _examination(found: Content) -> Markup:
    rows = [
        [
            each["name"],
            number(each["value"], each["ci"]),
            number(each["floor"]),
            number(each["raw"]),
            each["unit"] or ABSENT,
        ]
        for each in found["measures"]
    ]
    head = ["measure", "found", "from the label alone, or by chance", "on raw samples", "unit"]
    knows = f"The attacker has {found['knows']}." if found["knows"] else ""
    return Markup(
        paragraph(f"{found['title']}. {knows}".strip())
        + table(f"{found['title']} ({found['name']})", head, rows)
        + paragraph(found["note"])
    )
