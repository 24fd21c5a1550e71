"""What many tests share: real digits, and nets that are trained once a session."""

import os

import pytest
import torch
from hypothesis import settings

from obfnet import data, threads
from obfnet.forging.codebook import forge_codebooks
from obfnet.forging.infnet import train_infnet
from obfnet.forging.job import Job
from obfnet.forging.loop import Schedule
from obfnet.mechanisms.codebook import Codebook
from obfnet.nets.mnist import mlp_infnet
from obfnet.nets.separable import SeparableEncoder

settings.register_profile("obfnet", deadline=None, derandomize=True)
settings.load_profile("obfnet")
#: Tests run in as many processes as there are processors; their threads would fight for them.
torch.set_num_threads(
    max(1, threads.available() // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1)))
)


@pytest.fixture(scope="session")
def digits():
    return data.load("digits")


@pytest.fixture(scope="session")
def splits(digits):
    return data.split(digits, seed=0)


@pytest.fixture(scope="session")
def infnet(digits, splits):
    """I_M for digits, about 95 %."""
    schedule = Schedule(epochs=25, batch=32, rate=2e-3)
    return train_infnet(lambda: mlp_infnet((1, 8, 8)), digits, splits, schedule, seed=0)


@pytest.fixture(scope="session")
def codebook(infnet, digits, splits):
    """A codebook ObfNet for digits, about 90 %: enough to see that everything fits together."""
    job = Job(
        infnet,
        digits,
        splits,
        Codebook(10),
        lambda: SeparableEncoder((1, 8, 8), 10),
        Schedule(epochs=10, batch=64, rate=3e-3),
    )
    return forge_codebooks(job, [0])[0]
