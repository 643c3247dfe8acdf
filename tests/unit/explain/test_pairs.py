"""Sheets of pictures before and after."""

from __future__ import annotations

from PIL import Image

from profond.explain.draw.pairs import MOST, Pair, draw_pairs


def pair(name: str, width: int, height: int, mode: str = "RGB") -> Pair:
    return Pair(name, Image.new(mode, (width, height)), Image.new(mode, (width, height), 255))


def test_each_pair_stands_side_by_side_with_its_proportions_and_its_name_below() -> None:
    figure = draw_pairs(
        [pair("wide.png", 400, 100), pair("tall.jpg", 50, 150, "L"), pair("glass.png", 64, 64, "RGBA")],
        "A to B",
        ("A", "B"),
    )
    (axes,) = figure.axes
    boxes = [image.get_extent() for image in axes.images]
    ratios = [(right - left) / (bottom - top) for left, right, bottom, top in boxes]
    assert [round(ratio, 1) for ratio in ratios] == [4, 4, 0.3, 0.3, 1, 1]
    for before, after, words in zip(boxes[::2], boxes[1::2], axes.texts, strict=True):
        assert before[1] < after[0]
        assert before[2:] == after[2:]
        assert before[0] < words.get_position()[0] < after[1]
        assert words.get_position()[1] > before[2]
    assert [text.get_text() for text in axes.texts] == ["wide.png", "tall.jpg", "glass.png"]


def test_of_very_many_the_first_are_shown() -> None:
    figure = draw_pairs([pair(f"{number}.png", 8, 8) for number in range(MOST + 5)], "A to B", ("A", "B"))
    assert len(figure.axes[0].texts) == MOST


def test_what_is_transparent_is_white() -> None:
    glass = Pair("glass", *(Image.new("RGBA", (8, 8), (255, 0, 0, 0)) for _ in range(2))).small()
    assert glass.before.getpixel((3, 3)) == (255, 255, 255)
