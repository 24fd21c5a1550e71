"""The main job, end to end on real digits over real HTTP, with short schedules."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from obfnet.auditing.effort import QUICK
from obfnet.errors import SpecError
from obfnet.forging.loop import Schedule
from obfnet.study import cases
from obfnet.study.demo import demo


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    """A private cache and a digits case of a few epochs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OBFNET_CACHE", str(tmp_path_factory.mktemp("cache")))
        quick = replace(
            cases.CASES["digits"],
            infnet_schedule=Schedule(epochs=8, batch=32, rate=2e-3),
            published_schedule=Schedule(epochs=8, batch=32, rate=2e-3),
            codebook_schedule=Schedule(epochs=8, batch=64, rate=3e-3),
            effort=replace(
                QUICK, attacks=("mlp",), probes=("mlp",), examinations=(), mixtures=0, steps=300
            ),
        )
        patch.setitem(cases.CASES, "digits", quick)
        yield


@pytest.fixture(scope="module")
def first(short, tmp_path_factory):
    return demo("digits", tmp_path_factory.mktemp("first"), command="obfnet demo")


def test_three_rows_side_by_side(first):
    raw, published, codebook = first.rows
    assert (raw["obfnet"], published["obfnet"]) == ("raw", "O_M-64")
    assert (published["mechanism"], codebook["mechanism"]) == ("none", "codebook")
    assert raw["leakage"] > 0.99
    assert published["leakage"] > 0.2
    assert codebook["leakage"] <= 0.02
    assert published["certified_bits"] is None
    assert codebook["certified_bits"] == pytest.approx(3.3219, abs=1e-3)
    assert codebook["mechanism_args"] == {"codes": 10, "rows_per_class": 1}
    # Raw and obfuscated requests are of one size.
    assert raw["request_bytes"] == published["request_bytes"] == codebook["request_bytes"]
    assert raw["drop"] == 0
    assert raw["agreement"] == 1
    for row in first.rows:
        assert row["clean_accuracy"] == raw["accuracy"]
        assert row["drop"] == pytest.approx(row["clean_accuracy"] - row["accuracy"])
        assert 0 < row["round_trip_ms"]["min"] <= row["round_trip_ms"]["median"]
        assert row["attributes"]["slant"]["chance"] == pytest.approx(0.5, abs=0.1)


def test_results_and_page_are_there(first):
    content = json.loads(first.json.read_text())
    assert len(content["rows"]) == 3
    page = first.page.read_text()
    assert page.count("<img") == 8 * (3 + 4 + 4)
    assert "The label always leaks" in page
    # Self-contained: no address to load anything from.
    assert not re.search(r'(src|href)="(?!data:)', page)
    assert "http" not in re.sub(r"<code>.*?</code>|over HTTP", "", page).replace("http-equiv", "")


def test_a_second_run_reuses_what_is_unchanged(first, tmp_path, capfd):
    second = demo("digits", tmp_path, command="obfnet demo")
    said = capfd.readouterr().err
    kept = re.findall(r"kept from an earlier run: digits-\w+-(\S+)", said)
    assert sorted(kept) == ["codebook.bundle", "infnet.safetensors", "published.bundle"]
    assert "mlp on" not in said  # every part of the audit was found as well
    for before, after in zip(first.rows, second.rows, strict=True):
        for key in ("accuracy", "leakage", "leakage_ci", "attributes", "request_bytes"):
            assert before[key] == after[key]


def test_stages_are_found_again_by_another_process():
    """Nothing in the key depends on where this process happens to hold a function."""
    script = (
        "from obfnet.study.making import open_workplace; from obfnet.study.cases import CASES\n"
        "print(open_workplace('digits', 0).run, *map(repr, CASES.values()))"
    )
    runs = {
        subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout
        for _ in range(2)
    }
    assert len(runs) == 1


def test_damaged_stages_are_made_again(first, short, tmp_path, capfd):
    stages = Path(os.environ["OBFNET_CACHE"]) / "stages"
    (bundle,) = stages.glob("*codebook.bundle")
    (part,) = stages.glob("*audit/raw-*/attack-mlp.npz")
    sizes = {path: path.stat().st_size for path in (bundle, part)}
    for path, size in sizes.items():
        path.write_bytes(path.read_bytes()[: size // 2])
    demo("digits", tmp_path, command="obfnet demo")
    said = capfd.readouterr().err
    assert "codebook.bundle is damaged (BundleRejectedError); made again" in said
    assert "mlp on raw" in said
    for path, size in sizes.items():
        assert path.stat().st_size == pytest.approx(size, rel=0.02)


def test_a_dataset_without_a_case_is_refused(tmp_path):
    with pytest.raises(SpecError, match="digits, mnist, fsd"):
        demo("cifar10", tmp_path)
