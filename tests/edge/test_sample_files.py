"""Samples from files: exactly what a file holds, or nothing."""

import io
import wave
import zipfile

import numpy as np
import pytest

from obfnet.edge.sample_files import read
from obfnet.errors import SampleRejectedError
from obfnet.specs import SampleSpec

PLAIN = SampleSpec((1, 2, 2), 0.0, 1.0)
SIGNED = SampleSpec((3, 2, 4), -1.0, 1.0)
SOUND = SampleSpec((1, 6), -1.0, 1.0)


@pytest.fixture
def file(tmp_path):
    def file(name, content):
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    return file


def npy(values):
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


def npz(**arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def wav(values, channels=1, width=2):
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as target:
        target.setnchannels(channels)
        target.setsampwidth(width)
        target.setframerate(8_000)
        target.writeframes(values.tobytes())
    return buffer.getvalue()


def picture(pixels, form="PNG"):
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, form)
    return buffer.getvalue()


def test_arrays_are_one_sample_or_a_batch(file, samples):
    np.testing.assert_array_equal(read(file("one.npy", npy(samples[0])), PLAIN), samples[:1])
    np.testing.assert_array_equal(read(file("all.NPY", npy(samples)), PLAIN), samples)
    mixed = npz(first=samples[0], rest=samples[1:])
    np.testing.assert_array_equal(read(file("mixed.npz", mixed), PLAIN), samples)


def test_wider_floats_are_rounded(file, samples):
    found = read(file("wide.npy", npy(samples.astype(np.float64))), PLAIN)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, samples)


def test_bytes_of_a_picture_become_the_range(file):
    pixels = np.random.default_rng(0).integers(0, 256, (2, 4, 3), np.uint8)
    pixels[0, 0] = 0, 255, 51
    found = read(file("colours.png", picture(pixels)), SIGNED)
    assert found.shape == (1, 3, 2, 4)
    assert found[0, :, 0, 0].tolist() == [-1, 1, np.float32(-0.6)]
    np.testing.assert_allclose(found[0], pixels.transpose(2, 0, 1) / 127.5 - 1, atol=1e-6)


def test_a_grey_sample_of_any_picture(file):
    found = read(file("grey.bmp", picture(np.full((2, 2, 3), 51, np.uint8), "BMP")), PLAIN)
    np.testing.assert_array_equal(found, np.full((1, 1, 2, 2), np.float32(0.2)))
    assert read(
        file("flat.png", picture(np.eye(2, dtype=np.uint8))), SampleSpec((2, 2), 0, 1)
    ).any()


def test_silence_is_the_middle_of_the_range(file):
    values = np.array([0, -32768, 32767, 16384, -16384, 1], "<i2")
    found = read(file("word.wav", wav(values)), SOUND)
    np.testing.assert_array_equal(found, (values / 32768).astype(np.float32)[None, None])
    bare = SampleSpec((6,), -1.0, 1.0)
    assert read(file("word.wav", wav(values)), bare).shape == (1, 6)


GREY = np.zeros((2, 2), np.uint8)


@pytest.mark.parametrize(
    ("name", "content", "spec", "reason"),
    [
        ("x.txt", b"1 2 3 4", PLAIN, "none of"),
        ("x", b"", PLAIN, "none of"),
        ("absent", None, PLAIN, "none of"),
        ("absent.npy", None, PLAIN, "cannot be read"),
        ("x.npy", b"", PLAIN, "cannot be read"),
        ("x.npy", npy(np.zeros((1, 2, 2), np.float32))[:-1], PLAIN, "cannot be read"),
        ("x.npy", npz(a=np.zeros((1, 2, 2), np.float32)), PLAIN, "cannot be read"),
        ("x.npz", npy(np.zeros((1, 2, 2), np.float32)), PLAIN, "cannot be read"),
        ("x.npz", npz(), PLAIN, "cannot be read"),
        ("x.npy", npy(np.zeros((0, 1, 2, 2), np.float32)), PLAIN, "no sample"),
        ("x.npy", npy(np.zeros((1, 2, 2), np.uint8)), PLAIN, "uint8, expected float32"),
        ("x.npy", npy(np.zeros((2, 2), np.float32)), PLAIN, "shape"),
        ("x.npy", npy(np.full((1, 2, 2), np.nan, np.float32)), PLAIN, "NaN"),
        ("x.npy", npy(np.full((1, 2, 2), 1e300)), PLAIN, "NaN or infinity"),
        ("x.npy", npy(np.full((1, 2, 2), 2, np.float32)), PLAIN, r"within \[0, 1\]"),
        ("x.png", picture(GREY)[:40], PLAIN, "cannot be read"),
        ("x.png", picture(np.zeros((3, 2), np.uint8)), PLAIN, "2 x 3 pixels, expected 2 x 2"),
        ("x.png", picture(GREY), SOUND, "2 x 2 pixels, expected 6 x 1"),
        ("x.png", picture(GREY), SampleSpec((2, 2, 2), 0, 1), "is a picture"),
        ("x.wav", wav(np.zeros(4, "<i2")), PLAIN, "is sound"),
        ("x.wav", wav(np.zeros(5, "<i2")), SOUND, "5 frames"),
        ("x.wav", wav(np.zeros(12, "<i2"), channels=2), SOUND, "2 channels"),
        ("x.wav", wav(np.zeros(6, "u1"), width=1), SOUND, "8 bits"),
        ("x.wav", b"RIFF", SOUND, "cannot be read"),
    ],
)
def test_what_is_no_sample_is_refused(tmp_path, name, content, spec, reason):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SampleRejectedError, match=reason):
        read(path, spec)


def test_objects_are_not_unpickled(file):
    content = npy(np.array([{}], dtype=object))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.npy", content)
    for name, each in ("x.npy", content), ("x.npz", buffer.getvalue()):
        with pytest.raises(SampleRejectedError, match="cannot be read"):
            read(file(name, each), PLAIN)


@pytest.mark.parametrize(
    "mode",
    ["I;16", "LA", "RGBA", "P"],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_picture_that_would_lose_range_or_transparency(tmp_path, mode, channels):
    from PIL import Image

    made = Image.new(mode, (2, 2), (0,) * len(mode) if mode.endswith("A") else 0)
    made.save(tmp_path / "x.png", **({"transparency": 0} if mode == "P" else {}))
    with pytest.raises(SampleRejectedError, match=f"mode {mode}, .*without transparency"):
        read(tmp_path / "x.png", SampleSpec((channels, 2, 2), 0.0, 1.0))


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_plain_pictures_are_taken(tmp_path, mode):
    from PIL import Image

    Image.new(mode, (2, 2), 0).save(tmp_path / "x.png")
    assert not read(tmp_path / "x.png", PLAIN).any()
