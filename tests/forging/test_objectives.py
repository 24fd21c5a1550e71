"""Terms against plain computations, nets that never mix, and privacy terms that do something."""

import math
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

from obfnet.errors import SpecError, UnknownNameError
from obfnet.forging.objectives import Batch, build
from obfnet.forging.optimised import optimise_rows
from obfnet.mechanisms.bits import Bits
from obfnet.mechanisms.gaussian import Gaussian
from obfnet.mechanisms.none import NoMechanism
from obfnet.mechanisms.randomised_bits import RandomisedBits

#: The built-in terms as pyproject.toml registers them, whatever is installed just now.
PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
TERMS = {
    name: EntryPoint(name, value, "obfnet.terms").load()
    for name, value in PROJECT["project"]["entry-points"]["obfnet.terms"].items()
}
PRIVACY = ["adversarial-decoder", "attribute:mood", "distance-correlation"]
EVERY = ["cross-entropy", "distillation:3", "agreement", *PRIVACY]
NETS, N, WIDTH, CLASSES, SHAPE = 3, 12, 5, 4, (1, 2, 3)


def _build(spec, nets=NETS, **changes):
    common = {
        "released_width": WIDTH,
        "shape": SHAPE,
        "classes": CLASSES,
        "seeds": range(nets),
        "attributes": {"mood": 3, "constant": 1},
        "own": TERMS,
    }
    return build(spec, nets=nets, **{**common, **changes})


def _batch(nets=NETS, seed=0):
    draw = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(shape, generator=draw, dtype=torch.float64)

    return Batch(
        samples=normal(N, *SHAPE),
        labels=torch.arange(N) % CLASSES,
        answers=(2 * normal(nets, N, CLASSES)).log_softmax(-1),
        released=normal(nets, N, WIDTH),
        teacher=(2 * normal(N, CLASSES)).log_softmax(-1),
        attributes={"mood": torch.arange(N) % 5 % 3},
    )


def _with(batch, **changes):
    return Batch(**{**vars(batch), **changes})


# Each term against a plain computation.


def _plain_surprise(answers, labels):
    return [np.mean([-net[i, label] for i, label in enumerate(labels)]) for net in answers]


def _plain_divergence(batch, temperature):
    def tempered(log_probabilities):
        powers = np.exp(log_probabilities) ** (1 / temperature)
        return powers / powers.sum(-1, keepdims=True)

    wanted, given = tempered(batch.teacher.numpy()), tempered(batch.answers.numpy())
    each = (wanted * np.log(wanted / given)).sum(-1)
    return temperature**2 * each.mean(1)


def _plain_distance_correlation(x, y):
    def centred(points):
        points = points.reshape(len(points), -1)
        apart = np.array([[math.dist(one, other) for other in points] for one in points])
        return apart - apart.mean(0) - apart.mean(1)[:, None] + apart.mean()

    a, b = centred(x), centred(y)
    return (a * b).mean() / math.sqrt((a * a).mean() * (b * b).mean())


def _plain_adversary(objective, net, code):
    """Net ``net``'s adversary, from its weights alone."""
    parameters = [value.detach().numpy()[net] for value in objective.parameters()]
    half = len(parameters) // 2
    spread = np.sqrt(code.var(0) + 0.01 * code.var(0).mean() + 1e-8)
    value = (code - code.mean(0)) / spread
    for layer, (weight, bias) in enumerate(zip(parameters[:half], parameters[half:], strict=True)):
        value = value @ weight + bias
        if layer < half - 1:
            value = np.maximum(value, 0)
    return value


def _advantage(loss, blind):
    return (blind - loss) / (blind + loss)


def test_cross_entropy():
    batch = _batch()
    values = _build({"cross-entropy": 1}).terms(batch)["cross-entropy"]
    assert np.allclose(values, _plain_surprise(batch.answers.numpy(), batch.labels.tolist()))


def test_agreement_reads_the_teacher_and_no_labels():
    batch = _batch()
    values = _build({"agreement": 1}).terms(batch)["agreement"]
    wanted = batch.teacher.numpy().argmax(1)
    assert np.allclose(values, _plain_surprise(batch.answers.numpy(), wanted))
    others = _with(batch, labels=torch.zeros(N, dtype=torch.int64))
    assert torch.equal(values, _build({"agreement": 1}).terms(others)["agreement"])


