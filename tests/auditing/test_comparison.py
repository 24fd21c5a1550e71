"""Audits side by side: whose row is whose, who beats whom, and what must not be compared."""

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from obfnet.auditing.comparison import Compared, cautions, front, gather
from obfnet.auditing.pages import comparison_page, in_letters
from obfnet.auditing.pages.bubbles import plot
from obfnet.errors import SpecError


def row(name, accuracy, leakage, **more):
    return {
        "obfnet": name,
        "dataset": "digits",
        "split": "random",
        "infnet": "I_M",
        "accuracy": accuracy,
        "accuracy_ci": [accuracy - 0.01, min(1, accuracy + 0.01)],
        "drop": 0.99 - accuracy,
        "leakage": leakage,
        "leakage_ci": [max(0, leakage - 0.02), leakage],
        "best_attack": "mlp",
        "attributes": {"slant": {"accuracy": 0.5, "chance": 0.49}},
        **more,
    }


@pytest.fixture
def results(tmp_path):
    rows = [
        row("raw", 0.99, 1.0),
        row("O_M <8>", 0.9, 0.3, macs=100_000, params=1000, bytes=4000),
        row("O_M-512", 0.9, 0.8, macs=9_000_000),
        row("codebook", 0.97, 0.0, macs=400_000, certified_bits=3.32),
        {"bench": "forge", "ratio": 3},
    ]
    path = tmp_path / "results.json"
    path.write_text(json.dumps({"rows": rows}))
    return path


def test_rows_of_transforms_are_gathered_and_others_left(results):
    compared = gather([results])
    assert [each.name for each in compared] == ["raw", "O_M <8>", "O_M-512", "codebook"]
    assert gather([results.parent]) == compared


def test_equal_names_are_told_apart(results, tmp_path):
    other = tmp_path / "other" / "results.json"
    other.parent.mkdir()
    other.write_text(json.dumps({"rows": [row("raw", 0.9, 1.0), row("raw", 0.8, 1.0)]}))
    names = [each.name for each in gather([results, other])]
    assert len(set(names)) == len(names) == 6
    assert "raw (other)" in names


def test_the_front_is_what_no_other_beats(results):
    assert [each.name for each in front(gather([results]))] == ["codebook", "raw"]


def test_equals_are_both_on_the_front():
    same = [Compared(name, row(name, 0.9, 0.1), Path()) for name in ("a", "b")]
    assert len(front(same)) == 2


def test_what_differs_is_said():
    one = Compared("a", row("a", 0.9, 0.1), Path(), "quick")
    other = Compared("b", row("b", 0.9, 0.1, dataset="mnist"), Path(), "full")
    said = " ".join(cautions([one, other]))
    assert "dataset differs (digits, mnist)" in said
    assert "effort differs (full, quick)" in said
    assert cautions([one, one]) == []


def test_the_page_has_a_table_and_a_plot_that_can_be_heard(results):
    found = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            found.append((tag, dict(attrs)))

    page = comparison_page.render(gather([results]))
    Reader().feed(page)
    (svg,) = [attrs for tag, attrs in found if tag == "svg"]
    assert "O_M <8>: leakage 0.300, accuracy 90.0%" in svg["aria-label"]
    assert len([tag for tag, _ in found if tag == "caption"]) == 1
    assert "O_M <8>" not in page
    assert "3.32" in page


def test_dots_grow_with_cost_and_stand_where_they_should(results):
    circles = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            if tag == "circle":
                circles.append(dict(attrs))

    Reader().feed(plot(gather([results])))
    raw, small, great, codebook = circles
    assert raw["fill"] == "none"
    assert float(small["r"]) < float(codebook["r"]) < float(great["r"])
    assert float(codebook["cx"]) < float(small["cx"]) < float(great["cx"]) < float(raw["cx"])
    assert float(raw["cy"]) < float(codebook["cy"]) < float(small["cy"])


def test_one_transform_alone_can_be_drawn():
    alone = [Compared("a", row("a", 1.0, 0.0), Path())]
    assert "<circle" in plot(alone)
    assert "A" in in_letters.plot(alone)


def test_letters_stand_for_transforms(results):
    lines = in_letters.plot(gather([results])).splitlines()
    assert lines[1].startswith("  99.0% |")
    assert lines[1].endswith("A")
    low = next(line for line in lines if line.startswith("  90.0% |"))
    assert low.index("B") < low.index("C")


def test_letters_at_one_place_are_a_star():
    same = [Compared(name, row(name, 0.9, 0.1), Path()) for name in ("a", "b")]
    assert "* several at one place" in in_letters.plot(same)


@pytest.mark.parametrize("content", ["{", "[]", '{"rows": 3}', '{"rows": [3]}'])
def test_what_holds_no_rows_is_refused(tmp_path, content):
    (tmp_path / "results.json").write_text(content)
    with pytest.raises(SpecError, match="holds no report"):
        gather([tmp_path])


def test_nothing_to_compare_is_refused(tmp_path):
    (tmp_path / "results.json").write_text('{"rows": [{"bench": "forge"}]}')
    with pytest.raises(SpecError, match="nothing to compare"):
        gather([tmp_path])
    with pytest.raises(SpecError, match="holds no report"):
        gather([tmp_path / "none"])
