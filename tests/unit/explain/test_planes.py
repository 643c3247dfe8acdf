from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from profond.core.errors import ConfigError, StorageError, UnknownName, UsageError
from profond.core.lettering import drawable, text_width
from profond.explain.draw.drawing import broken, readable_on, save_figure
from profond.explain.steps.planes import SPACES, grey_plane, split_planes
from profond.explain.steps.planes_figure import draw_planes


def picture(height: int = 30, width: int = 40, seed: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def test_the_three_planes_put_together_are_the_image() -> None:
    image = picture()
    planes = split_planes(image)
    assert [plane.name for plane in planes.planes] == ["red", "green", "blue"]
    assert (np.stack([plane.values for plane in planes.planes], axis=-1) == np.asarray(image)).all()


def test_a_histogram_counts_every_pixel_once() -> None:
    planes = split_planes(picture())
    for plane in planes.planes:
        assert plane.histogram.shape == (256,)
        assert plane.histogram.sum() == 30 * 40
        assert [(plane.values == level).sum() for level in range(256)] == plane.histogram.tolist()


def test_least_mean_and_greatest_are_those_of_the_pixels() -> None:
    for plane in split_planes(picture(), "ycbcr").planes:
        assert plane.minimum == plane.values.min()
        assert plane.maximum == plane.values.max()
        assert plane.mean == pytest.approx(plane.values.mean())


def test_a_plane_is_shown_in_its_own_colour() -> None:
    red = split_planes(picture()).planes[0].as_pixels()
    assert (red[..., 1:] == 0).all()
    assert (red[..., 0] == np.asarray(picture())[..., 0]).all()


def test_a_pixel_gives_its_three_numbers_by_row_and_column() -> None:
    image = picture()
    assert split_planes(image).pixel(2, 39) == image.getpixel((39, 2))


@pytest.mark.parametrize("place", [(30, 0), (0, 40), (-1, 0)])
def test_a_pixel_outside_is_refused_with_what_would_work(place: tuple[int, int]) -> None:
    with pytest.raises(ConfigError, match="40 wide and 30 high") as caught:
        split_planes(picture()).pixel(*place)
    assert "from 0 to" in str(caught.value.help)


def test_grey_stands_in_the_middle_of_every_colour_difference() -> None:
    grey = Image.new("RGB", (2, 2), (119, 119, 119))
    assert split_planes(grey, "ycbcr").pixel(0, 0) == (119, 128, 128)
    assert split_planes(grey, "lab").pixel(0, 0) == (128, 128, 128)  # L* = 50 of 100
    assert split_planes(grey, "hsv").pixel(0, 0)[1:] == (0, 119)


def test_red_is_high_in_a_of_lab_and_blue_is_low_in_b() -> None:
    assert split_planes(Image.new("RGB", (1, 1), "red"), "lab").pixel(0, 0)[1] > 190
    assert split_planes(Image.new("RGB", (1, 1), "blue"), "lab").pixel(0, 0)[2] < 40


def test_a_colour_space_with_a_wrong_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="ycbr") as caught:
        split_planes(picture(), "ycbr")
    assert "ycbcr" in str(caught.value.help)


@pytest.mark.parametrize(
    ("mode", "word"),
    [
        ("L", "grey"),
        ("P", "palette"),
        ("CMYK", "CMYK"),
        ("RGBA", "transparency"),
        ("LA", "transparency"),
        ("1", "grey"),
    ],
)
def test_other_modes_are_converted_and_noted(mode: str, word: str) -> None:
    image = picture().convert(mode)
    if mode in ("RGBA", "LA"):
        image.putalpha(100)
    planes = split_planes(image)
    assert planes.mode == mode
    assert any(word in note for note in planes.notes), planes.notes
    assert len(planes.planes) == 3


def test_ordinary_colour_needs_no_note() -> None:
    assert split_planes(picture()).notes == ()


def test_sixteen_bits_are_scaled_onto_256_levels() -> None:
    deep = Image.fromarray(np.array([[0, 257, 65535, 128 * 257]], dtype=np.uint16))
    planes = split_planes(deep)
    assert planes.planes[0].values.tolist() == [[0, 1, 255, 128]]
    assert any("16-bit" in note for note in planes.notes)


def test_brightness_weighs_green_most() -> None:
    red, green, blue = (int(grey_plane(Image.new("RGB", (1, 1), name))[0, 0]) for name in ("red", "lime", "blue"))
    assert (red, green, blue) == (76, 150, 29)


@pytest.mark.parametrize(("space", "size"), list(zip(SPACES, [(30, 40), (1, 1), (1, 500), (500, 1)], strict=True)))
def test_the_picture_is_drawn_for_any_size(space: str, size: tuple[int, int], tmp_path: Path) -> None:
    planes = split_planes(picture(*size), space)
    written = save_figure(
        draw_planes(planes, pixel=(0, 0), title="x $_{1}$ 日本 \udce9.png"), tmp_path / "deep" / "planes.png"
    )
    with Image.open(written) as drawn:
        assert min(drawn.size) > 300
        assert np.asarray(drawn.convert("L")).std() > 5


def test_nothing_is_drawn_outside_the_sheet(tmp_path: Path) -> None:
    figure = draw_planes(split_planes(Image.new("RGB", (64, 64), "white")), title="a very long name " * 20)
    figure.canvas.draw()
    bounds = figure.bbox
    for text in figure.findobj(match=lambda artist: hasattr(artist, "get_text") and artist.get_visible()):
        if text.get_text().strip():
            box = text.get_window_extent()
            assert box.x0 >= 0, text
            assert box.x1 <= bounds.x1, text


def test_a_place_that_cannot_hold_files_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StorageError, match="cannot write"):
        save_figure(draw_planes(split_planes(picture(4, 4))), tmp_path / "file" / "planes.png")


def test_an_unknown_kind_of_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="what kind"):
        save_figure(draw_planes(split_planes(picture(4, 4))), tmp_path / "planes.docx")
    assert list(tmp_path.iterdir()) == []


def test_no_line_is_broken_within_a_number_that_french_writes_with_no_break_spaces() -> None:
    number = "61\u202f100\u202f840"
    assert number in broken(f"paramètres {number}", 100, 14)


def test_text_is_broken_into_lines_that_fit() -> None:
    text = "some words and averyverylongwordwithoutanyspace at the end"
    lines = broken(text, 90, 14)
    assert len(lines) > 3
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(text_width(line, 14) <= 90 for line in lines)


def test_signs_without_a_glyph_become_boxes() -> None:
    assert drawable("été ⌊x⌋ \U0010fffd") == "été ⌊x⌋ □"


def test_numbers_are_dark_on_light_and_light_on_dark() -> None:
    assert readable_on("#ffffff") != readable_on("#000000")
