import io
import tarfile

import numpy as np
import pytest

from obfnet.data import cifar10


def test_the_subset_is_the_real_one(real):
    pictures = real("cifar10")
    assert pictures.samples.shape == (11_000, 3, 32, 32)
    assert pictures.official_test.sum() == 1_000
    assert [pictures.classes[i] for i in pictures.labels[:3]] == ["frog", "truck", "truck"]
    assert np.bincount(pictures.labels[:10_000]).tolist() == [
        1005, 974, 1032, 1016, 999, 937, 1030, 1001, 1025, 981,
    ]  # fmt: skip


@pytest.fixture
def archive(real, tmp_path) -> bytes:
    """Laid out as the public one: the real subset, zeros elsewhere; not compressed, for speed."""
    real("cifar10")
    records = cifar10.obtain(cifar10.SUBSET)
    blank = np.zeros((10_000, cifar10.RECORD_BYTES), np.uint8)
    test = blank.copy()
    test[:1000] = records[10_000:]
    batches = {f"data_batch_{i}": blank for i in range(2, 6)}
    batches |= {"data_batch_1": records[:10_000], "test_batch": test}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, rows in batches.items():
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}.bin")
            member.size = rows.nbytes
            tar.addfile(member, io.BytesIO(rows.tobytes()))
    return packed.getvalue()


def test_the_subset_can_be_cut_from_the_public_archive(archive, cache, monkeypatch):
    full = cifar10.Resource("a.tar.gz", cifar10.sha256(archive), lambda _: archive, cifar10.sha256)
    monkeypatch.setattr(cifar10, "ARCHIVE", full)
    (cache.parent / "local" / "a.tar.gz").write_bytes(b"read by the lambda above")
    assert cifar10._all_records().shape == (60_000, cifar10.RECORD_BYTES)
    assert len(cifar10.load()) == 11_000  # its digest is checked: same pixels, same order
    assert (cache / "data" / cifar10.SUBSET.file).is_file()
