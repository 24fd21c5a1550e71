"""The edge bench times what a device runs, in turns, and says what it has to leave out."""

from dataclasses import replace

import numpy as np
import pytest

from obfnet.bundling.c_export import export_c
from obfnet.bundling.gate import Gate
from obfnet.errors import ExportError
from obfnet.forging.loop import build
from obfnet.forging.sets import ObfNetSet
from obfnet.nets.frozen import freeze
from obfnet.nets.fsd import mlp_infnet
from obfnet.study import bench_edge, bench_edge_forms, bench_edge_kept, results
from obfnet.study.bench_edge_cases import PEERS, shaped_case
from obfnet.study.bench_edge_forms import Form, Maker, Runtime
from obfnet.study.bench_edge_table import table
from obfnet.study.bench_edge_times import Times, in_turns, timed_rows
from obfnet.study.sheet import page

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
FORMS = (Form("onnxruntime", "float32"), Form("numpy", "float32"))


@pytest.fixture(scope="module")
def case():
    return shaped_case("fsd", "codebook strided", (1, 20, 45), 10, seed=0)


@pytest.fixture(scope="module")
def rows(case):
    return timed_rows(case, Maker(), seed=0, rounds=2, forms=FORMS)


@pytest.fixture(scope="module")
def fleet(case):
    return ObfNetSet("device-0", (case.obfnet,), "", case.probes)


@pytest.fixture(scope="module")
def gates(case):
    """One by which everything is right, and one by which the same answers are all wrong."""
    net = freeze(build(lambda: mlp_infnet(case.probes.shape[1:]), 0))
    labels = net.predict(case.obfuscator(case.probes))
    judging = Gate(net, case.probes, labels, case.probes, tolerance=1.0)
    return judging, replace(judging, labels=(labels + 1) % 10)


def test_ways_are_timed_in_turns():
    calls = []
    found = in_turns({name: lambda name=name: calls.append(name) for name in "ab"}, 3, 4)
    assert "".join(dict.fromkeys("".join(calls[place : place + 9]) for place in (0, 18)))
    assert calls[:9] == ["a"] * 9
    assert calls[9:18] == ["b"] * 9
    assert found["a"].each.shape == (3, 4)


def test_a_ratio_is_of_medians_with_its_rounds():
    ours, theirs = (
        Times(np.array([[1.0, 1, 1], [2, 2, 2]])),
        Times(np.array([[4.0, 4, 4], [2, 2, 2]])),
    )
    ratio, interval = ours.faster(theirs)
    assert ratio == 3 / 1.5
    assert interval == [1, 4]


def test_every_form_stands_beside_its_own_kind(rows, tmp_path):
    subjects = [row["subject"] for row in rows]
    for form in FORMS:
        assert f"codebook strided fsd, {form}" in subjects
    fastest = [row for row in rows if row["subject"].endswith("its fastest")]
    assert len(fastest) == len(PEERS["fsd"])
    (whole,) = [row for row in rows if "all of it" in row["subject"]]
    assert whole["value"] > whole["baseline_value"] > 0
    printed = [row for row in rows if "hundred_ms" in row]
    assert {row["subject"].split(" fsd")[0] for row in printed} == {
        "codebook strided",
        "O_M-200",
    }
    assert all(
        row["hundred_ms"]["min"] <= row["hundred_ms"]["mean"] <= row["hundred_ms"]["max"]
        for row in printed
    )
    assert not any("ratio" in row for row in printed)
    path = results.write(tmp_path, "test", rows, 1.0)
    assert "O_M-200 fsd" in page(results.read(path), "title", "note")


def test_what_is_timed_does_what_the_obfnet_does(case):
    made = Maker()("ours", case.obfnet.encoder, case.probes, FORMS[0])
    codes = made.run(case.probes).argmax(axis=1)
    assert np.array_equal(case.obfuscator(case.probes), case.obfnet.decoder.rows.numpy()[codes, 0])


def test_a_runtime_that_is_missing_is_said(case, monkeypatch):
    absent = Runtime(("obfnet.absent", "export"), "obfnet.absent")
    monkeypatch.setitem(bench_edge_forms.RUNTIMES, "absent", absent)
    maker = Maker()
    assert maker("ours", case.obfnet.encoder, case.probes, Form("absent", "int8")) is None
    assert "absent" in maker.missing["ours, absent int8"]


def test_a_precision_that_is_refused_is_a_row_and_no_end(case, fleet, gates, monkeypatch):
    real = bench_edge_kept.bundle

    def strict(obfnets, *rest, precision="float32", **more):
        if precision == "int8":
            raise ExportError("too far off")
        return real(obfnets, *rest, precision=precision, **more)

    monkeypatch.setattr(bench_edge_kept, "bundle", strict)
    made, skipped = bench_edge_kept._exported(case, fleet, gates[0])
    assert list(made) == ["float32", "dynamic-int8"]
    assert [row["skipped"] for row in skipped] == ["too far off"]
    packed_as, whole, missed = bench_edge_kept._set(case, fleet, gates[0], "int8")
    assert packed_as == whole.manifest.obfnets[0].precision == "float32"
    assert set(missed[0]) <= results.KEYS.keys()
    rows = bench_edge_kept._sizes(case, made, whole, packed_as)
    assert len(rows) == 3
    assert "| - | - |" in table([*skipped, *missed, *rows])


def test_the_accuracy_of_c_is_of_test_samples(case, fleet, gates):
    judging, tested = gates
    (row,) = bench_edge_kept._in_c(case, fleet, judging, tested)
    judged = export_c(fleet, judging).accuracy[0]
    assert judged > 0.5
    assert row["accuracy"] <= 1 - judged  # their labels differ for every sample
    assert row["baseline_accuracy"] == tested.accuracy(case.obfuscator)


def test_results_are_there_after_each_case(case, rows, tmp_path, monkeypatch):
    taken = iter([rows])
    monkeypatch.setattr(bench_edge, "timed_rows", lambda *_: next(taken))
    monkeypatch.setattr(bench_edge.torch, "set_num_threads", lambda _: None)
    with pytest.raises(StopIteration):
        bench_edge.measure([case, case], [], tmp_path, 0, "test", 0.0)
    assert results.read(tmp_path / "results.json")["rows"] == rows


def test_the_table_of_the_docs_has_each_form():
    def row(subject, **more):
        return {"dataset": "fsd", "subject": f"codebook fsd, {subject}", **more}

    made = table(
        [
            row("all of it, onnxruntime int8", value=41.4, unit="µs"),
            row("int8, encoder and table deflated", unit="bytes", bytes=20_100),
            row("C, constants", unit="bytes", bytes=21_000, accuracy=0.5, baseline_accuracy=0.75),
            row("int8, through the InfNet", accuracy=0.993, baseline_accuracy=0.994),
        ]
    )
    assert "| codebook fsd: encoder and table, bytes | - | - | 20,100 | 21,000 |" in made
    assert "| 75.00% | - | 99.30% | 50.00% |" in made
    assert "| - | - | 41 | - |" in made
