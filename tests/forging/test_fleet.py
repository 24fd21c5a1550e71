"""A fleet is the same however it is cut up, killed, grown or forged in threads."""

import copy
import os
import resource
import signal
import subprocess
import sys
import threading
from functools import partial

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import nn

from obfnet.errors import ForgeError, InfNetChangedError, SpecError, StorageError
from obfnet.forging.executors import Executor, forge_chunk, in_threads
from obfnet.forging.infnet import train_infnet
from obfnet.forging.keeping import path_of
from obfnet.forging.loop import Schedule
from obfnet.mechanisms.bits import Bits
from obfnet.mechanisms.gaussian import Gaussian
from obfnet.nets.frozen import digest, freeze
from small_nets import dense, members, quick, state

SCRIPT = """
import os, signal, sys
from pathlib import Path
import safetensors.torch
from obfnet import data, freeze
from obfnet.forging import fleet, keeping
from obfnet.nets.mnist import mlp_infnet
from small_nets import quick

folder, weights = map(Path, sys.argv[1:])
net = mlp_infnet((1, 8, 8))
net.load_state_dict(safetensors.torch.load_file(weights))
digits = data.load("digits")
keep = keeping.save
fleet.chunk_size = lambda *_: 1

def save(path, obfnet):
    keep(path, obfnet)
    if len(list(folder.rglob("*.safetensors"))) == 2:  # whichever threads were first
        os.kill(os.getpid(), signal.SIGKILL)

keeping.save = save
quick(freeze(net), digits, data.split(digits, 0), devices=2, size=2, folder=folder)
"""


def _in_chunks_of(monkeypatch, size):
    monkeypatch.setattr("obfnet.forging.fleet.chunk_size", lambda *_: size)


def _alike(one, other, **tolerance):
    """The same ObfNet, up to the rounding of another order of sums."""
    assert one.seed == other.seed
    assert one.fit.epoch == other.fit.epoch
    theirs = state(other)
    for name, values in state(one).items():
        torch.testing.assert_close(values, theirs[name], **tolerance)


def _here(job, given, parts):
    for number, chunk in enumerate(parts):
        yield number, forge_chunk(job, given, chunk)


@pytest.mark.parametrize("mechanism", [None, Bits(12)], ids=["codebook", "bits"])
def test_an_obfnet_is_the_same_in_any_company(mechanism, infnet, digits, splits, monkeypatch):
    arguments = {"mechanism": mechanism, "encoder": partial(dense, 12)} if mechanism else {}
    made = {}
    for size in (1, 2, 4):
        _in_chunks_of(monkeypatch, size)
        fleet = quick(infnet, digits, splits, devices=2, size=2, **arguments)
        made[size] = members(fleet)
    for size in (2, 4):
        for alone, together in zip(made[1], made[size], strict=True):
            _alike(alone, together, rtol=1e-3, atol=1e-3)
            samples = digits.samples[splits.test]
            codes = [
                each.mechanism.release(each.encoder(torch.tensor(samples)).detach().numpy())
                for each in (alone, together)
            ]
            assert (codes[0] == codes[1]).reshape(len(samples), -1).all(1).mean() > 0.98
            assert together.validation_accuracy == pytest.approx(
                alone.validation_accuracy, abs=0.02
            )


def test_threads_forge_what_one_thread_does(infnet, digits, splits, monkeypatch):
    _in_chunks_of(monkeypatch, 1)
    threads = torch.get_num_threads()
    one = quick(infnet, digits, splits, size=4, executor=Executor(_here))
    other = quick(infnet, digits, splits, size=4, executor=in_threads(2))
    for alone, beside in zip(members(one), members(other), strict=True):
        _alike(alone, beside, rtol=1e-3, atol=1e-3)
    assert torch.get_num_threads() == threads


