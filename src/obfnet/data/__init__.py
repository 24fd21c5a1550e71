"""Datasets with labels, private attributes and groups, and splits that keep attackers honest.

The workflow: load a dataset by its registered name, then split it once with a seed.

    from obfnet import data

    digits = data.load("digits")
    parts = data.split(digits, seed=0)
    train = digits.take(parts.train)
"""

from obfnet.data.dataset import Dataset
from obfnet.data.loading import load
from obfnet.data.splits import Splits, split

__all__ = ["Dataset", "Splits", "load", "split"]
