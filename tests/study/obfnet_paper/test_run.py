"""The study runs, is found again, and its rows are what the InfNet says."""

import json
from dataclasses import replace

import pytest

from obfnet.errors import ForgeError, NotForgeableError, QueryBudgetError, StorageError
from obfnet.study import results, studies
from obfnet.study.obfnet_paper import rows as rows_module
from obfnet.study.obfnet_paper import whole
from obfnet.study.obfnet_paper.digits import SETTING, TITLE
from obfnet.study.obfnet_paper.page import against_paper
from obfnet.study.obfnet_paper.place import open_place
from obfnet.study.obfnet_paper.run import publish, run
from obfnet.study.study import Ask

WANTED = ("O_M-8", "codebook")
SHORT = replace(
    SETTING,
    trials=tuple(
        replace(trial, paper=(0.5, 0.6), differs="it is tiny")
        for trial in SETTING.trials
        if trial.name in WANTED
    ),
)


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    ask = Ask(tmp_path_factory.mktemp("study"), "obfnet study obfnet-digits --quick", quick=True)
    path = run((SHORT,), TITLE, ask)
    return ask, json.loads(path.read_text())


def test_rows_have_what_the_paper_lacks(ran):
    _, content = ran
    raw, om, codebook = content["rows"]
    assert [row["obfnet"] for row in content["rows"]] == ["raw", *WANTED]
    assert raw["accuracy"] == raw["clean_accuracy"] > 0.7
    assert om["leakage"] > codebook["leakage"]
    assert om["certified_bits"] is None
    assert codebook["certified_bits"] == pytest.approx(3.3219, abs=1e-4)
    assert set(om["attributes"]) == {"slant", "thickness"}
    assert len(om["accuracies"]) == len(om["seeds"]) == 2
    assert om["audited"] == 1
    assert codebook["differs"] == "it is tiny"
    assert om["params"] == 64 * 8 + 8 + 8 * 64 + 64, "encoder and decoder are on the device"
    assert om["macs"] == 2 * 64 * 8
    for row in (om, codebook):
        assert row["bytes"] > 1000
        assert row["edge_ms"]["min"] > 0
        assert row["precision"] in ("int8", "dynamic-int8", "float32")
    assert codebook["twin_accuracy"] > 0
    assert om["twin_accuracy"] is None


def test_a_row_is_what_the_infnet_says(ran):
    ask, content = ran
    place = open_place(SHORT, ask)
    held = place.data.take(place.splits.test)
    fleet = rows_module._forged(place, SHORT.trials[1])
    share = [
        float((place.infnet.predict(each(held.samples)) == held.labels).mean())
        for each in fleet[0].obfnets
    ]
    assert content["rows"][2]["accuracies"] == pytest.approx(share)


def test_a_second_run_makes_nothing(ran, monkeypatch):
    ask, content = ran
    monkeypatch.setattr(rows_module, "_made", None)
    again = json.loads(run((SHORT,), TITLE, ask).read_text())
    assert again["rows"] == content["rows"]
    assert again["seconds"] >= content["seconds"] > 0


def test_a_run_that_was_stopped_ends_in_the_same_rows(ran, tmp_path, monkeypatch):
    """Killed within the last row, after its ObfNets and before its audit."""
    ask, content = ran
    own = replace(ask, folder=tmp_path)
    real = rows_module._audits

    def stopped(place, subjects):
        if subjects[0] is not None and subjects[0].name.startswith("codebook"):
            raise KeyboardInterrupt
        return real(place, subjects)

    monkeypatch.setattr(rows_module, "_audits", stopped)
    with pytest.raises(KeyboardInterrupt):
        run((SHORT,), TITLE, own)
    assert len(results.read(tmp_path / "results.json")["rows"]) == 2  # published row by row
    monkeypatch.setattr(rows_module, "_audits", real)
    finished = results.read(run((SHORT,), TITLE, own))["rows"]
    timed = {"edge_ms", "forge_seconds", "bytes"}  # a bundle records when it was made

    def lasting(row):
        return {name: value for name, value in row.items() if name not in timed}

    assert [lasting(row) for row in finished] == [lasting(row) for row in content["rows"]]