@pytest.mark.parametrize(("entry", "temperature"), [("distillation", 1), ("distillation:3.5", 3.5)])
def test_distillation(entry, temperature):
    batch = _batch()
    values = _build({entry: 1}).terms(batch)[entry]
    assert np.allclose(values, _plain_divergence(batch, temperature))


def test_distillation_takes_a_teacher_that_is_certain():
    certain = torch.full((N, CLASSES), -math.inf, dtype=torch.float64)
    certain[:, 1] = 0
    batch = _with(_batch(), teacher=certain)
    batch.answers.requires_grad_()
    values = _build({"distillation": 1}).terms(batch)["distillation"]
    assert torch.allclose(values, -batch.answers[:, :, 1].mean(1))
    values.sum().backward()
    assert batch.answers.grad.isfinite().all()


def test_distance_correlation():
    batch = _batch()
    values = _build({"distance-correlation": 1}).terms(batch)["distance-correlation"]
    x = batch.samples.numpy()
    assert np.allclose(values, [_plain_distance_correlation(x, y) for y in batch.released.numpy()])


def test_distance_correlation_at_its_ends():
    """1 for x moved and scaled, 0 for a constant, small for many independent draws."""
    x = torch.randn(500, 1, 1, 2, generator=torch.Generator().manual_seed(0))
    alone = torch.rand(500, 2, generator=torch.Generator().manual_seed(1))
    codes = torch.stack([x.flatten(1) * 1e-4 - 7, torch.full((500, 2), 3.0), alone])
    codes.requires_grad_()
    batch = Batch(x, torch.zeros(500, dtype=torch.int64), torch.zeros(3, 500, 1), codes)
    objective = _build({"distance-correlation": 1}, released_width=2)
    values = objective(batch)
    # Moved by 7, a code of 1e-4 keeps three digits in float32.
    moved, constant, independent = values.tolist()
    assert moved == pytest.approx(1, abs=1e-3)
    assert constant == 0
    assert independent < 0.02
    values.sum().backward()
    assert codes.grad.isfinite().all()
    assert codes.grad[2].abs().sum() > 0


