"""Side by side, each net computes what it computes alone; what cannot, is computed alone."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, spectral_norm

from obfnet.forging.loop import build
from obfnet.nets import asl, fsd, mnist
from obfnet.nets.decoder import conv_decoder, dense_decoder
from obfnet.nets.mlp import MlpEncoder
from obfnet.nets.separable import SeparableEncoder
from obfnet.nets.stack import Stack, chosen
from obfnet.nets.temporal import TemporalEncoder
from obfnet.specs import SampleSpec

NETS, BATCH = 3, 6
PICTURE, COLOUR, CLIP = (1, 8, 8), (4, 8, 8), (1, 20, 45)


def _dropping_nothing(net):
    for layer in net.modules():
        if isinstance(layer, nn.Dropout | nn.Dropout2d):
            layer.p = 0.0
    return net


def _shared_relu():
    relu = nn.ReLU()
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 9), relu, nn.Linear(9, 7), relu)


def _frozen_stem():
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(144, 5))
    net[0].requires_grad_(False)
    return net


def _sequence(*layers):
    return lambda: nn.Sequential(*(layer() for layer in layers))


def _with_stem(*layers, channels=6):
    """After a first layer with weights, nets share nothing any more."""
    return _sequence(lambda: nn.Conv2d(4, channels, 3, padding=1), *layers)


#: Everything that is computed at once: what makes one, and the shape of its input.
TOGETHER = {
    "mnist O_M encoder": (lambda: mnist.mlp_obfnet(PICTURE, 16).encoder, PICTURE),
    "mnist O_M decoder": (lambda: mnist.mlp_obfnet(PICTURE, 16).decoder, (16,)),
    "mnist O_C encoder": (lambda: mnist.conv_obfnet(PICTURE, 16).encoder, PICTURE),
    "mnist O_C decoder": (lambda: mnist.conv_obfnet(PICTURE, 16).decoder, (16,)),
    "fsd O_M encoder": (lambda: fsd.mlp_obfnet((1, 10, 12), 20).encoder, (1, 10, 12)),
    "fsd O_M decoder": (lambda: fsd.mlp_obfnet((1, 10, 12), 20).decoder, (20,)),
    "fsd O_C encoder": (lambda: fsd.conv_obfnet((1, 10, 12)).encoder, (1, 10, 12)),
    "asl O_C encoder": (lambda: asl.conv_obfnet((1, 12, 12), 16).encoder, (1, 12, 12)),
    "asl O_C decoder": (lambda: asl.conv_obfnet((1, 12, 12), 16).decoder, (16,)),
    "separable": (lambda: SeparableEncoder(PICTURE, 10), PICTURE),
    "separable, large": (
        lambda: SeparableEncoder((3, 32, 34), 7, (6, 8, 10), depth=2, shrink=2),
        (3, 32, 34),
    ),
    "temporal": (lambda: TemporalEncoder(CLIP, 5, (8, 12, 16)), CLIP),
    "mlp": (lambda: MlpEncoder(PICTURE, 10, (12, 9), batch_norm=True), PICTURE),
    "dense decoder": (lambda: dense_decoder(5, SampleSpec(PICTURE, -1.0, 2.0)), (5,)),
    "conv decoder": (lambda: conv_decoder(5, SampleSpec(CLIP, 0.0, 1.0), 8), (5,)),
    "one layer": (lambda: nn.Linear(5, 3), (5,)),
    "nothing learned": (_sequence(nn.Flatten, nn.Tanh), PICTURE),
    "a layer that comes twice": (_shared_relu, PICTURE),
    "a frozen part": (_frozen_stem, PICTURE),
    "groups on what is shared": (_sequence(lambda: nn.Conv2d(4, 8, 3, groups=2)), COLOUR),
    "groups": (_with_stem(lambda: nn.Conv2d(6, 9, 3, stride=2, groups=3, bias=False)), COLOUR),
    "dilated, padded by name": (
        _with_stem(lambda: nn.Conv2d(6, 5, 3, padding="same", dilation=2)),
        COLOUR,
    ),
    "transposed on what is shared": (
        _sequence(lambda: nn.ConvTranspose2d(4, 6, 3, 2, 1, output_padding=1, groups=2)),
        COLOUR,
    ),
    "transposed": (_with_stem(lambda: nn.ConvTranspose2d(6, 4, 2, 2, groups=2)), COLOUR),
    "statistics of what is shared": (_sequence(lambda: nn.BatchNorm2d(4)), COLOUR),
    "statistics without weights": (
        _with_stem(lambda: nn.BatchNorm2d(6, affine=False, momentum=0.3)),
        COLOUR,
    ),
    "statistics that stay": (_with_stem(lambda: nn.BatchNorm2d(6, momentum=0.0)), COLOUR),
    "statistics of series": (_sequence(lambda: nn.BatchNorm1d(4), nn.Flatten), (4, 9)),
    "statistics, then dense": (
        _sequence(lambda: nn.BatchNorm1d(4), nn.ReLU, lambda: nn.Linear(9, 3)),
        (4, 9),
    ),
    "pools": (
        _with_stem(
            lambda: nn.MaxPool2d(3, 2, 1), lambda: nn.AvgPool2d(2), lambda: nn.AdaptiveAvgPool2d(1)
        ),
        COLOUR,
    ),
    "a pool on what is shared": (
        _sequence(lambda: nn.MaxPool2d(2), nn.Flatten, lambda: nn.Linear(64, 3)),
        COLOUR,
    ),
    "larger, nearest": (_with_stem(lambda: nn.Upsample(scale_factor=2)), COLOUR),
    "larger, bilinear": (_with_stem(lambda: nn.Upsample(size=(9, 13), mode="bilinear")), COLOUR),
    "in place": (_with_stem(lambda: nn.ReLU(inplace=True), nn.GELU, nn.Sigmoid), COLOUR),
    "dense on the last of two axes": (
        _sequence(lambda: nn.Linear(9, 5), nn.ReLU, lambda: nn.Linear(5, 4), nn.Flatten),
        (6, 9),
    ),
    "dense on the last of three axes": (
        _with_stem(lambda: nn.Linear(8, 5), nn.ReLU, lambda: nn.Conv2d(6, 2, 3)),
        COLOUR,
    ),
    "dense, then a pool": (_sequence(lambda: nn.Linear(9, 6), lambda: nn.AvgPool2d(2)), (6, 9)),
    "unflattened to two axes": (
        _sequence(lambda: nn.Linear(9, 6), lambda: nn.Unflatten(1, (2, -1)), nn.Tanh),
        (9,),
    ),
    "unflattened, then a pool": (
        _sequence(
            lambda: nn.Linear(9, 32), lambda: nn.Unflatten(1, (2, 4, 4)), lambda: nn.MaxPool2d(2)
        ),
        (9,),
    ),
    "unflattened while shared": (
        _sequence(lambda: nn.Unflatten(1, (1, 8, 8)), lambda: nn.Conv2d(1, 3, 3)),
        (64,),
    ),
}


class Residual(nn.Module):
    """A third party's net with a way of its own."""

    def __init__(self):
        super().__init__()
        self.first, self.norm = nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.head = nn.Linear(256, 10)

    def forward(self, samples):
        return self.head((samples + self.norm(self.first(samples)).relu()).flatten(1))