def test_an_obfnet_that_answers_by_a_constant_has_no_leakage_to_tell(ran):
    ask, _ = ran
    place = open_place(SHORT, ask)
    trial = SHORT.trials[0]
    made = rows_module._forged(place, trial)[0].obfnets[0]
    dead = replace(made, fit=replace(made.fit, score=0.12))
    told = rows_module._tells(replace(place, quick=False), trial, [dead])
    assert told == {"unmeasured": {"audit": "collapsed in training: validation accuracy below 20%"}}


def test_what_cannot_be_forged_is_a_row_and_no_end(ran, tmp_path, monkeypatch):
    ask, _ = ran

    def refused(place, trial):
        raise NotForgeableError("10 of 10 rows are not recognised")

    place = replace(open_place(SHORT, ask), folder=tmp_path)
    monkeypatch.setattr(rows_module, "_forged", refused)
    made = rows_module._kept(place, "codebook", SHORT.trials[1])
    assert not list(tmp_path.iterdir())  # it is tried again by the next run
    assert made.row["unmeasured"] == {"forging": "10 of 10 rows are not recognised"}
    assert "accuracy" not in made.row
    path = publish(replace(ask, folder=tmp_path), [made], TITLE, 1.0)
    assert results.read(path)["rows"] == [made.row]
    assert "10 of 10 rows are not recognised" in (tmp_path / "index.html").read_text()


@pytest.mark.parametrize("kind", [ForgeError, QueryBudgetError, StorageError])
def test_any_other_error_is_an_end_and_no_row(ran, tmp_path, monkeypatch, kind):
    ask, _ = ran

    def failed(place, trial):
        raise kind("not now")

    place = replace(open_place(SHORT, ask), folder=tmp_path)
    monkeypatch.setattr(rows_module, "_forged", failed)
    with pytest.raises(kind, match="not now"):
        rows_module._kept(place, "codebook", SHORT.trials[1])
    assert not list(tmp_path.iterdir())


def test_the_page_shows_figures_and_pictures(ran):
    ask, content = ran
    page = (ask.folder / "index.html").read_text()
    assert page.count("data:image/png;base64,") == 3 * rows_module.SHOWN
    assert "50.00% to 60.00%" in page
    assert "it is tiny" in page
    assert f"{content['rows'][1]['leakage']:.3f}" in page


@pytest.mark.parametrize(
    ("paper", "said"),
    [((0.95,), "agrees"), ((0.90, 0.92), "+3.00 pt"), ((0.99,), "-4.00 pt")],
)
def test_our_figure_against_the_papers(paper, said):
    row = {"paper": paper, "accuracy": 0.95, "accuracy_ci": [0.94, 0.96]}
    assert against_paper(row).startswith(said)


def test_parts_stand_together_above_their_own_pages(ran, tmp_path):
    _, content = ran
    timed = {
        "bench": "obfnet",
        "figure": "Fig. 15",
        "dataset": "mnist",
        "subject": "I_C behind HTTP",
        "value": 2.0,
        "unit": "ms",
        "batch": 4,
    }
    parts = {"obfnet-fsd": content, "obfnet-time": {"rows": [timed], "seconds": 60.0}}
    path = whole.publish(Ask(tmp_path, "obfnet study obfnet"), parts)
    together = results.read(path)
    assert together["rows"] == [*content["rows"], timed]
    assert together["seconds"] == pytest.approx(content["seconds"] + 60, abs=0.1)
    page = (tmp_path / "index.html").read_text()
    assert 'href="obfnet-fsd/index.html"' in page
    assert "1 minutes" in page
    assert "I_C behind HTTP" in page


def test_every_part_may_be_run_by_itself():
    assert all(studies.find(name) is part.study for name, part in whole.PARTS.items())
