"""Many ObfNets at once: the same figures as one by one, and what was left out is said."""

from dataclasses import replace

import numpy as np
import pytest

from obfnet.auditing import fleet
from obfnet.auditing.attacks.few import FewAnswers, FewGuesses, values_taken
from obfnet.auditing.attacks.joint import decode_together
from obfnet.auditing.attacks.label_only import LabelOnly
from obfnet.auditing.attacks.mlp import MlpDecoder
from obfnet.auditing.audit import audit_all
from obfnet.auditing.evidence import collect
from obfnet.auditing.leakage import leakage
from obfnet.auditing.subject import Subject
from obfnet.errors import SpecError
from obfnet.mechanisms.none import NoMechanism


def bottleneck(seed, width=24):
    """As an O_M: ``width`` rectified mixtures of the sample, spread over the picture."""
    generator = np.random.default_rng(seed)
    down = generator.normal(0, 0.2, (64, width)).astype(np.float32)
    up = generator.normal(0, 0.2, (width, 64)).astype(np.float32)
    return lambda x: (np.maximum(x.reshape(-1, 64) @ down, 0) @ up).reshape(x.shape)


def dimmed(codebook, share):
    """Another codebook: the same codes, other rows that are read alike."""
    return lambda x: codebook(x) * np.float32(share)


@pytest.fixture(scope="module")
def gathered(infnet, digits, splits, tiny):
    def run(transform, name="subject"):
        return collect(Subject(name, transform), infnet, digits, splits, tiny)

    return run


def leaked(found, evidence):
    return leakage(found, LabelOnly()(evidence, 0), 0).value


def test_decoders_trained_together_recover_as_much_as_alone(gathered):
    evidence = [gathered(bottleneck(seed), f"device {seed}") for seed in range(3)]
    together = decode_together(evidence, 0)
    for found, each in zip(together[:2], evidence, strict=False):
        alone = leaked(MlpDecoder()(each, 0), each)
        assert alone > 0.6
        assert leaked(found, each) > alone - 0.05


def test_together_is_not_one_subject_for_another(gathered):
    """A subject that hides everything stays hidden beside one that hides nothing."""
    generator = np.random.default_rng(0)
    noise = gathered(lambda x: generator.random(x.shape, np.float32))
    open_one, hidden = decode_together([gathered(lambda x: x), noise], 0)
    assert leaked(open_one, gathered(lambda x: x)) > 0.95
    assert leaked(hidden, noise) < 0.05


def test_few_values_are_counted_and_answered_exactly(gathered, codebook):
    evidence = gathered(codebook)
    assert 0 < values_taken(evidence.known) <= 10
    assert values_taken(gathered(bottleneck(0)).known) == 0
    found = FewAnswers()(evidence, 0)
    assert leaked(found, evidence) <= 0.02
    train, judged = evidence.known.train, evidence.evaluation
    alike = (train.released == judged.released[0]).all(axis=(1, 2, 3))
    mean = train.originals[alike].mean(axis=0)
    assert np.abs(found.samples[0] - mean).max() < 0.2  # pulled a little towards its label's mean
    guessed = FewGuesses()(evidence, "slant", 0)
    assert guessed.accuracy < guessed.chance + 0.12


def test_few_values_that_tell_more_than_the_label_do_leak(gathered):
    """Four x' that say whether the upper and left halves are dark, whatever the label."""

    def quarters(samples):
        upper = samples[:, :, :4].mean((1, 2, 3)) > samples[:, :, 4:].mean((1, 2, 3))
        left = samples[..., :4].mean((1, 2, 3)) > samples[..., 4:].mean((1, 2, 3))
        x = np.zeros_like(samples)
        x[:, 0, 0, 0], x[:, 0, 0, 1] = upper, left
        return x

    evidence = gathered(quarters)
    assert values_taken(evidence.known) == 4
    exact, trained = (
        leaked(attack(evidence, 0), evidence) for attack in (FewAnswers(), MlpDecoder())
    )
    assert exact > 0.05
    assert exact > trained - 0.02