def test_an_error_in_a_thread_stops_the_others(infnet, digits, splits, monkeypatch):
    """The second chunk fails at its start; the first would have trained for an hour."""
    _in_chunks_of(monkeypatch, 1)
    started = []

    def encoder():
        if threading.current_thread() is not threading.main_thread():
            started.append(threading.current_thread())
            if len(started) == 2:
                raise ValueError("no more")
        return dense()

    hour = Schedule(epochs=100_000, batch=64)
    with pytest.raises(ValueError, match="no more"):
        quick(
            infnet, digits, splits, size=2, encoder=encoder, schedule=hour, executor=in_threads(2)
        )
    assert not any(thread.is_alive() for thread in started)


@pytest.fixture(scope="module")
def whole(infnet, digits, splits):
    """Two sets of two that were forged in one go, one by one."""
    with pytest.MonkeyPatch.context() as patch:
        _in_chunks_of(patch, 1)
        return members(quick(infnet, digits, splits, devices=2, size=2))


def test_a_killed_forging_goes_on(infnet, digits, splits, whole, tmp_path, monkeypatch, capsys):
    folder, weights = tmp_path / "fleet", tmp_path / "infnet.safetensors"
    safetensors.torch.save_file(infnet.module.state_dict(), weights)
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, folder, weights],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == -signal.SIGKILL, run.stderr
    finished = sorted(folder.rglob("*.safetensors"))
    assert len(finished) == 2
    before = [(path.read_bytes(), path.stat().st_mtime_ns) for path in finished]
    _in_chunks_of(monkeypatch, 1)
    made = members(quick(infnet, digits, splits, devices=2, size=2, folder=folder))
    assert "2 of 4 ObfNets are kept" in capsys.readouterr().err
    assert [(path.read_bytes(), path.stat().st_mtime_ns) for path in finished] == before
    assert len(list(folder.rglob("*.safetensors"))) == 4
    for found, expected in zip(made, whole, strict=True):
        _alike(found, expected, rtol=1e-4, atol=1e-4)


