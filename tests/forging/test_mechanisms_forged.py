"""Every mechanism and every objective from end to end: forged, certified, and good enough."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from obfnet.errors import SpecError, UnknownNameError
from obfnet.forging.loop import Schedule
from obfnet.forging.objectives.batch import Batch
from obfnet.forging.objectives.distance_correlation import DistanceCorrelation
from obfnet.mechanisms.bits import Bits
from obfnet.mechanisms.codebook import Codebook
from obfnet.mechanisms.gaussian import Gaussian
from obfnet.mechanisms.none import NoMechanism
from obfnet.mechanisms.randomised_bits import RandomisedBits
from obfnet.mechanisms.randomised_codebook import RandomisedCodebook
from obfnet.nets.frozen import InfNet
from small_nets import dense, members, quick

ENOUGH = Schedule(epochs=8, batch=64, rate=1e-2)


def _accuracy(obfnet, infnet, held):
    return float((infnet.predict(obfnet(held.samples)) == held.labels).mean())


@pytest.mark.parametrize(
    ("mechanism", "floor"),
    [
        (Bits(16), 0.65),
        (RandomisedBits(24, 0.02), 0.65),
        (Gaussian(8, radius=4.0, sigma=0.5), 0.6),
        (Codebook(20, rows_per_class=2), 0.8),
        (RandomisedCodebook(10, epsilon=7.0), 0.8),
        ("codebook", 0.8),
        ("none", 0.9),
    ],
    ids=lambda each: getattr(each, "name", each),
)
def test_every_mechanism_is_forged(mechanism, floor, infnet, digits, splits):
    named = isinstance(mechanism, str)
    encoder = (
        {} if mechanism == "none" else {"encoder": partial(dense, getattr(mechanism, "width", 10))}
    )
    fleet = quick(infnet, digits, splits, size=2, mechanism=mechanism, schedule=ENOUGH, **encoder)
    held = digits.take(splits.test)
    for made in members(fleet):
        assert _accuracy(made, infnet, held) > floor
        assert abs(_accuracy(made, infnet, held) - made.validation_accuracy) < 0.12
        expected = (
            {"codebook": Codebook(10), "none": NoMechanism()}[mechanism] if named else mechanism
        )
        assert made.mechanism == expected
        assert made.mechanism.certificate() == expected.certificate()
        assert made.mechanism.certificate().certified is (mechanism != "none")
        released = made(held.samples)
        assert released.shape == held.samples.shape
        assert released.dtype == np.float32
        assert np.isfinite(released).all()
        if mechanism != "none":  # the paper's own decoder knows no range
            digits.spec.check(released)
        if isinstance(expected, Bits | Codebook):
            assert np.array_equal(made(held.samples[:9]), made(held.samples[:9]))
        elif mechanism != "none":
            drawn = [np.random.default_rng(seed).random for seed in (0, 0, 1)]
            one, same, other = (made(held.samples, uniform) for uniform in drawn)
            assert np.array_equal(one, same)
            assert not np.array_equal(one, other)


def test_bits_release_few_values(infnet, digits, splits):
    """At most 2^B different x', whatever the samples; the usual decoder, no budget, no encoder."""
    (made,) = members(quick(infnet, digits, splits, mechanism=Bits(3)))
    released = made(digits.samples[splits.train])
    assert 1 < len(np.unique(released.reshape(len(released), -1), axis=0)) <= 8


class Asked(InfNet):
    """An InfNet that gives no gradients and notes the samples it is asked about."""

    def __init__(self, infnet):
        self.inner, self.digest, self.samples = infnet, infnet.digest, []

    def log_probabilities(self, samples, batch=512):
        self.samples += [sample.tobytes() for sample in samples]
        return self.inner.log_probabilities(samples, batch)

    def verify(self):
        self.inner.verify()


