"""Chunks: nearly equal, and no larger than the free memory holds."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obfnet import memory
from obfnet.forging.chunks import MOST, chunk_size, chunks
from obfnet.forging.job import Job
from obfnet.forging.loop import Schedule
from obfnet.mechanisms.bits import Bits
from obfnet.mechanisms.codebook import Codebook
from obfnet.nets.decoder import decoder
from small_nets import QUICK, dense


@given(st.integers(0, 200), st.integers(1, 40))
def test_chunks_are_nearly_equal(count, size):
    members = list(range(count))
    parts = chunks(members, size)
    assert [member for part in parts for member in part] == members
    assert len(parts) == -(-count // size)
    lengths = [len(part) for part in parts]
    assert max(lengths, default=0) <= size
    assert max(lengths, default=0) - min(lengths, default=0) <= 1


@pytest.fixture(scope="module")
def job(infnet, digits, splits):
    return Job(infnet, digits, splits, Codebook(10), dense, QUICK)


def test_free_memory_bounds_a_chunk(job):
    sizes = [chunk_size(job, free=free) for free in (1, 10**6, 10**7, 10**8, 10**12)]
    assert sizes[0] == 1
    assert sizes == sorted(sizes)
    assert sizes[-1] == MOST
    assert 1 < sizes[2] < MOST
    assert 1 <= chunk_size(job) <= MOST
    shared = chunk_size(job, workers=4, free=10**7)
    assert sizes[2] // 4 - 1 <= shared <= sizes[2] // 4 + 1


def test_what_takes_more_memory_comes_in_smaller_chunks(job, digits):
    def size(**changed):
        return chunk_size(replace(job, **changed), free=10**7)

    assert size(schedule=Schedule(epochs=1, batch=512)) < size()
    through = {"mechanism": Bits(10), "decoder": lambda: decoder(10, digits.spec)}
    assert size(**through) < size()  # decoder and InfNet hold values, too


def test_training_takes_about_what_is_expected(job):
    """The count is of float32 values: of a layer's outputs, and of the weights."""
    weights = 64 * 64 + 64 + 64 * 10 + 10
    values = 64 + 64 + 64 + 10  # flattened, dense, ReLU, dense
    assert chunk_size(job, free=2 * 4 * (4 * values * 64 + 5 * weights) * 5) == 5


def test_this_machine_has_memory():
    assert 10**6 < memory.available() < 1 << 50


@pytest.fixture
def container(tmp_path, monkeypatch):
    """The files in which Linux tells a container what it may take."""
    for name, value in (("_LIMIT", "max"), ("_TAKEN", "0"), ("_PARTS", ""), ("_MEMINFO", "")):
        path = tmp_path / name
        path.write_text(value)
        monkeypatch.setattr(memory, name, path)
    (tmp_path / "_MEMINFO").write_text("MemTotal: 9000 kB\nMemAvailable:    5000 kB\n")
    return tmp_path


def test_a_container_limits_memory(container):
    assert memory.available() == 5000 * 1024
    (container / "_LIMIT").write_text("3000000\n")
    (container / "_TAKEN").write_text("1000000\n")
    assert memory.available() == 2_000_000
    # Files that were read count as taken, but are dropped when memory is needed.
    (container / "_PARTS").write_text("anon 400000\nfile 600000\ninactive_file 500000\n")
    assert memory.available() == 2_500_000
    (container / "_TAKEN").write_text("9000000\n")
    assert memory.available() == 1
    (container / "_LIMIT").unlink()
    assert memory.available() == 5000 * 1024


def test_memory_is_known_without_linux(container, monkeypatch):
    (container / "_MEMINFO").unlink()
    assert memory.available() > 10**6

    def unknown(name):
        raise ValueError(f"unrecognized configuration name {name}")

    monkeypatch.setattr(memory.os, "sysconf", unknown)
    assert memory.available() == 1 << 30
