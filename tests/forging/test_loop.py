"""The loop keeps the best checkpoint, repeats itself exactly, and stops when told."""

import pytest
import torch
from torch import nn
from torch.nn.functional import mse_loss

from obfnet.errors import SpecError
from obfnet.forging.loop import Schedule, build, fit

X = torch.linspace(-1, 1, 64)[:, None]
Y = 2 * X - 1


def _run(schedule, scores=None, seed=0):
    net = build(lambda: nn.Linear(1, 1), 0)
    states = []

    def score():
        states.append({name: value.clone() for name, value in net.state_dict().items()})
        if scores is not None:
            return scores[len(states) - 1]
        return -float(mse_loss(net(X), Y))

    done = fit(net, lambda rows: mse_loss(net(X[rows]), Y[rows]), score, 64, schedule, seed, "t")
    return net, done, states


def test_it_learns():
    _, done, _ = _run(Schedule(epochs=60, batch=16, rate=0.05))
    assert done.score > -1e-3
    assert len(done.history) == 61


def test_the_best_checkpoint_is_kept_not_the_last():
    net, done, states = _run(
        Schedule(epochs=4, batch=16, rate=0.1), scores=[0.0, 0.1, 0.9, 0.5, 0.9]
    )
    assert (done.score, done.epoch) == (0.9, 2)
    assert torch.equal(net.weight, states[2]["weight"])
    assert not torch.equal(net.weight, states[4]["weight"])


def test_training_that_only_hurts_leaves_the_module_as_it_was():
    net, done, states = _run(Schedule(epochs=2, batch=16, rate=0.1), scores=[0.9, 0.5, 0.4])
    assert done.epoch == 0
    assert torch.equal(net.weight, states[0]["weight"])


def test_equal_seeds_give_equal_nets_and_others_do_not():
    nets = [_run(Schedule(epochs=3, batch=16), seed=seed)[0] for seed in (0, 0, 1)]
    assert torch.equal(nets[0].weight, nets[1].weight)
    assert not torch.equal(nets[0].weight, nets[2].weight)


def test_torchs_own_random_state_is_left_alone():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    _run(Schedule(epochs=2, batch=16))
    assert torch.equal(torch.rand(1), expected)


def test_patience_and_target_end_it_early():
    falling = [0.5, 0.4, 0.3, 0.2, 0.1, 0.0]
    assert len(_run(Schedule(epochs=5, batch=16, patience=2), falling)[1].history) == 3
    rising = falling[::-1]
    assert len(_run(Schedule(epochs=5, batch=16, target=0.2), rising)[1].history) == 3


@pytest.mark.parametrize(
    "wrong", [{"epochs": 0}, {"epochs": 1, "batch": 1}, {"epochs": 1, "rate": 0}]
)
def test_schedules_must_make_sense(wrong):
    with pytest.raises(SpecError):
        Schedule(**wrong)


def test_checks_within_an_epoch_stop_it_sooner():
    rising = [0.0, 0.1, 0.2, 0.3, 0.4]
    _, done, _ = _run(Schedule(epochs=5, batch=16, target=0.2, checks=4), rising)
    assert done.epoch == 0.5
    assert len(done.history) == 3
