"""Real image files made on the fly, sound and broken."""

from __future__ import annotations

import struct
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from PIL import Image

from profond.core.errors import ConfigError, ImageError
from profond.data.images import eight_bit, open_image
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
    with pytest.raises(ConfigError, match="positive"):
        Preprocessing(mean=(0.0,), std=(0.0,))
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
