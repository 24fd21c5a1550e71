"""Criteria: read strictly, judged at the unfavourable end, and never passed by what is missing."""

import pytest

from obfnet.auditing.verdict.criteria import Named, load, read
from obfnet.auditing.verdict.grammar import parse
from obfnet.auditing.verdict.judging import Verdict, judge
from obfnet.auditing.verdict.terms import (
    any_attribute,
    attribute,
    certified_bits,
    chance,
    drop,
    leakage,
)
from obfnet.errors import SpecError


def _probed(accuracy, low, high, chance):
    best = {
        "accuracy": accuracy,
        "accuracy_ci": [low, high],
        "chance": chance,
        "label_only": chance + 0.01,
    }
    return {"best": best, "raw": None, "probes": {}}


def _tried(attack, value):
    return {"attack": attack, "leakage": {"mse": _within(value)}}


def _within(value):
    return {"value": value, "ci": [value - 0.01, value + 0.01]}


CONTENT = {
    "row": {
        "leakage": 0.04,
        "leakage_ci": [0.03, 0.06],
        "raw_leakage": 0.99,
        "accuracy": 0.97,
        "accuracy_ci": [0.96, 0.98],
        "clean_accuracy": 0.98,
        "drop": 0.01,
        "agreement": 0.9,
        "certified_bits": 3.32,
        "macs": 1000,
    },
    "counts": {"evaluation samples": 1000},
    "attributes": {
        "speaker": _probed(0.18, 0.16, 0.2, 0.17),
        "accent": _probed(0.4, 0.37, 0.43, 0.33),
    },
    "clean_accuracy_ci": [0.97, 0.99],
    "agreement_ci": [0.88, 0.92],
    "tried": [_tried("mlp", 0.04), _tried("perceptual", 0.02)],
    "scores": {
        "mse": {"attack": "mlp", "leakage": _within(0.04)},
        "ssim": {"attack": "perceptual", "leakage": _within(0.12)},
    },
    "examined": {
        "linkability": {
            "measures": [{"name": "same speaker, EER", "value": 0.47, "ci": [0.44, 0.5]}]
        }
    },
    "unmeasured": {"optimisation": "needs gradients, which the subject has not"},
}


def holds(text, side="bound"):
    return parse(text).judge(CONTENT, side).holds


@pytest.mark.parametrize(
    ("text", "at_the_end", "of_the_value"),
    [
        ("leakage <= .05", False, True),
        ("leakage <= 6%", True, True),
        ("leakage >= .03", True, True),
        ("leakage >= .035", False, True),
        ("accuracy >= .96", True, True),
        ("accuracy > .96", False, True),
        ("drop <= .01", False, True),
        ("drop <= .02", True, True),
        ("accuracy >= clean_accuracy - .02", False, True),
        ('attribute("speaker") <= chance + .03', True, True),
        ('attribute("speaker") <= chance + .02', False, True),
        ('attribute("speaker") <= label_only + .02', True, True),
        ("any_attribute <= chance + .03", False, False),
        ("any_attribute <= chance + .11", True, True),
        ("certified_bits <= 4", True, True),
        ("excess_bits <= 100", False, False),  # nothing is known of it: infinite
        ("macs < 1e3", False, False),
        ('measure("linkability", "same speaker, EER") >= .45', False, True),
        ('score("ssim") <= .115', False, False),  # of the attack that is best by ssim
        ('score("ssim") <= .13', True, True),
        ("attack('perceptual') <= .03", True, True),
        ("leakage <= .05 & drop <= .02", False, True),
        ("leakage <= .05 | drop <= .02", True, True),
        ("leakage <= .05 | drop <= .02 & macs > 1e6", False, True),
        ("(leakage <= .05 | drop <= .02) & macs > 1e6", False, False),
        ("leakage <= .06 and not macs > 1e6", True, True),
        # What must not hold is judged at *its* favourable end, which is unfavourable here.
        ("not leakage >= .05", False, True),
        ("~ leakage > .06", True, True),
    ],
)
def test_criteria_hold_or_not(text, at_the_end, of_the_value):
    assert holds(text) is at_the_end
    assert holds(text, "value") is of_the_value


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('attribute("age") <= chance + .03', "has no attribute 'age', it has 'speaker', 'accent'"),
        ('measure("repeats", "x") <= 1', "has no examination 'repeats'"),
        ('measure("linkability", "x") <= 1', "has no measure 'x', it has 'same speaker, EER'"),
        ("attack('optimisation') <= .1", "not measurable: needs gradients"),
        ("score('lpips') <= .1", "has no score 'lpips'"),
        ("twin_accuracy <= .9", "twin_accuracy is not known"),
    ],
)
def test_what_was_not_measured_is_neither_true_nor_false(text, why):
    found = parse(text).judge(CONTENT)
    assert found.holds is None
    assert why in found.why[0]
    assert parse(f"~({text})").judge(CONTENT).holds is None
    assert parse(f"{text} | macs <= 1000").judge(CONTENT).holds is True
    assert parse(f"{text} & macs < 1000").judge(CONTENT).holds is False
    assert parse(f"{text} & macs <= 1000").judge(CONTENT).holds is None


