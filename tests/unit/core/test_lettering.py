"""Names in any script, of any length and with any sign in them, in every kind of picture."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from PIL import Image
from torch import nn

from profond.core import lettering
from profond.core.lettering import (
    BOX,
    FONT,
    class_names,
    drawable,
    families,
    font_of,
    markdown,
    runs,
    text_width,
    visible,
)
from profond.evaluation.evaluate import evaluate
from profond.evaluation.kept import png
from profond.explain.draw.drawing import Panel, Sheet
from profond.explain.draw.mosaic import Tile, mosaic
from profond.measures import class_figures as figures
from profond.tasks.classify import Classify

HERE, NOWHERE = "\uac70", "\U0010fffd"  # a sign of the font made below, and one that no font has
NAMES = ("$x_1^", "$\\frac{", HERE * 3, NOWHERE, "two\nlines", "tab\tbell\x07", "bytes \udcff", "<b>|*x*_`", "", "  ")
LONG = tuple(f"{'a very long name of a class ' * 8}{index}" for index in range(4))


@pytest.fixture(scope="module")
def another_font(tmp_path_factory):
    """A font with one letter that DejaVu Sans does not have, installed for these tests."""
    pen = TTGlyphPen(None)
    for start, end in (((0, 0), (900, 900)), ((200, 200), (700, 700))):
        pen.moveTo(start)
        pen.lineTo((start[0], end[1]))
        pen.lineTo(end)
        pen.lineTo((end[0], start[1]))
        pen.closePath()
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", "square"])
    builder.setupCharacterMap({ord(HERE): "square"})
    builder.setupGlyf({".notdef": TTGlyphPen(None).glyph(), "square": pen.glyph()})
    builder.setupHorizontalMetrics({".notdef": (500, 0), "square": (1000, 0)})
    builder.setupHorizontalHeader(ascent=900, descent=-100)
    builder.setupNameTable({"familyName": "Profond Squares", "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=900, sTypoDescender=-100, usWeightClass=400)
    builder.setupPost()
    path = tmp_path_factory.mktemp("font") / "squares.ttf"
    builder.save(path)
    forget()
    font_manager.fontManager.addfont(path)
    yield "Profond Squares"
    font_manager.fontManager.ttflist = [one for one in font_manager.fontManager.ttflist if one.fname != str(path)]
    font_manager.fontManager._findfont_cached.cache_clear()
    forget()


def forget():
    for cached in (lettering.font_of, lettering._others, lettering._charmap):
        cached.cache_clear()


def test_a_sign_is_drawn_with_a_font_that_has_it(another_font):
    assert font_of("a") == font_of("é") == FONT
    assert font_of(HERE) == another_font
    assert font_of(NOWHERE) is None
    assert families("abc") == [FONT]
    assert families("abc", HERE) == [FONT, another_font]
    assert drawable(f"a{HERE}{NOWHERE}") == f"a{HERE}{BOX}"
    assert text_width(HERE, 10) == pytest.approx(10, rel=0.1)
    assert [piece for piece, _ in runs(f"a{HERE}b")] == ["a", HERE, "b"]
    assert all(path.endswith(".ttf") for _, path in runs(f"a{HERE}"))


def test_a_font_that_stands_for_all_signs_without_drawing_them_is_not_taken():
    assert "Last Resort High-Efficiency" in {one.name for one in font_manager.fontManager.ttflist}
    assert font_of("\U0001fffd") is None


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("cat", "cat"),
        ("two\nlines", "two\\nlines"),
        ("a\x07b\r", "a\\x07b\\r"),
        ("bytes \udcff", "bytes ÿ"),  # read as Latin-1
        ("wide\u3000space", "wide space"),
        ("heart\u2764\ufe0f", "heart\u2764"),
        ("a\u200bb", "ab"),
        ("99,5\u202f%", "99,5\u202f%"),
    ],
)
def test_a_name_is_one_line_of_signs_that_can_be_seen(name, shown):
    assert visible(name) == shown


def test_names_of_classes_stay_apart_in_a_picture(another_font):
    shown, note = class_names((*NAMES, *LONG))
    assert len(set(shown)) == len(shown)
    assert all(0 < len(name) <= 24 for name in shown)
    assert shown[:2] == ["$x_1^", "$\\frac{"]
    assert shown[2] == HERE * 3
    assert shown[3] == "class 3"
    assert "one class has a name that no font here can write" in note
    assert class_names(["a", "b"]) == (["a", "b"], "")
    assert class_names([NOWHERE, NOWHERE * 2])[0] == ["class 0", "class 1"]
    assert class_names(["class 1", NOWHERE])[0] != ["class 1", "class 1"]


def drawn(figure) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert png(figure).startswith(b"\x89PNG")
    return "\n".join(text.get_text() for text in figure.findobj(Text))


@pytest.mark.parametrize("names", [NAMES, LONG, (HERE, "cat"), (NOWHERE, "cat")])
def test_every_picture_of_an_evaluation_holds_names_of_any_kind(another_font, names):
    size = len(names)
    said = torch.arange(size).roll(1)
    report = evaluate(nn.Identity(), Classify(), [(torch.eye(size)[said] * 4, torch.arange(size))], classes=names)
    raw = torch.zeros(1, 5, 5, dtype=torch.uint8)
    shown, note = class_names(names)
    for figure in (
        figures.confusion_matrix(report.findings, HERE + NOWHERE + "$x$"),
        figures.worst_mistakes(report.findings, lambda i: raw, HERE + NOWHERE + "$x$"),
    ):
        text = drawn(figure)
        assert all(name in text for name in shown)
        assert HERE + BOX + "$x$" in text
        assert note in text
        FigureCanvasAgg(figure).draw()  # at the figure's own number of dots, in which its box is measured
        box = figure.bbox
        for one in figure.findobj(Text):
            if one.get_text().strip() and one.get_visible():
                extent = one.get_window_extent()
                assert box.x0 - 1 <= extent.x0, one
                assert extent.x1 <= box.x1 + 1, one
    assert HERE + BOX in drawn(figures.reliability_diagram(report.findings, HERE + NOWHERE))


def test_every_sheet_holds_names_of_any_kind(another_font):
    for name in (*NAMES, LONG[0]):
        sheet = Sheet(f"a{name}", f"b{name}")
        sheet.row(Panel(100, 50, lambda axes: None, f"c{name}", f"d{name}"))
        sheet.row(mosaic([Tile(Image.fromarray(np.zeros((5, 5), np.uint8)), (f"e{name}", name))], 4, 80))
        sheet.text(f"f{name}")
        text = drawn(sheet.figure())
        assert NOWHERE not in text
        if HERE in name:
            assert all(f"{letter}{name}" in text for letter in "abcdef")


def test_a_contact_sheet_is_written_in_the_fonts_that_its_names_need(another_font, tmp_path):
    from profond.data.check import check
    from profond.data.images.contact_sheet import contact_sheet

    names = ("cat.png", f"{HERE}.png", f"{NOWHERE}.png", "x" * 60 + ".png")
    for name in names:
        (tmp_path / "data" / HERE).mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / "b").mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 20), "teal").save(tmp_path / "data" / HERE / name)
        Image.new("RGB", (20, 20), "red").save(tmp_path / "data" / "b" / name)
    assert contact_sheet(check(str(tmp_path / "data")), tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as image:
        image.load()
        assert image.width > 300


def test_a_name_means_nothing_to_markdown():
    assert markdown("cat") == "cat"
    assert markdown("a|b*c*_d_`e`") == r"a\|b\*c\*\_d\_\`e\`"
    assert markdown("<script>\n# title") == r"\<script\>\\n\# title"