def test_distance_correlation_has_the_right_gradient_among_equal_points():
    """Bits repeat: half of all distances are 0, where a root has no slope."""
    signs = torch.sign(_batch().released)
    signs[:, N // 2 :] = signs[:, : N // 2]
    batch = _with(_batch(), released=signs.requires_grad_())
    objective = _build({"distance-correlation": 1})
    objective(batch).sum().backward()
    assert signs.grad.isfinite().all()
    whole = torch.randn(signs.shape, generator=torch.Generator().manual_seed(2)).double()
    # Equal points that move together stay equal, so the slope along such a way exists.
    whole[:, N // 2 :] = whole[:, : N // 2]
    with torch.no_grad():
        up, down = (objective(_with(batch, released=signs + s * whole)) for s in (1e-6, -1e-6))
    assert (up - down).sum() / 2e-6 == pytest.approx(float((signs.grad * whole).sum()), rel=1e-4)


def test_adversarial_decoder():
    objective, batch = _build({"adversarial-decoder": 1}).double(), _batch()
    x = batch.samples.flatten(1).numpy()
    x = (x - x.mean(0)) / np.sqrt(((x - x.mean(0)) ** 2).mean())
    expected = []
    for net, code in enumerate(batch.released.numpy()):
        error = ((_plain_adversary(objective, net, code) - x) ** 2).mean()
        expected.append(_advantage(error, 1.0))
    assert np.allclose(objective(batch).detach(), expected)


def test_attribute():
    objective, batch = _build({"attribute:mood": 1}).double(), _batch()
    mood = batch.attributes["mood"].numpy()
    shares = np.bincount(mood) / N
    expected = []
    for net, code in enumerate(batch.released.numpy()):
        scores = np.exp(_plain_adversary(objective, net, code))
        right = scores[np.arange(N), mood] / scores.sum(1)
        expected.append(_advantage(-np.log(right).mean(), -(shares * np.log(shares)).sum()))
    assert np.allclose(objective(batch).detach(), expected)


@pytest.mark.parametrize("entry", PRIVACY)
def test_batches_in_which_nothing_varies_do_no_harm(entry):
    batch = _with(
        _batch(),
        samples=torch.ones(N, *SHAPE).double(),
        released=torch.zeros(NETS, N, WIDTH).double().requires_grad_(),
        attributes={"mood": torch.ones(N, dtype=torch.int64)},
    )
    values = _build({entry: 1}).double()(batch)
    values.sum().backward()
    assert values.isfinite().all()
    assert batch.released.grad.isfinite().all()


# Weights, and nets beside one another.


def test_terms_are_weighed_and_summed():
    spec = {"cross-entropy": 2, "distance-correlation": 0.5, "agreement": 0}
    objective, batch = _build(spec), _batch()
    values = objective.terms(batch)
    assert list(values) == ["cross-entropy", "distance-correlation"]
    expected = 2 * values["cross-entropy"] + 0.5 * values["distance-correlation"]
    assert torch.allclose(objective(batch), expected)
    assert "2 cross-entropy + 0.5 distance-correlation" in repr(objective)


@pytest.mark.parametrize("entry", EVERY)
def test_no_net_sees_another(entry):
    """Another net's tensors move neither a net's loss nor its gradients."""
    objective = _build({entry: 1}).double()
    batch, other = _batch(), _batch(seed=1)
    results = []
    for third in (batch, other):
        released = torch.cat([batch.released[:2], third.released[2:]]).requires_grad_()
        answers = torch.cat([batch.answers[:2], third.answers[2:]]).requires_grad_()
        losses = objective(_with(batch, released=released, answers=answers))
        objective.zero_grad()
        losses[0].backward(retain_graph=True)
        of_inputs = [i.grad[0] for i in (released, answers) if i.grad is not None]
        assert all(i.grad[1:].abs().sum() == 0 for i in (released, answers) if i.grad is not None)
        of_adversary = [p.grad[0] for p in objective.parameters()]
        assert all(p.grad[1:].abs().sum() == 0 for p in objective.parameters())
        results.append([losses[:2].detach(), *of_inputs, *of_adversary])
    assert all(torch.equal(one, again) for one, again in zip(*results, strict=True))
    assert any(value.abs().sum() > 0 for value in results[0][1:])


@pytest.mark.parametrize("entry", EVERY)
def test_a_net_in_a_stack_is_as_it_is_alone(entry):
    batch = _batch()
    alone = _with(batch, released=batch.released[1:2], answers=batch.answers[1:2])
    stacked = _build({entry: 1}, seeds=[7, 8, 9]).double()(batch)[1]
    single = _build({entry: 1}, nets=1, seeds=[8]).double()(alone)[0]
    assert torch.allclose(stacked, single, rtol=1e-9)


def test_needs_are_told():
    needy = _build({"cross-entropy": 1, "distillation": 1, "attribute:mood": 1})
    assert needy.needs_teacher
    assert needy.needs_attributes == ("mood",)
    plain = _build({"cross-entropy": 1, "distillation": 0, "attribute:mood": 0})
    assert not plain.needs_teacher
    assert plain.needs_attributes == ()
    assert not list(plain.parameters())
    assert (plain.betas, needy.betas) == ((0.9, 0.999), (0.5, 0.999))


# Adversaries.


@pytest.mark.parametrize("entry", PRIVACY[:2])
def test_the_gradient_is_reversed_for_adversaries_and_for_nobody_else(entry):
    """By finite differences: true for the code, with the sign turned for the weights."""
    objective, batch = _build({entry: 1}).double(), _batch()
    released = batch.released.requires_grad_()
    objective(batch).sum().backward()
    draw = torch.Generator().manual_seed(3)
    for tensor, sign in [(released, 1), *((weight, -1) for weight in objective.parameters())]:
        way = torch.randn(tensor.shape, generator=draw, dtype=torch.float64)
        ends = []
        for step in (1e-6, -1e-6):
            with torch.no_grad():
                tensor.add_(step * way)
                ends.append(objective(batch).sum())
                tensor.sub_(step * way)
        slope = float(ends[0] - ends[1]) / 2e-6
        assert abs(slope) > 1e-6
        assert float((tensor.grad * way).sum()) == pytest.approx(sign * slope, rel=1e-3, abs=1e-7)


@pytest.mark.parametrize("entry", PRIVACY[:2])
def test_adversaries_learn_while_the_encoder_stands_still(entry):
    batch = _batch()
    # A code that tells everything to nets 0 and 1, and nothing to net 2.
    known = torch.cat([batch.samples.flatten(1)[:, :4], batch.attributes["mood"][:, None]], 1)
    batch = _with(batch, released=torch.stack([known, known, torch.zeros(N, WIDTH)]))
    objective = _build({entry: 1}).double()
    before = objective(batch).detach()
    optimiser = torch.optim.Adam(objective.parameters(), 3e-3, betas=objective.betas)
    for _ in range(150):
        optimiser.zero_grad()
        objective(batch).sum().backward()
        optimiser.step()
    after = objective(batch).detach()
    assert (after[:2] > before[:2] + 0.3).all()
    assert (after[:2] > 0.4).all()
    assert after[2] == pytest.approx(0, abs=0.02)


def test_seeds_make_the_adversaries():
    def weights(seeds):
        return next(_build({"attribute:mood": 1}, seeds=seeds).parameters())

    one = weights([4, 5, 4])
    assert torch.equal(one, weights([4, 5, 4]))
    assert torch.equal(one[0], one[2])
    assert not torch.equal(one[0], one[1])


# Refusals.


@pytest.mark.parametrize("weight", [-1, -0.5, math.nan, math.inf, "1", True, None])
def test_bad_weights_are_refused(weight):
    with pytest.raises(SpecError, match=r"weight of term 'cross-entropy' is .*, expected a number"):
        _build({"cross-entropy": weight})


@pytest.mark.parametrize("weight", [1, 0])
def test_an_unknown_name_lists_what_there_is(weight):
    with pytest.raises(UnknownNameError, match=r"'magic'; there are: .*agreement, .*cross-entropy"):
        _build({"cross-entropy": 1, "magic:wand": weight})


def test_a_term_of_weight_0_is_never_built():
    def explosive(_setting):
        raise AssertionError("built")

    own = {**TERMS, "explosive": explosive}
    _build({"cross-entropy": 1, "explosive": 0}, own=own)
    with pytest.raises(AssertionError, match="built"):
        _build({"cross-entropy": 1, "explosive": 1e-9}, own=own)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({}, "no term of a weight above 0"),
        ({"cross-entropy": 0}, "no term of a weight above 0"),
        ({"cross-entropy:2": 1}, "names term 'cross-entropy:2', expected 'cross-entropy'"),
        ({"attribute": 1}, "names term 'attribute', expected 'attribute:NAME'"),
        ({"attribute:age": 1}, r"no private attribute 'age' \(it has: constant, mood\): name one"),
        ({"attribute:constant": 1}, "has 1 value"),
        ({"distillation:hot": 1}, "temperature above 0, as in 'distillation:4', got 'hot'"),
        ({"distillation:-1": 1}, "temperature above 0"),
    ],
)
def test_entries_that_cannot_be_are_refused(spec, message):
    with pytest.raises(SpecError, match=message):
        _build(spec)


