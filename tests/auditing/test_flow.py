"""The generative attack: at least as good as the decoder that it starts from."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import mse_loss

from obfnet.auditing.attacks.flow import STEPS, FlowPosterior
from obfnet.auditing.attacks.label_only import LabelOnly
from obfnet.auditing.attacks.mlp import MlpDecoder
from obfnet.auditing.crossfit import crossfit
from obfnet.auditing.denoiser import Denoiser
from obfnet.auditing.evidence import collect
from obfnet.auditing.subject import Subject, raw
from obfnet.errors import NotMeasurableError
from obfnet.specs import SampleSpec


@pytest.fixture(scope="module")
def effort(tiny):
    return replace(tiny, pairs=1_000, mixtures=0, evaluated=180, steps=400, optimised=48)


def pixelated(samples):
    """Means of 2x2 blocks."""
    blocks = samples.reshape(len(samples), 1, 4, 2, 4, 2).mean(axis=(3, 5))
    return np.repeat(np.repeat(blocks, 2, axis=2), 2, axis=3)


@pytest.fixture(scope="module")
def evidence(infnet, digits, splits, effort):
    return collect(Subject("pixelated", pixelated), infnet, digits, splits, effort)


@pytest.fixture(scope="module")
def flow(evidence):
    attack = FlowPosterior()
    return attack, attack(evidence, 0)


def test_it_does_what_the_effort_allows_and_no_more(flow, evidence):
    _, result = flow
    assert result.samples.shape == (48, 1, 8, 8)
    assert len(result.validation["mse"]) == 48


def test_it_recovers_most_of_pixels_as_a_decoder_does(flow, evidence):
    _, result = flow
    floor = LabelOnly()(evidence, 0).errors[:48].mean()
    decoder = MlpDecoder()(evidence, 0).errors[:48].mean()
    assert decoder < 0.5 * floor
    assert result.errors.mean() < 1.15 * decoder


def test_steps_are_chosen_on_validation_pairs(flow, evidence):
    attack, _ = flow
    chosen = attack._steps
    held = evidence.known.validation.take(np.arange(48))
    errors = {}
    for steps in STEPS:
        attack._steps = steps
        guess = attack.reconstruct(held.released, held.answers)
        errors[steps] = ((guess - held.originals) ** 2).mean()
    attack._steps = chosen
    assert errors[chosen] == min(errors.values())
    assert len(set(errors.values())) == len(STEPS)


def test_its_samples_differ_where_x_is_open(flow, evidence):
    """Drawn samples keep what x' tells, their block means, and differ in what it does not."""
    attack, _ = flow
    chosen, attack._steps = attack._steps, 8
    judged = evidence.evaluation.take(np.arange(8))
    guess = attack._decode(judged.released, judged.answers)
    seen = attack._seen(guess, judged.released, judged.answers)
    generator = torch.Generator().manual_seed(0)
    with torch.inference_mode():
        one, other = (
            attack._sample(torch.randn(8, 1, 8, 8, generator=generator), seen).numpy()
            for _ in range(2)
        )
    attack._steps = chosen
    apart = ((one - other) ** 2).mean()
    blocks_apart = ((pixelated(one) - pixelated(other)) ** 2).mean()
    assert apart > 0.01
    assert blocks_apart < 0.5 * apart


def test_the_seed_fixes_it(evidence):
    quick = replace(evidence.known.effort, steps=4, optimised=8)
    small = replace(evidence, known=replace(evidence.known, effort=quick))
    first, again, other = (FlowPosterior()(small, seed).samples for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_large_samples_need_a_gpu(evidence):
    large = replace(evidence.known, spec=SampleSpec((3, 64, 64), 0.0, 1.0))
    with pytest.raises(NotMeasurableError, match="GPU"):
        FlowPosterior().fit(large, 0)


def test_flat_samples_and_odd_sides_are_taken(infnet, digits, splits, effort):
    quick = replace(effort, steps=4, optimised=8, pairs=300, mixtures=0)
    odd = replace(digits, samples=digits.samples[:, :, :7, :5], spec=SampleSpec((1, 7, 5), 0, 1))
    flat = replace(digits, samples=digits.samples.reshape(-1, 64), spec=SampleSpec((64,), 0, 1))

    class Any:
        def predict(self, samples):
            return np.zeros(len(samples), np.int64)

    for data in (odd, flat):
        found = FlowPosterior()(collect(raw(), Any(), data, splits, quick), 0)
        assert found.samples.shape == (8, *data.spec.shape)


def test_a_decoder_never_answers_for_pairs_it_has_seen(evidence):
    known = evidence.known
    seen = []

    class Spy(LabelOnly):
        def fit(self, known, seed):
            super().fit(known, seed)
            self.held = {each.tobytes() for each in known.train.originals}
            seen.append(self)

        def reconstruct(self, released, answers):
            self.asked = getattr(self, "asked", set()) | {each.tobytes() for each in released}
            return super().reconstruct(released, answers)

    raw_known = replace(known, train=replace(known.train, released=known.train.originals))
    raw_known = replace(raw_known, made=known.train.take(np.arange(20)))
    decoded = crossfit(Spy, raw_known, 1.0, 0)
    assert len(seen) == 2
    for each in seen:
        assert len(each.held & each.asked) <= 2  # the dataset itself may repeat a picture
    assert decoded.real == len(known.train)
    assert len(decoded.guess) == len(decoded.pairs) == decoded.real + 20


def test_the_denoiser_starts_at_zero_and_learns_from_all_it_is_told():
    torch.manual_seed(0)
    net = Denoiser(1, 2, 3)
    noisy, given = torch.randn(4, 1, 7, 9), torch.randn(4, 2, 7, 9)
    condition, time = torch.randn(4, 3), torch.rand(4)
    assert not net(noisy, given, condition, time).any()
    torch.nn.init.normal_(net.out.weight)
    inputs = [each.requires_grad_() for each in (noisy, given, condition, time)]
    mse_loss(net(*inputs), torch.zeros(4, 1, 7, 9)).backward()
    assert all(each.grad is not None and each.grad.abs().max() > 0 for each in inputs)