class Doubling(nn.Sequential):
    """Looks like a plain sequence."""

    def forward(self, samples):
        return 2 * super().forward(samples)


class Scaled(nn.Sequential):
    """A plain sequence with a weight beside it."""

    def __init__(self, *layers):
        super().__init__(*layers)
        self.scale = nn.Parameter(torch.ones(1))


class Backwards(nn.Flatten):
    def forward(self, samples):
        return super().forward(samples).flip(1)


class Frozen(nn.BatchNorm2d):
    def train(self, mode=True):
        return super().train(False)


class Slope(nn.Module):
    """Says that it works value by value, but what it does has been learned."""

    elementwise = True

    def __init__(self):
        super().__init__()
        self.slope = nn.Parameter(torch.randn(()))

    def forward(self, values):
        return self.slope * values


def _tied():
    layer = nn.Linear(9, 9)
    return nn.Sequential(layer, nn.ReLU(), layer)


def _tied_weights():
    net = nn.Sequential(nn.Linear(9, 9), nn.ReLU(), nn.Linear(9, 9))
    net[2].weight = net[0].weight
    return net


def _hooked():
    net = nn.Sequential(nn.Linear(9, 4))
    net[0].register_forward_hook(lambda _layer, _inputs, output: output + 1)
    return net


def _patched():
    net = nn.Sequential(nn.Linear(9, 4), nn.ReLU())
    net[1].forward = torch.tanh
    return net


