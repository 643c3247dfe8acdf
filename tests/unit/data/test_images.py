"""Real image files made on the fly, sound and broken."""

from __future__ import annotations

import re
import struct
import subprocess
import sys
import threading
import time
import traceback
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import EpsImagePlugin, Image

import profond
from profond.core.errors import ConfigError, ImageError
from profond.data.check import check
from profond.data.fingerprint import of_image
from profond.data.images import decoding as images
from profond.data.images.decoding import eight_bit, is_grey, is_picture, open_image, without_colour
from profond.data.images.formats import SUFFIXES, Room
from profond.data.preprocessing import Preprocessing


@pytest.fixture
def photo():
    rows, columns = np.mgrid[0:40, 0:60]
    return Image.fromarray(np.stack([rows * 6, columns * 4, rows + columns], -1).astype(np.uint8))


@pytest.mark.parametrize("suffix", ["jpg", "png", "gif", "webp", "bmp", "tiff"])
def test_a_truncated_image_is_named_in_the_error(tmp_path, photo, suffix):
    path = tmp_path / f"cut.{suffix}"
    photo.save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ImageError, match=rf"cut\.{suffix}"):
        open_image(path)


def test_an_empty_file_is_said_to_be_empty(tmp_path):
    path = tmp_path / "none.png"
    path.touch()
    with pytest.raises(ImageError, match="0 bytes"):
        open_image(path)


def test_a_text_file_named_jpg_is_not_an_image(tmp_path):
    path = tmp_path / "note.jpg"
    path.write_text("this is no picture")
    with pytest.raises(ImageError, match=r"note\.jpg is not an image"):
        open_image(path)


def test_random_damage_gives_an_image_or_an_image_error_and_nothing_else(tmp_path, photo):
    random = np.random.default_rng(0)
    refused = 0
    for suffix in ("jpg", "png", "gif", "tiff", "webp", "bmp"):
        photo.save(tmp_path / f"x.{suffix}")
        whole = bytearray((tmp_path / f"x.{suffix}").read_bytes())
        for _ in range(40):
            damaged = whole.copy()
            for place in random.integers(0, len(damaged), 8):
                damaged[place] = random.integers(0, 256)
            (tmp_path / f"y.{suffix}").write_bytes(damaged)
            try:
                opened = open_image(tmp_path / f"y.{suffix}")
                assert eight_bit(opened.image, "RGB").mode == "RGB"
            except ImageError:
                refused += 1
    assert 20 < refused < 240


def test_a_decompression_bomb_is_refused_before_it_is_decoded(tmp_path):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(1_000_000))
    path = tmp_path / "bomb.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b""))
    with pytest.raises(ImageError, match=r"bomb\.png is too large to decode: .*3600000000"):
        open_image(path)


def test_sixteen_bits_are_scaled_and_not_clipped(tmp_path):
    ramp = np.linspace(0, 65535, 256).round().astype(np.uint16).reshape(16, 16)
    Image.fromarray(ramp).save(tmp_path / "deep.png")
    opened = open_image(tmp_path / "deep.png")
    assert opened.notes == ("16-bit scaled to 8-bit",)
    grey = np.asarray(eight_bit(opened.image, "L")).reshape(-1)
    assert grey[0] == 0
    assert grey[-1] == 255
    assert np.abs(grey.astype(int) - np.arange(256)).max() <= 1
    assert np.asarray(eight_bit(opened.image, "RGB")).shape == (16, 16, 3)


def test_transparency_is_laid_on_white(tmp_path):
    image = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    image.putpixel((1, 1), (255, 0, 0, 255))
    image.save(tmp_path / "logo.png")
    opened = open_image(tmp_path / "logo.png")
    colour = eight_bit(opened.image, "RGB")
    assert colour.getpixel((0, 0)) == (255, 255, 255)
    assert colour.getpixel((1, 1)) == (255, 0, 0)
    assert "transparency laid on white" in opened.notes


def test_a_palette_with_a_transparent_colour_is_converted(tmp_path):
    image = Image.new("P", (4, 4), 0)
    image.putpalette([0, 0, 255, 0, 128, 0])
    image.putpixel((2, 2), 1)
    image.save(tmp_path / "map.png", transparency=0)
    colour = eight_bit(open_image(tmp_path / "map.png").image, "RGB")
    assert colour.getpixel((0, 0)) == (255, 255, 255)
    assert colour.getpixel((2, 2)) == (0, 128, 0)


