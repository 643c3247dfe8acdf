"""Letters of any script in pictures: which fonts have them, and what stands there where no font does.

Matplotlib draws each sign with the first font of a list that has it. The list begins with DejaVu Sans, which comes with
Matplotlib, and goes on with those fonts of this machine that the text at hand needs.
"""

from __future__ import annotations

import itertools
import logging
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from profond.core.names import as_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL.ImageDraw import ImageDraw

FONT = "DejaVu Sans"  # comes with Matplotlib, so pictures are the same everywhere
BOX = "□"
LONGEST = 18  # signs of a class's name in a picture
# Fonts whose signs are not the letters that their numbers mean.
_NO_LETTERS = ("Last Resort", "cm", "STIXNon", "STIXSize", "Adobe Blank")


def visible(text: str) -> str:
    """The text in one line of signs that can be seen.

    A byte that is not UTF-8 is read as Latin-1. A newline or a control character is written as Python writes it
    (``\\n``, ``\\x1b``); what only joins or chooses signs, and has no width, is left out.
    """
    kept = []
    for sign in as_text(text):
        kind = unicodedata.category(sign)
        if kind in ("Cc", "Cs", "Zl", "Zp"):
            kept.append(sign.encode("unicode_escape").decode("ascii"))
        elif kind != "Cf" and not 0xFE00 <= ord(sign) <= 0xFE0F:
            kept.append(" " if kind == "Zs" and sign not in "\u00a0\u202f" else sign)
    return "".join(kept)


def markdown(text: str) -> str:
    """A name as Markdown shows it, letter for letter: in one line, its signs that mean something marked as letters."""
    return re.sub(r"([\\`*_{}\[\]<>()#+!|~$&])", r"\\\1", visible(text))


def drawable(text: str) -> str:
    """The text, visible, with a box for every sign that no font here has."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(sign if sign == "\n" or font_of(sign) else BOX for sign in _lines(text))


def families(*texts: str) -> list[str]:
    """The fonts for these texts, for Matplotlib's ``family``: DejaVu Sans, then what else they need."""
    signs = {sign for text in texts if not text.isascii() for sign in text}
    return [FONT, *sorted({family for sign in signs if (family := font_of(sign))} - {FONT})]


def lettered(figure: Figure) -> Figure:
    """Give every text of a figure the fonts that it needs, and boxes where there is none.

    NOTE the labels of ticks are written by their axis when it is drawn: give them `drawable` names and `families`.
    """
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        written = text.get_text()
        if written.isascii() and written.replace("\n", "").isprintable():
            continue
        text.set_text(drawable(written))
        text.set_fontfamily(families(written))
    return figure


def class_names(names: Sequence[str], longest: int = LONGEST) -> tuple[list[str], str]:
    """Names of classes as they stand in a picture, no two of them alike, and what to say below it.

    A name in a script that no font here has is replaced by the class's number; a long one is cut in its middle, where
    names that begin alike would otherwise end alike.

    Returns: as many names, and a line, empty when all are written as they are, or shortened.
    """
    readable = [visible(name) for name in names]
    lost = {index for index, name in enumerate(readable) if not all(font_of(sign) for sign in name)}
    shown = [f"class {index}" if index in lost else shortened(name, longest) for index, name in enumerate(readable)]
    many = Counter(shown)
    for index, name in enumerate(shown):
        if many[name] > 1 or not name.strip():
            shown[index] = f"{index}: {shortened(readable[index], longest - len(str(index)) - 2)}"
    if not lost:
        return shown, ""
    if len(lost) == 1:
        return shown, "one class has a name that no font here can write; its number (from 0) stands instead"
    return shown, f"{len(lost)} classes have names that no font here can write; their numbers (from 0) stand instead"