def test_a_fleet_grows(infnet, digits, splits, whole, tmp_path, monkeypatch):
    _in_chunks_of(monkeypatch, 1)
    (first,) = members(quick(infnet, digits, splits, folder=tmp_path))
    kept = path_of(tmp_path, 0, 0)
    before = kept.stat().st_mtime_ns
    fleet = quick(infnet, digits, splits, devices=2, size=2, folder=tmp_path)
    assert kept.stat().st_mtime_ns == before
    for found, expected in zip(members(fleet), whole, strict=True):
        _alike(found, expected, rtol=1e-4, atol=1e-4)
    loaded = members(fleet)[0]
    assert (loaded.fit, loaded.seed, loaded.seconds) == (first.fit, first.seed, first.seconds)
    _alike(loaded, first, rtol=0, atol=0)
    samples = digits.samples[splits.test][:64]
    assert np.array_equal(loaded(samples), first(samples))
    # Fewer may be asked for as well; nothing is forged, nothing is lost.
    monkeypatch.setattr("obfnet.forging.fleet.make_tables", None)
    assert len(members(quick(infnet, digits, splits, size=2, folder=tmp_path))) == 2
    assert len(list(tmp_path.rglob("*.safetensors"))) == 4


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"seed": 1}, "seed"),
        ({"schedule": Schedule(epochs=3)}, "schedule"),
        ({"mechanism": "none"}, "mechanism"),
        ({"objectives": {"agreement": 1.0}}, "objectives"),
    ],
)
def test_a_folder_is_of_one_forging(changed, named, infnet, digits, splits, tmp_path):
    quick(infnet, digits, splits, folder=tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(SpecError, match=rf"of another forging \(it differs in .*{named}"):
        quick(infnet, digits, splits, folder=tmp_path, **changed)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_folder_is_of_one_infnet_and_data(infnet, digits, splits, tmp_path):
    quick(infnet, digits, splits, folder=tmp_path)
    other = dense()
    with pytest.raises(SpecError, match="differs in infnet"):
        quick(freeze(other), digits, splits, folder=tmp_path)
    shifted = digits.take(np.roll(np.arange(len(digits)), 1))
    with pytest.raises(SpecError, match="differs in data"):
        quick(infnet, shifted, splits, folder=tmp_path)


def test_a_refused_call_does_not_block_its_folder(infnet, digits, splits, tmp_path):
    """Nothing was forged under the other spec, so nothing is lost."""
    weak = freeze(dense())
    with pytest.raises(ForgeError, match="not recognised"):
        quick(weak, digits, splits, folder=tmp_path, rows="searched")
    quick(infnet, digits, splits, folder=tmp_path)
    assert path_of(tmp_path, 0, 0).exists()


@pytest.mark.parametrize("damage", [b"", b"no tensors", None])
def test_a_damaged_file_is_found(damage, infnet, digits, splits, tmp_path):
    (made,) = members(quick(infnet, digits, splits, folder=tmp_path))
    path = path_of(tmp_path, 0, 0)
    path.write_bytes(path.read_bytes()[:-100] if damage is None else damage)
    with pytest.raises(ForgeError, match="delete it to forge it again"):
        quick(infnet, digits, splits, folder=tmp_path)
    path.unlink()
    (again,) = members(quick(infnet, digits, splits, folder=tmp_path))
    _alike(again, made, rtol=0, atol=0)


def test_a_full_disk_leaves_nothing_half_written(infnet, digits, splits, tmp_path):
    """The kernel refuses to write on, as it does on a full disk: a limit on file sizes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (6000, hard))  # Python ignores the signal
    try:
        with pytest.raises(StorageError, match="free some space"):
            quick(infnet, digits, splits, folder=tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["forge.json"]
    assert len(members(quick(infnet, digits, splits, folder=tmp_path))) == 1


def test_who_forges_draws_what_he_would_have_drawn(infnet, digits, splits, tmp_path):
    def drawn(**arguments):
        torch.manual_seed(5)
        if arguments:
            quick(infnet, digits, splits, **arguments)
        return float(torch.rand(()))

    expected = drawn()
    noisy = {"mechanism": Gaussian(8, 2, 1), "encoder": partial(dense, 8)}
    for arguments in ({"size": 2}, noisy, {"folder": tmp_path}, {"folder": tmp_path}):
        assert drawn(**arguments) == expected


@pytest.fixture(scope="module")
def learned(digits, splits):
    """A net with batch normalisation that has learned digits."""

    def factory():
        return nn.Sequential(
            nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Dropout(0.2),
            nn.Linear(288, 10),
        )  # fmt: skip

    return train_infnet(factory, digits, splits, Schedule(epochs=10, batch=64, rate=3e-3), seed=0)


@pytest.fixture
def normed(learned):
    """It again, for one test to spoil."""
    return freeze(copy.deepcopy(learned.module))


WAYS = [{}, {"mechanism": "none"}]


@pytest.mark.parametrize("arguments", WAYS, ids=["codebook", "none"])
def test_a_batchnorm_left_in_train_mode_is_caught(arguments, normed, digits, splits):
    """Before it is asked anything: its statistics are what they were."""
    before = digest(normed.module)
    normed.module.train()
    with pytest.raises(InfNetChangedError, match="train mode"):
        quick(normed, digits, splits, **arguments)
    normed.module.eval()
    normed.module[4].train()  # dropout alone moves no buffer, but answers at random
    with pytest.raises(InfNetChangedError, match="1 layers"):
        quick(normed, digits, splits, **arguments)
    assert digest(normed.module) == before


class Restless(nn.Module):
    """Puts itself in train mode for every answer, and back: only its digest tells."""

    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, samples):
        self.module[1].train()
        answers = self.module(samples)
        self.module[1].eval()
        return answers


@pytest.mark.parametrize("arguments", WAYS, ids=["codebook", "none"])
def test_statistics_that_moved_are_caught(arguments, normed, digits, splits):
    before = {name: values.clone() for name, values in normed.module.state_dict().items()}
    restless = freeze(Restless(normed.module))
    with pytest.raises(InfNetChangedError, match="digest"):
        quick(restless, digits, splits, **arguments)
    normed.module.load_state_dict(before)
    normed.verify()
    quick(normed, digits, splits, **arguments)
    normed.verify()