def test_an_attribute_without_a_figure_leaves_any_attribute_open():
    content = CONTENT | {"attributes": CONTENT["attributes"] | {"age": {"best": None}}}
    assert any_attribute_within(0.11, content) is None
    assert any_attribute_within(0.01, content) is False
    assert any_attribute_within(1, CONTENT | {"attributes": {}}) is None


def any_attribute_within(spare, content):
    return (any_attribute <= chance + spare).judge(content).holds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has the end at 1, expected a number or a figure's name"),
        ("leakage", "expected one of <= < >= >"),
        ("leakage <=", "has the end at 11"),
        ("leakage == .1", "'=' at 9, which means nothing"),
        ("leakge <= .1", "'leakge' at 1, expected one of leakage, accuracy"),
        ("leakage <= .1 <= .2", "'<=' at 15, expected & or |, or the end"),
        ("leakage <= .1 leakage <= .1", "expected & or |, or the end"),
        ("(leakage <= .1", "the end at 15, expected ')'"),
        ("chance <= .3", "chance of what?"),
        ("leakage <= chance", "chance of what?"),
        ('attribute("a") <= attribute("b")', "several attributes"),
        ("attribute(speaker) <= .1", "expected a name in quotes"),
        ('measure("linkability") <= .1', "expected ','"),
        ("__import__('os').system('true') <= 1", "'.' at 17, which means nothing"),
        ("~" * 5000 + "leakage <= 1", "more than 50 brackets"),
    ],
)
def test_what_is_no_criterion_is_refused(text, message):
    with pytest.raises(SpecError) as raised:
        parse(text)
    assert message in str(raised.value)


def test_python_and_text_say_the_same():
    made = (leakage <= 0.05) & (attribute("speaker") <= chance + 0.03) | ~(drop > 0.5)
    written = parse(str(made).replace("(~", "~"))
    assert written.judge(CONTENT) == made.judge(CONTENT)
    assert str(made) == (
        '((leakage <= 0.05 & attribute("speaker") <= chance + 0.03) | ~(drop > 0.5))'
    )


def test_python_that_would_drop_a_part_is_refused():
    with pytest.raises(TypeError, match="combine criteria with"):
        0.01 <= leakage <= 0.05  # noqa: B015
    with pytest.raises(TypeError, match="combine criteria with"):
        bool((leakage <= 0.05) and (certified_bits <= 4))


def test_a_verdict_passes_if_every_criterion_does():
    criteria = read(
        """
        [criteria]
        leak = { expression = "leakage <= .05", on = "value" }
        bits = "certified_bits <= 4"
        twin = { expression = "twin_accuracy <= .9", optional = true }
        """
    )
    verdict = judge(CONTENT, criteria)
    assert verdict.passed
    assert [each.holds for each in verdict.judged] == [True, True, None]
    assert "pass twin: twin_accuracy <= .9 (not measurable)" in str(verdict)
    assert Verdict.of(verdict.to_dict()) == verdict
    needed = Named("twin", criteria[2].criterion)
    assert not judge(CONTENT, [*criteria, needed]).passed


def test_the_rule_of_a_file_is_for_all_its_criteria():
    by_value = read('on = "value"\n[criteria]\nleak = "leakage <= .05"')
    assert judge(CONTENT, by_value).passed
    assert not judge(CONTENT, read('[criteria]\nleak = "leakage <= .05"')).passed


def test_an_uncertified_transform_meets_no_bound_of_bits():
    row = {**CONTENT["row"], "certified_bits": None}
    found = parse("certified_bits <= 1e9").judge(CONTENT | {"row": row})
    assert found.holds is False


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "there is no criterion"),
        ("[criteria]", "there is no criterion"),
        ("criteria = 3", "there is no criterion"),
        ("leakage = ", "are no TOML"),
        ("[limits]\nleakage = 3", "has 'limits'; known are criteria, on"),
        ("[criteria]\nleak = 3", "expected an expression as a string"),
        ("[criteria]\nleak = { expression = 'leakage < 1', of = 3 }", "has 'of'"),
        ("[criteria]\nleak = { expression = 'leakage < 1', on = 'mean' }", '"bound" or "value"'),
        ("[criteria]\nleak = { optional = true }", "expected an expression"),
        ("on = 1\n[criteria]\nleak = 'leakage < 1'", '"bound" or "value"'),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(text, message):
    with pytest.raises(SpecError) as raised:
        read(text)
    assert message in str(raised.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(SpecError, match=r"no\.toml cannot be read"):
        load(tmp_path / "no.toml")
    path = tmp_path / "bad.toml"
    path.write_text('[criteria]\nleak = "leakge <= 1"')
    with pytest.raises(SpecError, match=r"bad\.toml: 'leakge <= 1' has"):
        load(path)
