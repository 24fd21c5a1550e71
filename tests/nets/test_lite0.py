"""A third party's ImageNet net classifies real pictures it was never trained on at this size."""

import numpy as np
import pytest
import torch

import obfnet
from obfnet.data import imagenette
from obfnet.errors import SpecError
from obfnet.nets.cost import macs, parameters
from obfnet.nets.lite0 import SHAPE, EfficientNetLite0, trained_lite0
from real_data import or_skip


@pytest.fixture(scope="module")
def net():
    return or_skip(lambda: trained_lite0(imagenette.SHAPE))


def test_its_size():
    net = EfficientNetLite0()
    assert parameters(net) == 4_652_008  # published: 4.7 M
    assert macs(net, SHAPE) == pytest.approx(385e6, rel=0.01)  # published: 407 M with biases


@pytest.mark.parametrize("side", [128, 97])
def test_padding_keeps_the_size_that_tensorflow_gives(side):
    found = EfficientNetLite0().eval()._conv_stem(torch.rand(1, 3, side, side))
    assert found.shape[2:] == (-(-side // 2),) * 2


def test_it_tells_the_ten_classes_apart(net):
    pictures = or_skip(lambda: imagenette.load(train=1, test=4))
    test = pictures.take(pictures.official_test)
    infnet = obfnet.freeze(net, outputs=imagenette.IMAGENET)
    found = infnet.predict(test.samples, batch=20)
    assert infnet.log_probabilities(test.samples[:1]).shape == (1, 10)
    assert (found == test.labels).mean() >= 0.85  # 92 % of 300


def test_its_numbers_are_the_packages_own(net):
    """Logits of ``efficientnet-lite-pytorch`` 0.1.0 for this picture, at its own 224x224."""
    rows = torch.linspace(0, 1, 224)
    picture = torch.stack([rows[:, None].expand(224, 224), rows.expand(224, 224), rows.outer(rows)])
    with torch.inference_mode():
        found = net.eval()(picture[None])[0]
    assert np.allclose(found[[0, 217, 482, 701]], PACKAGE_LOGITS, atol=1e-3)


PACKAGE_LOGITS = [-0.7153, -1.2532, 0.8745, 1.6099]


@pytest.mark.parametrize(
    ("shape", "classes"), [((1, 224, 224), 1000), ((3, 16, 16), 1000), (SHAPE, 10)]
)
def test_what_it_does_not_take(shape, classes):
    with pytest.raises(SpecError, match="got"):
        trained_lite0(shape, classes)