def test_a_fleet_is_audited_as_its_devices_are(infnet, digits, splits, tiny, tmp_path):
    effort = replace(tiny, attacks=("mlp", "shadow"), steps=200)
    devices = [bottleneck(seed) for seed in range(4)]
    reports = fleet.audit_fleet(devices, infnet, digits, splits, 0, effort, tmp_path, 1, scouts=1)
    alone = replace(tiny, probes=(), steps=200)
    (single,) = audit_all([devices[3]], infnet, digits, splits, 0, alone, processes=1)
    assert [len(report.tried) for report in reports] == [2, 1, 1, 1]
    assert reports[3].leakage.value == pytest.approx(single.leakage.value, abs=0.06)
    assert reports[3].accuracy == single.accuracy
    assert "behind the best by" in reports[3].unmeasured["shadow"]
    assert "shadow" not in reports[0].unmeasured
    assert reports[3].raw_leakage > 0.99
    assert set(reports[3].attributes) == {"slant", "thickness"}


def test_the_others_get_the_attack_that_did_best_on_the_scouts(
    infnet, digits, splits, tiny, tmp_path
):
    effort = replace(tiny, attacks=("mlp", "kernel"), steps=1)
    devices = [bottleneck(seed) for seed in range(3)]
    reports = fleet.audit_fleet(devices, infnet, digits, splits, 0, effort, tmp_path, 1, scouts=1)
    assert [each.attack for each in reports[2].tried] == ["kernel"]
    assert "behind the best by 0." in reports[2].unmeasured["mlp"]
    assert reports[2].leakage.value > 0.3


def test_where_nothing_leaks_the_decoder_for_all_is_enough():
    assert fleet._best({"mlp": 0.001, "kernel": 0.02}) == "mlp"
    assert fleet._best({"mlp": 0.001, "kernel": 0.021}) == "kernel"
    assert fleet._best({}) == "mlp"


def test_a_fleet_of_codebooks_trains_for_scouts_only(
    infnet, digits, splits, tiny, tmp_path, codebook, monkeypatch
):
    effort = replace(tiny, attacks=("mlp", "shadow"))
    devices = [dimmed(codebook, share) for share in (1, 0.95, 0.9)]
    trained = []
    original = MlpDecoder.fit
    monkeypatch.setattr(
        MlpDecoder, "fit", lambda self, known, seed: trained.append(known.subject.name)
        or original(self, known, seed),
    )  # fmt: skip
    run = lambda: fleet.audit_fleet(  # noqa: E731
        devices, infnet, digits, splits, 0, effort, tmp_path, processes=1, scouts=1
    )
    reports = run()
    assert not set(trained) - {"raw", "kin", "<lambda> 0"}
    for report in reports:
        assert report.leakage.value <= 0.02
        assert abs(report.attributes["slant"].accuracy - report.attributes["slant"].chance) < 0.12
    assert "no net can do better" in reports[2].unmeasured["shadow"]
    trained.clear()
    again = run()
    assert trained == []  # everything was kept
    assert [each.leakage for each in again] == [each.leakage for each in reports]


def test_each_is_the_others_kin():
    one, other, third = (Subject("device", bottleneck(seed)) for seed in range(3))
    found = fleet.related([one, other, third])
    assert [each.name for each in found] == ["device 0", "device 1", "device 2"]
    assert found[1].kin == (third.transform, one.transform)
    assert fleet.related([one])[0].kin == ()


def test_what_was_not_forged_alike_is_no_fleet(infnet, digits, splits, tiny):
    one, other = Subject("a", bottleneck(0), mechanism=NoMechanism()), Subject("b", bottleneck(1))
    with pytest.raises(SpecError, match="forged in one way"):
        fleet.audit_fleet([one, other], infnet, digits, splits, 0, tiny)
    with pytest.raises(SpecError, match="at least one"):
        fleet.audit_fleet([], infnet, digits, splits, 0, tiny)
    with pytest.raises(SpecError, match="add it"):
        fleet.audit_fleet([one], infnet, digits, splits, 0, replace(tiny, attacks=("shadow",)))
