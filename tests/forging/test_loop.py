"""The loop keeps the best checkpoint, repeats itself exactly, and stops when told.

So it does for every net of many that train at once, whatever happens to the others.
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

from obfnet.errors import SpecError
from obfnet.forging.loop import Schedule, build, fit, fit_many
from obfnet.nets.stack import Stack

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


PICTURES = torch.rand(96, 2, 6, 6, generator=torch.Generator().manual_seed(0)).double()
LABELS = PICTURES.mean((2, 3)).argmax(1)
#: Scores of three nets at each check: one reaches the target, one runs out of patience, and one
#: is best before it gets worse and stays to the end.
COURSES = [
    [0.0, 0.2, 0.95],
    [0.1, 0.3, 0.2, 0.2],
    [0.0, 0.5, 0.6, 0.5, 0.65, 0.5],
]
SEVERAL = Schedule(epochs=5, batch=16, rate=0.01, patience=2, target=0.9)


class Sum(nn.Module):
    """No sequence of known layers: it stands in a stack as it is."""

    def __init__(self):
        super().__init__()
        self.one, self.other = nn.Conv2d(2, 4, 3), nn.Linear(72, 2)

    def forward(self, samples):
        return self.one(samples).mean((2, 3))[:, :2] + self.other(samples.flatten(1))


def _dense():
    return nn.Sequential(nn.Flatten(), nn.Linear(72, 9), nn.ReLU(), nn.Linear(9, 2)).double()


def _convolutional():
    return nn.Sequential(
        nn.Conv2d(2, 6, 3, bias=False), nn.BatchNorm2d(6), nn.ReLU(),
        nn.Conv2d(6, 3, 3), nn.Flatten(), nn.Linear(12, 2),
    ).double()  # fmt: skip


def _own():
    return Sum().double()


def _half():
    """Its first layer is frozen, so no gradient ever moves it."""
    net = _convolutional()
    net[0].requires_grad_(False)
    return net


def _several(factory, numbers, schedule=SEVERAL, courses=COURSES, also=()):
    """Train the nets ``numbers``; also what was computed, and each net at each of its checks."""
    nets = Stack([build(factory, number) for number in numbers])
    computed, states, checks = [], {}, 0

    def losses(indices, present):
        computed.append([numbers[each] for each in present])
        logits = nets(PICTURES[indices])
        wanted = LABELS[indices].expand(len(logits), -1)
        each = cross_entropy(logits.transpose(1, 2), wanted, reduction="none").mean(1)
        return each + sum(p.square().sum() for p in also)

    def scores(present):
        nonlocal checks
        for position, each in enumerate(present):
            states[numbers[each], checks] = nets.state(position)
        checks += 1
        course = [courses[numbers[each]] for each in present]
        return [each[min(checks, len(each)) - 1] for each in course]

    trained = fit_many(nets, losses, scores, len(PICTURES), schedule, 7, "t", also)
    return trained, computed, states


def _equal(one, other, **tolerance):
    assert list(one) == list(other)
    for name, values in one.items():
        torch.testing.assert_close(values, other[name], **tolerance)


@pytest.mark.parametrize("factory", [_dense, _convolutional, _own, _half])
def test_nets_that_train_together_train_as_each_does_alone(factory):
    """Before and after others have stopped: the same course, the same weights."""
    together, computed, _ = _several(factory, [0, 1, 2])
    steps = [len(present) for present in computed]
    assert steps == [3] * 12 + [2] * 6 + [1] * 12  # six steps between checks
    for number in range(3):
        ((alone, weights),), _, _ = _several(factory, [number])
        fit, state = together[number]
        assert replace(fit, seconds=0) == replace(alone, seconds=0)
        _equal(state, weights, rtol=1e-8, atol=1e-10)
    assert [fit.score for fit, _ in together] == [0.95, 0.3, 0.65]
    assert [fit.epoch for fit, _ in together] == [2, 1, 4]
    assert [len(fit.history) for fit, _ in together] == [3, 4, 6]


def test_every_net_keeps_its_own_best_checkpoint():
    together, _, states = _several(_convolutional, [0, 1, 2])
    for number, best in enumerate([2, 1, 4]):
        _equal(together[number][1], states[number, best], rtol=0, atol=0)
        later = states.get((number, best + 1))
        assert later is None or not torch.equal(later["0.weight"], states[number, best]["0.weight"])


def test_a_net_that_only_gets_worse_stays_untrained():
    falling = [[0.5, 0.4, 0.3, 0.2], [0.1, 0.2, 0.3, 0.4]]
    schedule = Schedule(epochs=3, batch=16)
    together, _, states = _several(_dense, [0, 1], schedule, falling)
    assert [fit.epoch for fit, _ in together] == [0, 3]
    _equal(together[0][1], states[0, 0], rtol=0, atol=0)


def test_adversaries_keep_every_net_computed():
    """A net that has stopped goes on beside its adversary, but no more counts for it."""
    adversary = nn.Parameter(torch.ones(3, dtype=torch.float64))
    together, computed, states = _several(_dense, [0, 1, 2], also=[adversary])
    assert all(present == [0, 1, 2] for present in computed)
    assert len(computed) == 30
    assert [len(fit.history) for fit, _ in together] == [3, 4, 6]
    for number, best in enumerate([2, 1, 4]):
        _equal(together[number][1], states[number, best], rtol=0, atol=0)
    assert (adversary != 1).all()
    plain, _, _ = _several(_dense, [0, 1, 2])
    for (_, state), (_, without) in zip(together, plain, strict=True):
        _equal(state, without, rtol=1e-8, atol=1e-10)


def test_training_ends_with_its_last_net():
    _, computed, _ = _several(_dense, [0, 1], courses=[[0, 1.0], [0, 0.1, 1.0]])
    assert len(computed) == 12


def test_weights_do_not_depend_on_what_other_threads_build():
    """Torch has one random state for all threads."""

    def factory():
        return nn.Sequential(*(nn.Linear(20, 20) for _ in range(20)))

    expected = [build(factory, seed) for seed in range(12)]
    often = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda seed: build(factory, seed), range(12)))
    finally:
        sys.setswitchinterval(often)
    for net, other in zip(found, expected, strict=True):
        _equal(net.state_dict(), other.state_dict(), rtol=0, atol=0)
