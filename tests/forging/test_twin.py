"""The local twin: no dearer than the ObfNet, trained as long, and about as good."""

from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from obfnet.forging.halves import cost_of_both
from obfnet.forging.job import Job
from obfnet.forging.loop import Schedule
from obfnet.forging.recipe import Recipe
from obfnet.forging.twin import architecture, train_twins
from obfnet.mechanisms.bits import Bits
from obfnet.mechanisms.codebook import Codebook
from obfnet.mechanisms.none import NoMechanism
from obfnet.nets import mnist
from obfnet.nets.cost import cost
from obfnet.nets.decoder import dense_decoder
from obfnet.specs import SampleSpec
from small_nets import QUICK, dense, quick

SHAPE = (1, 8, 8)
LONG = Schedule(epochs=12, batch=64, rate=1e-2)


def _job(infnet, digits, splits, mechanism, encoder, decoder=None, schedule=QUICK):
    return Job(infnet, digits, splits, mechanism, encoder, schedule, decoder)


def test_a_twin_stands_in_every_set(infnet, digits, splits):
    """With one code for each class it is the encoder itself, with labels for codes."""
    fleet = quick(infnet, digits, splits, devices=2, schedule=LONG, twins=True)
    held = digits.take(splits.test)
    for made in fleet:
        twin, (obfnet,) = made.twin, made.obfnets
        assert twin.cost == cost(obfnet.encoder, SHAPE)
        assert abs(twin.validation_accuracy - obfnet.validation_accuracy) < 0.08
        share = float((twin.predict(held.samples) == held.labels).mean())
        assert share > 0.8
        assert not twin.classifier.training
        parts = np.concatenate([twin.predict(part) for part in np.split(held.samples, [7, 20])])
        assert np.array_equal(parts, twin.predict(held.samples, batch=50))
    one, other = (torch.cat([p.flatten() for p in m.twin.classifier.parameters()]) for m in fleet)
    assert not torch.equal(one, other)
    assert fleet[0].twin.predict(held.samples[:0]).shape == (0,)


def test_no_twins_where_nobody_asks(infnet, digits, splits):
    (made,) = quick(infnet, digits, splits)
    assert made.twin is None


@pytest.mark.parametrize(
    ("mechanism", "encoder", "decoder"),
    [
        (Codebook(20, 2), partial(dense, 20), None),
        (Codebook(20, 2), Recipe("encoders", "mlp", {"shape": SHAPE, "outputs": 20}), None),
        (Bits(8), partial(dense, 8), lambda: dense_decoder(8, SampleSpec(SHAPE, 0.0, 1.0))),
        (
            NoMechanism(),
            lambda: mnist.conv_obfnet(SHAPE, 16).encoder,
            lambda: mnist.conv_obfnet(SHAPE, 16).decoder,
        ),
    ],
    ids=["more codes", "more codes, by name", "bits", "none"],
)
def test_a_twin_costs_no_more(mechanism, encoder, decoder, infnet, digits, splits):
    job = _job(infnet, digits, splits, mechanism, encoder, decoder)
    (twin,) = train_twins(job, [0])
    spent = cost_of_both(job)
    expected = cost(job.encoder(), SHAPE)
    if decoder is not None:
        expected = expected + cost(decoder(), (mechanism.width or 16,))
    assert spent == expected
    assert twin.cost.params <= spent.params
    assert twin.cost.macs <= spent.macs
    assert twin.classifier(torch.zeros(3, *SHAPE)).shape == (3, 10)
    assert twin.validation_accuracy > 0.12  # two epochs


def test_a_twin_by_name_is_the_encoder_with_labels(infnet, digits, splits):
    recipe = Recipe("encoders", "mlp", {"shape": SHAPE, "outputs": 20, "hidden": [9]})
    made = architecture(_job(infnet, digits, splits, Codebook(20, 2), recipe))
    assert made == Recipe("encoders", "mlp", {"shape": SHAPE, "outputs": 10, "hidden": [9]})


def test_nothing_as_cheap_is_said(infnet, digits, splits, capsys):
    """It is no reason to lose what was forged."""
    (made,) = quick(
        infnet, digits, splits, twins=True, mechanism=Bits(4),
        encoder=lambda: nn.Sequential(nn.AvgPool2d(4), nn.Flatten(), nn.Linear(4, 4)),
        decoder=lambda: nn.Sequential(nn.Unflatten(1, (1, 2, 2)), nn.Upsample(scale_factor=4)),
    )  # fmt: skip
    assert made.twin is None
    assert "no local twin: no mlp encoder" in capsys.readouterr().err


def test_twins_train_in_chunks(infnet, digits, splits, monkeypatch):
    job = _job(infnet, digits, splits, Codebook(10), dense)
    together = train_twins(job, [0, 1, 2])
    monkeypatch.setattr("obfnet.forging.twin.chunk_size", lambda *_: 1)
    for one, other in zip(together, train_twins(job, [0, 1, 2]), strict=True):
        for name, values in one.classifier.state_dict().items():
            expected = other.classifier.state_dict()[name]
            torch.testing.assert_close(values, expected, rtol=1e-3, atol=1e-3)