@pytest.mark.parametrize("term", ["agreement", "distillation:2"])
def test_answers_to_raw_samples_are_asked_for_where_a_term_needs_them(term, infnet, digits, splits):
    """Once each, whatever the number of ObfNets; labels are then not needed at all."""
    asked = Asked(infnet)
    labels = digits.labels.copy()
    labels[splits.train] = np.roll(labels[splits.train], 1)
    mislabelled = replace(digits, labels=labels)
    fleet = quick(
        asked, mislabelled, splits, size=2, rows="searched", objectives={term: 1.0}, schedule=ENOUGH
    )
    train = {sample.tobytes() for sample in digits.samples[splits.train]}
    counts = {name: asked.samples.count(name) for name in train}
    assert set(counts.values()) <= {1, 2}  # a few digits are there twice
    others = {
        s.tobytes() for part in (splits.validation, splits.test) for s in digits.samples[part]
    }
    assert not (others - train) & set(asked.samples)
    held = digits.samples[splits.test]
    for made in members(fleet):
        assert (infnet.predict(made(held)) == infnet.predict(held)).mean() > 0.75


def test_labels_alone_need_no_answers(infnet, digits, splits):
    asked = Asked(infnet)
    quick(asked, digits, splits, rows="searched")
    everything = {sample.tobytes() for sample in digits.samples}
    assert not everything & set(asked.samples)


def test_a_term_changes_what_is_forged(infnet, digits, splits):
    """With distance correlation in the loss, codes tell less about distances of samples."""

    def correlation(objectives):
        (made,) = members(
            quick(
                infnet, digits, splits, mechanism=Gaussian(8, 4.0, 0.5), encoder=partial(dense, 8),
                objectives=objectives, schedule=ENOUGH,
            )
        )  # fmt: skip
        held = digits.take(splits.test)
        assert _accuracy(made, infnet, held) > 0.4
        samples = torch.tensor(held.samples)
        draw = np.random.default_rng(0).random
        codes = made.mechanism.release(made.encoder(samples).detach().numpy(), draw)
        batch = Batch(samples, torch.zeros(0), torch.zeros(0), torch.tensor(codes)[None].float())
        return float(DistanceCorrelation(None)(batch)[0])

    plain = correlation({"cross-entropy": 1.0})
    assert correlation({"cross-entropy": 1.0, "distance-correlation": 1.5}) < plain - 0.05


@pytest.mark.parametrize("mechanism", [Codebook(10), Bits(10)], ids=["codebook", "bits"])
def test_adversaries_train_along(mechanism, infnet, digits, splits):
    plain = members(quick(infnet, digits, splits, size=2, mechanism=mechanism, encoder=dense))
    for term in ("adversarial-decoder", "attribute:slant"):
        objectives = {"cross-entropy": 1.0, term: 0.5}
        fleet = quick(
            infnet, digits, splits, size=2, mechanism=mechanism, encoder=dense,
            objectives=objectives, schedule=ENOUGH,
        )  # fmt: skip
        for made, without in zip(members(fleet), plain, strict=True):
            assert made.validation_accuracy > 0.4  # chance is .1
            assert not torch.equal(made.encoder[1].weight, without.encoder[1].weight)


@pytest.mark.parametrize(
    ("objectives", "error", "message"),
    [
        (
            {"attribute:age": 1.0},
            SpecError,
            r"no private attribute 'age' \(it has: slant, ",
        ),
        ({"cross-entrpy": 1.0}, UnknownNameError, "cross-entrpy"),
        ({"cross-entropy": -1.0}, SpecError, "expected a number from 0 up"),
        ({"cross-entropy": 0.0}, SpecError, "no term of a weight above 0"),
    ],
)
def test_objectives_are_checked_before_anything_is_done(
    objectives, error, message, infnet, digits, splits
):
    asked = Asked(infnet)
    with pytest.raises(error, match=message):
        quick(asked, digits, splits, objectives=objectives, rows="searched")
    assert not asked.samples