def test_cmyk_becomes_colour(tmp_path, photo):
    photo.convert("CMYK").save(tmp_path / "print.jpg", quality=95)
    opened = open_image(tmp_path / "print.jpg")
    assert opened.notes == ("CMYK converted to RGB",)
    difference = np.asarray(eight_bit(opened.image, "RGB")).astype(int) - np.asarray(photo)
    assert np.abs(difference).mean() < 4


def test_the_orientation_of_a_camera_is_applied(tmp_path, photo):
    exif = Image.Exif()
    exif[0x0112] = 6
    photo.save(tmp_path / "upright.jpg", exif=exif)
    assert open_image(tmp_path / "upright.jpg").image.size == (40, 60)


def test_a_png_named_jpg_is_read_and_said_to_be_mislabelled(tmp_path, photo):
    photo.save(tmp_path / "wrong.jpg", format="PNG")
    opened = open_image(tmp_path / "wrong.jpg")
    assert opened.mislabelled
    assert opened.format == "PNG"
    photo.save(tmp_path / "right.jpeg")
    assert not open_image(tmp_path / "right.jpeg").mislabelled


@pytest.mark.parametrize(("how", "corner"), [("stretch", 200), ("crop", 200), ("pad", 0)])
def test_an_image_of_any_size_is_brought_to_the_one_size(how, corner):
    preprocessing = Preprocessing(size=(20, 20), mode="L", mean=(0.5,), std=(0.25,), resize=how)
    raw = preprocessing.decode(Image.new("RGB", (80, 40), (200, 200, 200)))
    assert raw.shape == (1, 20, 20)
    assert raw.dtype == torch.uint8
    assert raw[0, 0, 0] == corner
    assert raw[0, 10, 10] == 200


def test_normalising_takes_mean_and_deviation_in_units_of_one():
    preprocessing = Preprocessing(size=(2, 2), mode="RGB", mean=(0.1, 0.2, 0.3), std=(0.5, 0.25, 0.125))
    raw = torch.randint(0, 256, (5, 3, 2, 2), dtype=torch.uint8)
    before = raw.clone()
    expected = (raw.double() / 255 - torch.tensor([0.1, 0.2, 0.3]).double().view(3, 1, 1)) / torch.tensor(
        [0.5, 0.25, 0.125]
    ).double().view(3, 1, 1)
    torch.testing.assert_close(preprocessing.normalise(raw).double(), expected, atol=1e-5, rtol=1e-5)
    assert torch.equal(raw, before)
    floating = torch.randn(5, 3, 7)
    kept = floating.clone()
    preprocessing.normalise(floating)
    assert torch.equal(floating, kept)


def test_padding_is_black_after_normalisation():
    preprocessing = Preprocessing(size=(2, 2), mode="RGB", mean=(0.1, 0.2, 0.3), std=(0.5, 0.25, 0.125), padding=2)
    inputs = preprocessing.normalise(torch.full((1, 3, 2, 2), 255, dtype=torch.uint8))
    assert inputs.shape == (1, 3, 6, 6)
    torch.testing.assert_close(inputs[0, :, 0, 0], torch.tensor([-0.2, -0.8, -2.4]))
    torch.testing.assert_close(inputs[0, :, 3, 3], torch.tensor([1.8, 3.2, 5.6]))


def test_a_permutation_moves_every_picture_alike_and_loses_nothing():
    raw = torch.arange(50, dtype=torch.uint8).view(2, 1, 5, 5)
    plain = Preprocessing(size=(5, 5), mode="L").normalise(raw)
    first = Preprocessing(size=(5, 5), mode="L", permutation_seed=1)
    moved = first.normalise(raw)
    assert not torch.equal(moved, plain)
    assert torch.equal(moved.flatten(1).sort().values, plain.flatten(1).sort().values)
    torch.testing.assert_close(moved[1] - moved[0], torch.full((1, 5, 5), 25 / 255))
    assert torch.equal(moved, Preprocessing.from_json(first.to_json()).normalise(raw))
    assert not torch.equal(moved, Preprocessing(size=(5, 5), mode="L", permutation_seed=2).normalise(raw))


def test_preprocessing_refuses_what_does_not_fit():
    with pytest.raises(ConfigError, match="means"):
        Preprocessing(mean=(0.0, 0.0), std=(1.0,))
    for settings in (
        {"std": (0.0,)},
        {"std": (float("nan"),)},
        {"scale": 0.0},
        {"padding": -1},
        {"size": (0, 4)},
        {"size": (4, 4.5)},
        {"background": (0, 256, 0)},
        {"crop": 0.0},
        {"crop": 1.1},
        {"resize": "shrink"},
    ):
        with pytest.raises(ConfigError, match=f"{next(iter(settings))} of preprocessing"):
            Preprocessing(**settings)
    with pytest.raises(ConfigError, match="preprocessing"):
        Preprocessing.from_json({"mean": "grey", "std": [1.0]})