@pytest.mark.parametrize("entry", ["distillation", "agreement"])
def test_a_teacher_that_cannot_be_had_is_refused(entry):
    with pytest.raises(SpecError, match="let the forge ask the InfNet about them, or train on"):
        _build({entry: 1}, teacher=False)
    with pytest.raises(SpecError, match="needs_teacher"):
        _build({entry: 1})(_with(_batch(), teacher=None))


def test_batches_that_do_not_fit_are_refused():
    with pytest.raises(SpecError, match=r"needs_attributes \['mood'\]"):
        _build({"attribute:mood": 1})(_with(_batch(), attributes={}))
    with pytest.raises(SpecError, match="for 3 nets, the batch holds answers for 2"):
        _build({"cross-entropy": 1})(_batch(nets=2))
    with pytest.raises(SpecError, match="one seed for each of 3 nets"):
        _build({"cross-entropy": 1}, seeds=[1, 2])
    with pytest.raises(SpecError, match=">= 1"):
        _build({"cross-entropy": 1}, released_width=0)


# Other people's terms.


def test_a_term_may_be_a_plain_function():
    def small_codes(_setting):
        return lambda batch: batch.released.square().mean((1, 2))

    batch = _batch()
    values = _build({"small-codes": 2}, own={"small-codes": small_codes})(batch)
    assert torch.allclose(values, 2 * batch.released.square().mean((1, 2)))
    mixed = {"mixed": lambda _setting: lambda batch: batch.released.square().mean()}
    with pytest.raises(SpecError, match=r"'mixed' gave shape \(\), expected \(3,\): one loss for"):
        _build({"mixed": 1}, own=mixed)(batch)