def shortened(name: str, longest: int = LONGEST) -> str:
    """At most so many signs: the beginning and the end."""
    if len(name) <= longest:
        return name
    tail = max(1, (longest - 1) // 3)
    return f"{name[: longest - 1 - tail]}…{name[-tail:]}"


def runs(text: str) -> list[tuple[str, str]]:
    """Pieces of a text that one font can draw, each with that font's file: for what Matplotlib does not draw."""
    signs = [(sign, font_of(sign) or FONT) for sign in drawable(text)]
    return [
        ("".join(sign for sign, _ in piece), font_file(family))
        for family, piece in itertools.groupby(signs, key=lambda pair: pair[1])
    ]


def write_line(pen: ImageDraw, at: tuple[float, float], text: str, colour: str, size: int) -> None:
    """One line into a Pillow picture, each sign in a font that has it; ``at`` is its top left corner."""
    from PIL import ImageFont

    x, y = float(at[0]), at[1] + size  # a baseline, so that fonts of different heights stand in one line
    for piece, file in runs(text):
        font = ImageFont.truetype(file, size)
        pen.text((x, y), piece, fill=colour, font=font, anchor="ls")
        x += font.getlength(piece)


def text_width(text: str, size: float, weight: str = "normal") -> float:
    """Of a text's longest line as it will be drawn, in the units of the size."""
    if not text:
        return 0.0
    from matplotlib.font_manager import FontProperties

    text = drawable(text)
    font = FontProperties(family=families(text), size=size, weight=weight)
    measure = _measure().get_text_width_height_descent
    widths = [float(measure(line, font, ismath=False)[0]) for line in text.split("\n") if line]
    return max(widths, default=0.0)


@cache
def font_of(sign: str) -> str | None:
    """The family of a font on this machine that has a sign; None where there is none."""
    if sign.isascii() or _has(font_file(FONT), sign):
        return FONT
    for family, path in _others():
        if _has(path, sign) and _draws(path, sign):
            return family
    return None


def font_file(family: str, weight: str = "normal") -> str:
    """The file that Matplotlib takes for a family."""
    from matplotlib.font_manager import FontProperties, findfont

    return str(findfont(FontProperties(family=family, weight=weight)))


@cache
def _others() -> list[tuple[str, str]]:
    """Families and files of this machine's other fonts, upright and regular ones, sans-serif first."""
    from matplotlib.font_manager import findSystemFonts, fontManager

    installed = {entry.fname for entry in fontManager.ttflist}
    quiet = logging.getLogger("matplotlib.font_manager")
    level = quiet.level
    quiet.setLevel(logging.CRITICAL)  # it tells of each font file that it cannot read
    try:
        for path in sorted(findSystemFonts()):
            if path in installed:
                continue
            try:  # NOTE Matplotlib keeps its list of fonts in a file and does not see those that came later
                fontManager.addfont(path)
            except Exception:  # a file that is no font, or a kind that it cannot draw
                continue
        names: dict[str, str] = {}
        for entry in fontManager.ttflist:
            if entry.style == "normal" and entry.name != FONT and not entry.name.startswith(_NO_LETTERS):
                names.setdefault(entry.name, "")
        order = sorted(names, key=lambda name: ("sans" not in name.lower() and "gothic" not in name.lower(), name))
        return [(name, font_file(name)) for name in order]
    finally:
        quiet.setLevel(level)


@cache
def _charmap(path: str) -> frozenset[int]:
    from matplotlib.ft2font import FT2Font

    try:
        return frozenset(FT2Font(path).get_charmap())
    except (OSError, RuntimeError):
        return frozenset()


def _has(path: str, sign: str) -> bool:
    return ord(sign) in _charmap(path)


def _draws(path: str, sign: str) -> bool:
    """Whether the sign has an outline: fonts of coloured pictures have none that Matplotlib could draw."""
    from matplotlib.ft2font import FT2Font

    try:
        font = FT2Font(path)
        font.set_size(12, 72)
        font.load_char(ord(sign))
        return len(font.get_path()[0]) > 0 or unicodedata.category(sign) == "Zs"
    except (OSError, RuntimeError):
        return False


@cache
def _measure() -> Any:
    from matplotlib.textpath import TextToPath

    return TextToPath()


def _lines(text: str) -> str:
    """A text of several lines, each made visible."""
    return "\n".join(visible(line) for line in text.split("\n"))