def test_reading_in_threads_leaves_the_warning_filters_as_they_were(tmp_path):
    exif = b"Exif\0\0II*\0\x08\0\0\0\xff\xff"  # Pillow warns of it
    for i in range(8):
        Image.new("RGB", (64, 64), (i, 0, 0)).save(tmp_path / f"{i}.jpg", exif=exif)
    with pytest.warns(UserWarning, match="EXIF"), Image.open(tmp_path / "0.jpg") as image:
        image.getexif()
    before = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        sizes = [opened.image.size for opened in pool.map(open_image, sorted(tmp_path.glob("*.jpg")) * 20)]
    assert sizes == [(64, 64)] * 160
    assert warnings.filters == before


# Which formats, and how much memory


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 20 20\n%%EndComments\n{} loop\n%%EOF\n"
DOS_EPS = b"\xc5\xd0\xd3\xc6" + struct.pack("<IIIIIIH", 30, len(EPS), 0, 0, 0, 0, 0xFFFF) + EPS


@pytest.fixture
def ghostscript(tmp_path, monkeypatch):
    """A stand-in for the program that Pillow would start; its mark tells that it was."""
    mark = tmp_path / "started"
    for name in ("gs", "gswin32c", "gswin64c"):
        program = tmp_path / "programs" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\ntouch {mark}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "programs"), prepend=":")
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", None)
    return mark


@pytest.mark.parametrize("content", [EPS, DOS_EPS])
@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "eps"])
def test_no_picture_is_handed_to_another_program(tmp_path, ghostscript, content, suffix):
    path = tmp_path / f"drawing.{suffix}"
    path.write_bytes(content)
    with pytest.raises(ImageError, match="drawings of lines" if suffix == "eps" else "is not an image"):
        open_image(path)
    assert not is_picture(content)
    (tmp_path / "pets" / "cat").mkdir(parents=True)
    (tmp_path / "pets" / "dog").mkdir()
    (tmp_path / "pets" / "cat" / "1.png").write_bytes(content)
    Image.new("L", (9, 9)).save(tmp_path / "pets" / "dog" / "1.png")
    assert any(issue.kind == "unreadable" for issue in check(str(tmp_path / "pets")).issues)
    assert not ghostscript.exists()