#: Everything that would go wrong side by side, or is not known to go right.
ONE_BY_ONE = {
    "own forward": (Residual, COLOUR),
    "a sequence with its own forward": (lambda: Doubling(nn.Linear(9, 4)), (9,)),
    "one inside a sequence": (lambda: nn.Sequential(Doubling(nn.Linear(9, 4)), nn.ReLU()), (9,)),
    "a sequence with its own weight": (lambda: Scaled(nn.Linear(9, 4)), (9,)),
    "flattened otherwise": (_with_stem(lambda: nn.Flatten(2)), COLOUR),
    "flattened in part": (_with_stem(lambda: nn.Flatten(1, 2)), COLOUR),
    "a flatten of one's own": (_with_stem(Backwards, lambda: nn.Linear(384, 3)), COLOUR),
    "unflattened elsewhere": (
        _sequence(lambda: nn.Linear(9, 6), lambda: nn.Unflatten(-1, (2, 3))),
        (9,),
    ),
    "softmax": (_with_stem(lambda: nn.Softmax(1)), COLOUR),
    "layer norm": (_sequence(lambda: nn.Linear(9, 4), lambda: nn.LayerNorm(4)), (9,)),
    "group norm": (_with_stem(lambda: nn.GroupNorm(2, 6)), COLOUR),
    "instance norm": (_with_stem(lambda: nn.InstanceNorm2d(6, affine=True)), COLOUR),
    "prelu": (_with_stem(lambda: nn.PReLU(6)), COLOUR),
    "dropout of channels": (_with_stem(nn.Dropout2d), COLOUR),
    "series": (_sequence(lambda: nn.Conv1d(4, 3, 3)), (4, 9)),
    "a border that is no zero": (
        _sequence(lambda: nn.Conv2d(4, 3, 3, padding=1, padding_mode="reflect")),
        COLOUR,
    ),
    "mean of all statistics": (_with_stem(lambda: nn.BatchNorm2d(6, momentum=None)), COLOUR),
    "statistics of the batch": (
        _with_stem(lambda: nn.BatchNorm2d(6, track_running_stats=False)),
        COLOUR,
    ),
    "statistics that never move": (_with_stem(lambda: Frozen(6)), COLOUR),
    "a learned value by value": (_with_stem(Slope), COLOUR),
    "a layer with weights that comes twice": (_tied, (9,)),
    "weights that two layers share": (_tied_weights, (9,)),
    "hooks": (_hooked, (9,)),
    "another forward on one layer": (_patched, (9,)),
    "spectral norm": (lambda: nn.Sequential(spectral_norm(nn.Linear(9, 4))), (9,)),
    "weight norm": (lambda: nn.Sequential(parametrizations.weight_norm(nn.Linear(9, 4))), (9,)),
}
CASES = [
    *(pytest.param(*case, True, id=name) for name, case in TOGETHER.items()),
    *(pytest.param(*case, False, id=name) for name, case in ONE_BY_ONE.items()),
]


def _nets(factory):
    return [_dropping_nothing(build(factory, seed)) for seed in range(NETS)]


def _inputs(shape):
    generator = torch.Generator().manual_seed(0)
    return (
        torch.randn(BATCH, *shape, generator=generator),
        torch.randn(NETS, BATCH, *shape, generator=generator),
    )


def _same(found, expected):
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def _gradients(stack, position):
    if stack.batched:
        named = dict(stack.nets.named_parameters())
        return {
            name: chosen(p.grad, stack.count, [position])
            for name, p in named.items()
            if p.grad is not None
        }
    alone = list(stack.nets.children())[position]
    return {name: p.grad for name, p in alone.named_parameters() if p.grad is not None}


