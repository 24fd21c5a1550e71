"""Through the InfNet and back: each net by itself, and the InfNet is left as it was."""

from contextlib import nullcontext

import pytest
import torch
from torch import nn

from obfnet.errors import SpecError
from obfnet.forging.job import Job
from obfnet.forging.loop import Schedule, build
from obfnet.forging.through import forge_through
from obfnet.mechanisms.bits import Bits
from obfnet.mechanisms.none import NoMechanism
from obfnet.nets import mnist
from obfnet.nets.decoder import decoder
from obfnet.nets.frozen import digest, freeze
from small_nets import QUICK, dense, state


class Own(nn.Module):
    """No sequence of known layers: it stands beside the others as it is."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(64, 12)

    def forward(self, samples):
        return self.layer(samples.flatten(1)).relu()


def _job(infnet, digits, splits, mechanism=None, encoder=lambda: dense(12), schedule=QUICK):
    return Job(
        infnet,
        digits,
        splits,
        mechanism or NoMechanism(),
        encoder,
        schedule,
        lambda: decoder(12, digits.spec),
    )


@pytest.fixture
def full_precision(monkeypatch):
    """Where a processor has bfloat16, another batch is another rounding, and a coarse one."""
    monkeypatch.setattr("obfnet.forging.through.fast_convolutions", nullcontext)


@pytest.mark.usefixtures("full_precision")
@pytest.mark.parametrize(
    ("mechanism", "encoder"),
    [(None, lambda: dense(12)), (Bits(12), lambda: dense(12)), (None, Own)],
)
def test_an_obfnet_does_not_depend_on_its_neighbours(mechanism, encoder, infnet, digits, splits):
    """Not even after one of them has stopped."""
    schedule = Schedule(epochs=4, batch=256, rate=1e-2, patience=1, checks=2)
    job = _job(infnet, digits, splits, mechanism, encoder, schedule)
    together = forge_through(job, [3, 4, 5])
    for seed, found in zip([3, 4, 5], together, strict=True):
        (alone,) = forge_through(job, [seed])
        assert found.fit.epoch == alone.fit.epoch
        assert found.fit.history == pytest.approx(alone.fit.history, abs=0.03)
        expected = state(alone)
        for name, values in state(found).items():
            torch.testing.assert_close(values, expected[name], rtol=1e-3, atol=1e-3)


def _layouts(module):
    return {name: values.stride() for name, values in module.state_dict().items()}


@pytest.fixture(params=[torch.contiguous_format, torch.channels_last])
def pictures(request):
    """A convolutional InfNet, with a pointwise layer whose strides are a matter of taste."""

    def factory():
        net = mnist.conv_infnet((1, 8, 8))
        return nn.Sequential(*net[:4], nn.Conv2d(64, 64, 1), nn.BatchNorm2d(64), *net[4:])

    return freeze(build(factory, 0).to(memory_format=request.param))


def test_the_infnet_is_left_as_it_was(pictures, digits, splits):
    module = pictures.module
    before, layouts = digest(module), _layouts(module)
    parameters = list(module.parameters())
    short = Schedule(epochs=1, batch=512)
    forge_through(_job(pictures, digits, splits, schedule=short), [0])
    assert digest(module) == before == pictures.digest
    assert _layouts(module) == layouts
    assert all(p is q for p, q in zip(parameters, module.parameters(), strict=True))
    assert not any(p.requires_grad or p.grad is not None for p in parameters)


def test_the_infnet_is_left_as_it_was_after_an_error(pictures, digits, splits, monkeypatch):
    def broken(*_):
        raise RuntimeError("in the middle")

    monkeypatch.setattr("obfnet.forging.through._relaxed", broken)
    monkeypatch.setattr("obfnet.forging.through._check_shapes", lambda *_: 12)
    layouts = _layouts(pictures.module)
    with pytest.raises(RuntimeError, match="in the middle"):
        forge_through(_job(pictures, digits, splits), [0])
    assert _layouts(pictures.module) == layouts
    pictures.verify()


def test_what_cannot_be_trained_through_is_refused(infnet, digits, splits):
    labels = freeze(infnet.module, "labels", classes=10)
    with pytest.raises(SpecError, match="gives gradients"):
        forge_through(_job(labels, digits, splits), [0])
    job = Job(infnet, digits, splits, NoMechanism(), dense, QUICK)
    with pytest.raises(SpecError, match="needs a decoder"):
        forge_through(job, [0])