def test_an_installed_package_adds_terms(tmp_path, monkeypatch):
    metadata = tmp_path / "others-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: others\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[obfnet.terms]\nquiet = others_terms:quiet\n")
    (tmp_path / "others_terms.py").write_text(
        "def quiet(setting, power='2'):\n"
        "    return lambda batch: batch.released.abs().pow(float(power)).mean((1, 2))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    batch = _batch()
    values = _build({"quiet:3": 1})(batch)
    assert torch.allclose(values, batch.released.abs().pow(3).mean((1, 2)))
    sys.modules.pop("others_terms")


# What privacy terms and mechanisms do to encoders of real digits for a real InfNet.

CODES, PAIR = 20, 2


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """Nets this small wait for a second thread longer than they compute."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def table(infnet, digits):
    """Log-probabilities (20, 10) of the InfNet for two rows a class."""
    return optimise_rows(infnet, digits.spec, CODES, seed=0).log_probabilities


@pytest.fixture(scope="module")
def forge(table, digits, splits):
    """Trains PAIR codebook encoders under a spec; gives them back."""
    samples, labels, slant = _part(digits, splits.train)

    def forge(spec, steps):
        torch.manual_seed(0)
        encoders = nn.ModuleList(_encoder(CODES, nn.LogSoftmax(-1)) for _ in range(PAIR))
        objective = build(
            spec, nets=PAIR, released_width=CODES, shape=(1, 8, 8), classes=10,
            seeds=range(PAIR), attributes={"slant": 2}, own=TERMS,
        )  # fmt: skip
        parameters = [*encoders.parameters(), *objective.parameters()]
        optimiser = torch.optim.Adam(parameters, 3e-3, betas=objective.betas)
        order = torch.Generator().manual_seed(1)
        for _ in range(steps):
            chosen = torch.randint(len(samples), (128,), generator=order)
            released = torch.stack([encoder(samples[chosen]) for encoder in encoders])
            answers = (released[..., None] + table).logsumexp(2)
            batch = Batch(
                samples[chosen], labels[chosen], answers, released,
                attributes={"slant": slant[chosen]},
            )  # fmt: skip
            optimiser.zero_grad()
            objective(batch).sum().backward()
            optimiser.step()
        return encoders

    return forge


@pytest.fixture(scope="module")
def unprotected(forge):
    return forge({"cross-entropy": 1}, 300)


def _part(digits, indices):
    columns = digits.samples, digits.labels, digits.attributes["slant"]
    return [torch.from_numpy(column[indices]) for column in columns]


def _encoder(outputs, *end):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, outputs), *end)


def _fresh(encoders, digits, splits, column, loss):
    """What new attackers of each encoder's code answer on data nobody has seen, and the truth."""
    train, held = _part(digits, splits.train), _part(digits, splits.test)
    wanted = train[column].flatten(1) if column == 0 else train[column]
    width = 64 if column == 0 else 2
    guesses = []
    for encoder in encoders:
        with torch.no_grad():
            seen, code = encoder(train[0]), encoder(held[0])
        centre, spread = seen.mean(0), seen.std(0) + 1e-3
        torch.manual_seed(2)
        net = nn.Sequential(nn.Linear(CODES, 64), nn.ReLU(), nn.Linear(64, width))
        optimiser = torch.optim.Adam(net.parameters(), 5e-3)
        for _ in range(250):
            chosen = torch.randint(len(seen), (128,))
            optimiser.zero_grad()
            loss(net((seen[chosen] - centre) / spread), wanted[chosen]).backward()
            optimiser.step()
        with torch.no_grad():
            guesses.append(net((code - centre) / spread))
    return torch.stack(guesses), held[column]


def _answered(encoders, table, digits, splits):
    samples, labels, _ = _part(digits, splits.test)
    with torch.no_grad():
        codes = torch.stack([encoder(samples).argmax(1) for encoder in encoders])
    return float((table.argmax(1)[codes] == labels).float().mean())


@pytest.mark.parametrize(
    "entry", ["adversarial-decoder", "attribute:slant", "distance-correlation"]
)
def test_switching_a_term_on_changes_the_update(forge, entry):
    without, again, on = (
        forge({"cross-entropy": 1, **more}, steps=1) for more in ({}, {entry: 0}, {entry: 1})
    )
    for one, same, other in zip(without, again, on, strict=True):
        # Adam's first step has one length; it is the direction of single weights that differs.
        first, repeated, protected = (net[1].weight.detach() for net in (one, same, other))
        assert torch.equal(first, repeated)
        assert ((first - protected).abs() > 1e-3).float().mean() > 0.01


def test_an_attribute_is_hidden_from_a_fresh_probe(forge, unprotected, table, digits, splits):
    def told(encoders):
        guesses, truth = _fresh(encoders, digits, splits, 2, cross_entropy)
        return float((guesses.argmax(2) == truth).float().mean())

    hidden = forge({"cross-entropy": 1, "attribute:slant": 1}, 300)
    assert told(unprotected) > 0.72
    assert told(hidden) < told(unprotected) - 0.05
    assert _answered(hidden, table, digits, splits) > 0.9


def test_x_is_hidden_from_a_fresh_decoder(forge, unprotected, table, digits, splits):
    def recovered(encoders):
        guesses, truth = _fresh(encoders, digits, splits, 0, mse_loss)
        truth = truth.flatten(1)
        return float(
            1 - (guesses - truth).square().mean() / (truth - truth.mean(0)).square().mean()
        )

    hidden = forge({"cross-entropy": 1, "adversarial-decoder": 1}, 300)
    assert recovered(hidden) < recovered(unprotected) - 0.02
    assert _answered(hidden, table, digits, splits) > 0.9


def test_distance_correlation_falls_on_new_samples(forge, unprotected, table, digits, splits):
    samples = digits.samples[splits.test[:90]]

    def correlation(encoders):
        with torch.no_grad():
            codes = [encoder(torch.from_numpy(samples)).numpy() for encoder in encoders]
        return np.mean([_plain_distance_correlation(samples, code) for code in codes])

    hidden = forge({"cross-entropy": 1, "distance-correlation": 1}, 300)
    assert correlation(hidden) < correlation(unprotected) / 1.5
    assert _answered(hidden, table, digits, splits) > 0.85


@pytest.mark.parametrize(
    ("off", "on"),
    [
        (Bits(8), RandomisedBits(8, 0.2)),
        # A radius that no code reaches: the noise alone makes the difference.
        (NoMechanism(), Gaussian(8, radius=1e6, sigma=0.3)),
        (NoMechanism(), Gaussian(8, radius=1e-3, sigma=1e-9)),
        (NoMechanism(), Bits(8)),
    ],
)
def test_switching_a_mechanism_on_changes_the_update(infnet, digits, splits, off, on):
    samples, labels, _ = _part(digits, splits.train[:128])

    def updated(mechanism):
        torch.manual_seed(0)
        encoder = _encoder(8)
        decoder = nn.Sequential(nn.Linear(8, 64), nn.Unflatten(1, (1, 8, 8)))
        optimiser = torch.optim.Adam(encoder.parameters(), 3e-3)
        answers = infnet.logits(decoder(mechanism.relax(encoder(samples))))
        cross_entropy(answers, labels).backward()
        optimiser.step()
        return [value.detach() for value in encoder.parameters()]

    assert all(map(torch.equal, updated(off), updated(off)))
    assert all((a - b).abs().max() > 1e-4 for a, b in zip(updated(off), updated(on), strict=True))