def test_pictures_are_opened_at_one_door():
    """Any other call of Pillow's would try all of its formats."""
    source = Path(profond.__file__).parent
    opened = [path for path in source.rglob("*.py") if re.search(r"\bImage\.(open|preinit|init)\(", path.read_text())]
    assert [path.relative_to(source).as_posix() for path in opened] == ["data/images/decoding.py"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_picture_of_every_known_suffix_is_read(tmp_path, suffix):
    format = {".jfif": "JPEG", ".jpe": "JPEG", ".j2c": "JPEG2000", ".jpc": "JPEG2000", ".jpf": "JPEG2000"}.get(suffix)
    rows, columns = np.mgrid[0:16, 0:24]
    photo = Image.fromarray((rows * 6 + columns * 4).astype(np.uint8))
    photo = photo.convert("1") if suffix == ".pbm" else photo if suffix == ".pgm" else photo.convert("RGB")
    photo.save(tmp_path / f"x{suffix}", format=format)
    opened = open_image(tmp_path / f"x{suffix}")
    assert opened.image.size == (24, 16)
    assert not opened.mislabelled


@pytest.mark.parametrize("kind", ["ICO", "TGA", "PCX", "DDS", "SGI", "XBM"])
def test_a_rarely_used_format_is_not_an_image_here(tmp_path, kind):
    photo = Image.new("1" if kind == "XBM" else "RGB", (32, 32))
    photo.save(tmp_path / "x.dat", format=kind)
    (tmp_path / "x.dat").rename(tmp_path / "x.png")
    with pytest.raises(ImageError, match="is not an image"):
        open_image(tmp_path / "x.png")


def whole(mode, random):
    """A picture of 31 × 23 pixels of any mode that Pillow has."""
    if mode == "F":
        return Image.fromarray(random.normal(100, 90, (23, 31)).astype(np.float32))
    if mode == "I":
        return Image.fromarray(random.integers(-9, 70_000, (23, 31)).astype(np.int32))
    if mode.startswith("I;16"):
        return Image.fromarray(random.integers(0, 65536, (23, 31)).astype(np.uint16))
    if mode in ("P", "P transparent"):
        image = Image.fromarray(random.integers(0, 256, (23, 31, 3)).astype(np.uint8)).quantize(64)
        if mode != "P":
            image.info["transparency"] = 5
        return image
    planes = len(Image.new(mode, (1, 1)).getbands())
    pixels = random.integers(0, 256, (23, 31, planes)).astype(np.uint8)
    bands = [Image.fromarray(np.ascontiguousarray(pixels[..., i])) for i in range(planes)]
    return bands[0].convert("1") if mode == "1" else Image.merge(mode, bands)


@pytest.mark.parametrize(
    "mode",
    ["1", "L", "LA", "P", "P transparent", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "I", "I;16", "F"],
)
def test_a_large_picture_is_converted_in_strips_to_the_same_values(mode, monkeypatch):
    image = whole(mode, np.random.default_rng(3))
    colour, grey, known = eight_bit(image, "RGB"), eight_bit(image, "L"), of_image(image)
    plain = is_grey(image), without_colour(image)
    monkeypatch.setattr(images, "_STRIP", 100)  # three rows
    assert len(list(images.strips(image))) > 5
    np.testing.assert_array_equal(np.asarray(eight_bit(image, "RGB")), np.asarray(colour))
    np.testing.assert_array_equal(np.asarray(eight_bit(image, "L")), np.asarray(grey))
    assert of_image(image).exact == known.exact
    assert (is_grey(image), without_colour(image)) == plain


def test_a_picture_that_needs_more_memory_than_there_is_for_pictures_is_refused(tmp_path, monkeypatch):
    for mode, suffix in (("RGB", "webp"), ("L", "png")):
        Image.new(mode, (100, 100)).save(tmp_path / f"x.{suffix}")
    monkeypatch.setattr(images, "MEMORY", 80_000)  # a WebP needs twelve bytes for a pixel beside the picture's four
    with pytest.raises(ImageError, match=r"x\.webp is too large to decode: .* of WEBP .*, the limit is 5000 pixels"):
        open_image(tmp_path / "x.webp")
    assert open_image(tmp_path / "x.png").image.size == (100, 100)


def test_threads_decode_together_only_what_fits_into_memory():
    room, running, most = Room(100), [0], [0]
    lock = threading.Lock()

    def work(count):
        with room.taken(count):
            with lock:
                running[0] += count
                most[0] = max(most[0], running[0])
            time.sleep(0.002)
            with lock:
                running[0] -= count

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, [40, 90, 100, 10, 30] * 6))
    assert running == [0]
    assert 90 <= most[0] <= 100


def test_nothing_stays_in_memory_of_a_picture_that_is_damaged(tmp_path):
    Image.effect_noise((800, 800), 90).save(tmp_path / "x.png")
    content = (tmp_path / "x.png").read_bytes()
    (tmp_path / "x.png").write_bytes(content[: len(content) // 2])
    with pytest.raises(ImageError) as caught:
        open_image(tmp_path / "x.png")
    kept = [caught.value.__context__, caught.value.__cause__]
    assert kept == [None, None]
    frames = [frame.f_locals for frame, _ in traceback.walk_tb(caught.value.__traceback__)]
    assert not any(isinstance(value, Image.Image) for local in frames for value in local.values())


PEAK = """
import sys
from profond.data.check import check
from profond.data.preprocessing import Preprocessing
from profond.data.images.decoding import opening
check(sys.argv[1])
with opening(sys.argv[2]) as opened:
    Preprocessing(size=(32, 32), mode="RGB").decode(opened.image)
for line in open("/proc/self/status"):
    if line.startswith("VmHWM"):
        print(line.split()[1])
"""
# NOTE not getrusage: a process that was started has its parent's peak, too.


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system has no /proc")
@pytest.mark.parametrize(
    ("mode", "suffix", "settings"),
    [
        ("F", "tif", {"compression": "tiff_deflate"}),
        ("RGBA", "png", {}),
    ],
)
def test_no_picture_needs_two_gibibytes(tmp_path, mode, suffix, settings):
    for name in ("a", "b"):
        (tmp_path / "big" / name).mkdir(parents=True)
        Image.new("L", (9, 9)).save(tmp_path / "big" / name / "1.png")
    large = tmp_path / "big" / "a" / f"x.{suffix}"
    Image.new(mode, (13_377, 13_377)).save(large, **settings)
    done = subprocess.run(
        [sys.executable, "-c", PEAK, str(tmp_path / "big"), str(large)], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) * 1024 < 2 << 30
