import ast
import io
import tarfile

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from obfnet.data import fsd, fsd_recordings, split
from obfnet.data.folders import local_folders
from obfnet.errors import DataCorruptError


def test_fsd_is_whole(real):
    clips = real("fsd")
    assert clips.samples.shape == (3000, 1, 20, 45)
    assert np.bincount(clips.labels).tolist() == [300] * 10
    assert np.bincount(clips.attributes["speaker"]).tolist() == [500] * 6
    assert clips.official_test.sum() == 300
    np.testing.assert_array_equal(clips.groups, clips.attributes["speaker"])


def test_four_speakers_are_recoded(real):
    clips, four = real("fsd"), real("fsd4")
    assert len(four) == 2000
    assert four.attribute_names["speaker"] == fsd.FOUR_SPEAKERS
    assert four.attribute_names["accent"] == ("BEL/French", "DEU/German", "USA/neutral")
    theo = clips.attributes["speaker"] == clips.attribute_names["speaker"].index("theo")
    theo_of_four = four.attributes["speaker"] == fsd.FOUR_SPEAKERS.index("theo")
    np.testing.assert_array_equal(clips.samples[theo], four.samples[theo_of_four])
    accent = four.attributes["accent"][theo_of_four]
    assert {four.attribute_names["accent"][code] for code in accent} == {"USA/neutral"}


def test_a_simple_classifier_and_a_simple_spy_succeed_on_the_features(real):
    clips = real("fsd")
    parts = split(clips, 0)
    flat = clips.samples.reshape(len(clips), -1)
    for target in (clips.labels, clips.attributes["speaker"]):
        nearest = KNeighborsClassifier(1).fit(flat[parts.train], target[parts.train])
        assert nearest.score(flat[parts.test], target[parts.test]) > 0.97


def test_a_speaker_can_be_left_out(real):
    clips = real("fsd")
    parts = split(clips, 0, disjoint_groups=True)
    assert len(set(clips.groups[parts.test])) == 1
    assert not np.isin(clips.groups[parts.attacker_train], clips.groups[parts.evaluation]).any()


def test_accents_are_those_of_the_published_metadata(real):
    real("fsd")
    archives = [f / fsd_recordings.ARCHIVE.file for f in local_folders()]
    found = [path for path in archives if path.is_file()]
    if not found:
        pytest.skip("no local archive to compare with")
    with tarfile.open(found[0]) as archive:
        source = archive.extractfile("metadata.py").read().decode()
    speakers = ast.literal_eval(source.split("metadata =")[1].strip())
    assert {name: about["accent"] for name, about in speakers.items()} == fsd.ACCENTS


def test_features_are_cached_and_a_damaged_cache_is_computed_again(cache, monkeypatch):
    made = []

    def compute():
        made.append(1)
        names = [(d, s, i) for d in range(2) for s in range(6) for i in (0, 9)]
        digit, speaker, index = np.array(names).T
        samples = np.full((24, 1, 20, 45), 0.5, np.float32)
        return {"samples": samples, "digit": digit, "speaker": speaker, "index": index}

    monkeypatch.setattr(fsd, "_compute", compute)
    assert len(fsd.load()) == 24
    assert len(fsd.load_four_speakers()) == 16
    assert len(made) == 1
    (path,) = (cache / "features").iterdir()
    path.write_bytes(path.read_bytes()[:5000])
    assert fsd.load().official_test.sum() == 12
    assert len(made) == 2
    content = bytearray(path.read_bytes())
    content[2000] ^= 1
    path.write_bytes(content)
    fsd.load()
    assert len(made) == 3


def pack(members: list[tuple[str, bytes, bytes]]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, kind, content in members:
            member = tarfile.TarInfo(name)
            member.type, member.size, member.linkname = kind, len(content), "/etc/passwd"
            tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def read(tmp_path, members) -> dict[str, bytes]:
    path = tmp_path / "some.tar.gz"
    path.write_bytes(pack(members))
    return fsd_recordings._read(path)


def test_only_recordings_are_read_and_nothing_is_written(tmp_path):
    found = read(
        tmp_path,
        [
            ("repo-abc/recordings/1_theo_0.wav", tarfile.REGTYPE, b"one"),
            ("../../0_theo_0.wav", tarfile.REGTYPE, b"zero"),
            ("recordings/2_theo_0.wav", tarfile.SYMTYPE, b""),
            ("recordings/evil.py", tarfile.REGTYPE, b"import os"),
        ],
    )
    assert found == {"0_theo_0.wav": b"zero", "1_theo_0.wav": b"one"}
    assert [path.name for path in tmp_path.iterdir()] == ["some.tar.gz"]


def test_bombs_and_repeats_are_refused(tmp_path, monkeypatch):
    large = bytes(fsd_recordings.LARGEST_WAV_BYTES + 1)
    with pytest.raises(ValueError, match="larger"):
        read(tmp_path, [("0_theo_0.wav", tarfile.REGTYPE, large)])
    with pytest.raises(ValueError, match="repeated"):
        read(tmp_path, [("0_theo_0.wav", tarfile.REGTYPE, b"a")] * 2)
    monkeypatch.setattr(fsd_recordings, "LARGEST_TAR_BYTES", 1000)
    with pytest.raises(ValueError, match="more than 1000"):
        read(tmp_path, [("README.md", tarfile.REGTYPE, bytes(1001))])


@pytest.mark.parametrize("wav", [b"", b"RIFF", b"not a wav file at all"])
def test_what_is_no_wav_is_refused(wav):
    with pytest.raises(DataCorruptError, match="wav"):
        fsd_recordings.waveform(wav)
