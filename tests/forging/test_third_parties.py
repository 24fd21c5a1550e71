"""Forging for InfNets that nobody here trained: ResNet-20 by gradients, EfficientNet by queries."""

import numpy as np

import obfnet
from obfnet.data import imagenette
from obfnet.forging.fleet import forge
from obfnet.forging.loop import Schedule
from obfnet.nets.budget import Budget
from obfnet.nets.cifar10 import trained_resnet20
from obfnet.nets.lite0 import trained_lite0
from real_data import or_skip


def _part(data, train, test):
    """The first samples of each part, so that a test is a matter of seconds."""
    official = np.flatnonzero(data.official_test)
    given = np.flatnonzero(~data.official_test)
    return data.take(np.concatenate([given[:train], official[:test]]))


def test_a_codebook_for_a_third_partys_resnet():
    data = _part(or_skip(lambda: obfnet.load("cifar10")), 1500, 200)
    infnet = obfnet.freeze(or_skip(trained_resnet20))
    splits = obfnet.split(data, 0, (0.8, 0.1, 0.1), official_test=True)
    (made,) = forge(
        infnet, data, size=2, splits=splits, twins=False, schedule=Schedule(3, 64, 4e-3),
        budget=Budget(params=3000),
    )  # fmt: skip
    held = data.take(splits.test)
    for obfnet_ in made.obfnets:
        rows = obfnet_.decoder.rows[:, 0].numpy()
        assert infnet.predict(rows).tolist() == list(range(10))
        assert (infnet.predict(obfnet_(held.samples)) == held.labels).mean() > 0.2  # chance .1
    infnet.verify()


def test_decoys_for_a_third_partys_imagenet_net():
    """Ten of a thousand classes, and no gradient asked for: rows are pictures of the pool."""
    data = or_skip(lambda: imagenette.load(train=40, test=2))
    infnet = obfnet.freeze(
        or_skip(lambda: trained_lite0(imagenette.SHAPE)), outputs=imagenette.IMAGENET
    )
    given = np.flatnonzero(~data.official_test)
    pool, rest = given[::2], np.setdiff1d(np.arange(len(data)), given[::2])
    left = data.take(rest)
    (made,) = forge(
        infnet, left, splits=obfnet.split(left, 0, official_test=True), rows="decoy",
        pool=data.samples[pool], exemplars=2, twins=False, schedule=Schedule(1, 20, 4e-3),
        budget=Budget(params=3000),
    )  # fmt: skip
    (one,) = made.obfnets
    rows = one.decoder.rows.flatten(0, 1).numpy()
    assert infnet.predict(rows, batch=20).tolist() == sorted([*range(10), *range(10)])
    natural = {sample.tobytes() for sample in data.samples[pool]}
    assert all(row.tobytes() in natural for row in rows)
    assert one(left.samples[:3]).shape == (3, 3, 128, 128)