@pytest.mark.parametrize(("factory", "shape", "together"), CASES)
def test_every_net_computes_what_it_computes_alone(factory, shape, together):
    nets = _nets(factory)
    stack = Stack(nets)
    assert stack.batched is together
    samples, own = _inputs(shape)
    for training in (True, False):
        for each in (stack, *nets):
            each.train(training)
        _same(stack(samples.clone()), torch.stack([net(samples.clone()) for net in nets]))
        expected = torch.stack([net(x) for net, x in zip(nets, own.clone(), strict=True)])
        _same(stack.each(own.clone()), expected)
    for position, net in enumerate(nets):  # statistics of batches too
        expected = net.state_dict()
        found = stack.state(position)
        assert list(found) == list(expected)
        for name, values in found.items():
            assert values.shape == expected[name].shape
            _same(values, expected[name])


@pytest.mark.parametrize(
    ("factory", "shape", "together"), [case for case in CASES if case.id != "nothing learned"]
)
def test_gradients_of_a_net_are_its_own(factory, shape, together):
    nets = _nets(factory)
    stack = Stack(nets)
    samples, own = _inputs(shape)
    weights = None
    for inputs in (samples, own):
        stack.zero_grad()
        made = stack(inputs.clone()) if inputs is samples else stack.each(inputs.clone())
        if weights is None:
            weights = torch.randn(made.shape, generator=torch.Generator().manual_seed(1))
        (made * weights).sum().backward()
        for position, net in enumerate(nets):
            net.zero_grad()
            alone = net((samples if inputs is samples else own[position]).clone())
            (alone * weights[position]).sum().backward()
            expected = {n: p.grad for n, p in net.named_parameters() if p.grad is not None}
            found = _gradients(stack, position)
            assert set(found) == set(expected)
            for name, values in found.items():
                torch.testing.assert_close(values, expected[name], rtol=1e-3, atol=1e-4)


SOME = ["separable", "mnist O_M decoder", "a frozen part", "nothing learned"]


@pytest.mark.parametrize(
    ("factory", "shape"),
    [*(TOGETHER[name] for name in SOME), ONE_BY_ONE["own forward"]],
    ids=[*SOME, "own forward"],
)
def test_nets_go_in_and_come_out(factory, shape):
    """Out of the stack, or alone in it after the others have left, a net is what it was."""
    nets = _nets(factory)
    stack = Stack(nets)
    samples, own = _inputs(shape)
    stack.train()
    stack(samples)  # statistics of batches are no longer those of a new net
    before = [stack.state(position) for position in range(NETS)]
    parameters = list(stack.parameters())
    stack.eval()
    outputs, others = stack(samples), stack.each(own)
    for position in range(NETS):
        made = stack.net(before[position])
        assert not made.training
        _same(made(samples), outputs[position])
    stack.keep([2, 0])
    assert stack.count == 2
    assert all(any(p is known for known in parameters) for p in stack.parameters())
    for position, number in enumerate([2, 0]):
        found = stack.state(position)
        assert all(torch.equal(found[name], values) for name, values in before[number].items())
    _same(stack(samples), outputs[[2, 0]])
    _same(stack.each(own[[2, 0]]), others[[2, 0]])
    stack.keep([1])
    _same(stack(samples), outputs[[0]])


def test_what_was_stacked_is_a_copy():
    for factory in (lambda: nn.Linear(3, 2), lambda: nn.PReLU(3)):
        nets = _nets(factory)
        stack = Stack(nets)
        for parameter in stack.parameters():
            parameter.data.zero_()
        assert all(p.abs().sum() > 0 for net in nets for p in net.parameters())
        state = Stack(nets).state(0)
        for values in state.values():
            values.zero_()
        assert all(p.abs().sum() > 0 for p in nets[0].parameters())


def test_frozen_parts_stay_frozen():
    stack = Stack(_nets(_frozen_stem))
    frozen = {name for name, p in stack.nets.named_parameters() if not p.requires_grad}
    assert frozen == {"0.weight", "0.bias"}


def test_nets_drop_values_of_their_own():
    """Dropout is drawn for each net; in eval mode there is none."""
    stack = Stack(
        [build(_sequence(lambda: nn.Linear(4, 500), nn.Dropout), seed) for seed in (0, 0)]
    )
    samples = torch.ones(2, 4)
    torch.manual_seed(0)
    dropped = stack.train()(samples) == 0
    shares = dropped.float().mean((1, 2))
    assert ((shares > 0.4) & (shares < 0.6)).all()
    assert not torch.equal(dropped[0], dropped[1])
    assert not (stack.eval()(samples) == 0).any()
