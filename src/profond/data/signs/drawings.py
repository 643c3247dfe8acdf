"""One drawing for each class of sign, in colours of one palette, so that colour tells the family and never the class.

The speed limits, and the end of one, are drawn here on one template: the same disc, ring and figures, only the number
differs. The others are taken from a collection of drawings, whose greys, reds, blues and yellows differ from one to the
next and are brought to the palette; what is yellow inside where others are white becomes white.

Source: the sign drawings of Mapillary, MIT licence.
"""

from __future__ import annotations

import re
import tarfile
from collections.abc import Container, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from profond.data.fetch.sources import DataFile, NpmPackage
from profond.data.fetch.unpack import WHOLE
from profond.data.images.decoding import opening
from profond.data.locations import FileInMemory
from profond.data.sets.svg import renderer

PACKAGE = DataFile(
    "mapillary-signs-1.8.0.tgz", "c45ded5696b2c15740398472a37c217d3a0a27a7642bda6b63de7b8cdd4d3efb", 3_770_399
)
SOURCES = (NpmPackage("@rapideditor/mapillary_sprite_source", "1.8.0", {PACKAGE.name: WHOLE}),)
NUMBERS = {0: "20", 1: "30", 2: "50", 3: "60", 4: "70", 5: "80", 7: "100", 8: "120"}
END_OF_80 = 6
GERMAN = {
    9: "regulatory--no-overtaking--g1",
    10: "regulatory--no-overtaking-by-heavy-goods-vehicles--g1",
    11: "warning--crossroads--g1",
    12: "regulatory--priority-road--g1",
    13: "regulatory--yield--g1",
    14: "regulatory--stop--g1",
    15: "regulatory--road-closed-to-vehicles--g3",
    16: "regulatory--no-heavy-goods-vehicles--g1",
    17: "regulatory--no-entry--g1",
    18: "warning--other-danger--g1",
    19: "warning--curve-left--g1",
    20: "warning--curve-left--g1",
    21: "warning--double-curve-first-left--g1",
    22: "warning--uneven-road--g1",
    23: "warning--slippery-road-surface--g1",
    24: "warning--road-narrows-right--g1",
    25: "warning--roadworks--g3",
    26: "warning--traffic-signals--g1",
    27: "warning--pedestrians-crossing--g5",
    28: "warning--children--g1",
    29: "warning--bicycles-crossing--g1",
    30: "warning--icy-road--g1",
    31: "warning--wild-animals--g1",
    32: "regulatory--end-of-prohibition--g1",
    33: "regulatory--turn-right-ahead--g1",
    34: "regulatory--turn-left-ahead--g1",
    35: "regulatory--go-straight--g1",
    36: "regulatory--go-straight-or-turn-right--g1",
    37: "regulatory--go-straight-or-turn-left--g1",
    38: "regulatory--keep-right--g1",
    39: "regulatory--keep-left--g1",
    40: "regulatory--roundabout--g1",
    41: "regulatory--end-of-no-overtaking--g1",
    42: "regulatory--end-of-no-overtaking-by-heavy-goods-vehicles--g1",
}
"""The file of each class that looks as it does in Germany; 20 is the mirror image of 19."""
ABROAD = {
    9: "regulatory--no-overtaking--g5",
    11: "warning--crossroads--g3",
    12: "regulatory--priority-road--g2",
    14: "regulatory--stop--g4",
    15: "regulatory--road-closed-to-vehicles--g1",
    16: "regulatory--no-heavy-goods-vehicles--g3",
    18: "warning--other-danger--g3",
    19: "warning--curve-left--g2",
    20: "warning--curve-right--g2",
    21: "warning--double-curve-first-left--g2",
    22: "warning--uneven-road--g2",
    23: "warning--slippery-road-surface--g2",
    24: "warning--road-narrows-right--g2",
    25: "warning--roadworks--g2",
    26: "warning--traffic-signals--g2",
    27: "warning--pedestrians-crossing--g4",
    28: "warning--children--g2",
    29: "warning--bicycles-crossing--g3",
    31: "warning--wild-animals--g2",
    33: "regulatory--turn-right-ahead--g2",
    34: "regulatory--turn-left-ahead--g2",
    35: "regulatory--go-straight--g3",
    36: "regulatory--go-straight-or-turn-right--g3",
    37: "regulatory--go-straight-or-turn-left--g3",
    38: "regulatory--keep-right--g2",
    39: "regulatory--keep-left--g4",
    40: "regulatory--roundabout--g3",
    41: "regulatory--end-of-no-overtaking--g5",
    42: "regulatory--end-of-no-overtaking-by-heavy-goods-vehicles--g2",
}
"""Drawings of the same meaning as other countries have them; the other classes have none."""
SIDE = 256
"""Of a drawing in pixels."""

_RED, _BLUE, _BLACK, _YELLOW, _GREY = "#cf1f2a", "#0a5aa2", "#181818", "#f7c412", "#8a8a8a"
_KEEP_YELLOW = {12, 26}
_COLOUR = re.compile(r"#(?:[0-9a-fA-F]{6}|[0-9a-fA-F]{3})\b")
_FIGURES = {  # strokes of one width in a box of 40 by 80, and how far the next figure stands
    "0": ("M20 0C8 0 2 10 2 24V56C2 70 8 80 20 80S38 70 38 56V24C38 10 32 0 20 0Z", 58),
    "1": ("M2 18L18 2V82", 36),
    "2": ("M2 20C4-6 38-6 38 20C38 38 6 62 2 80H40", 58),
    "3": ("M2 16C6-6 37-5 37 19C37 34 26 38 15 38C28 38 39 43 39 59C39 87 4 87 1 63", 58),
    "5": ("M36 0H7L4 38C16 24 38 30 38 54C38 88 5 88 1 64", 58),
    "6": ("M32 0C18 14 2 34 2 56C2 88 38 88 38 56C38 30 12 26 4 46", 58),
    "7": ("M0 0H38C28 24 18 52 16 82", 56),
    "8": ("M20 37C-2 37 0 0 20 0S42 37 20 37C-6 37-4 80 20 80S46 37 20 37Z", 58),
}


def drawn(abroad: bool = False) -> set[int]:
    """The classes that have a drawing."""
    return set(ABROAD) if abroad else {*GERMAN, *NUMBERS, END_OF_80}


def masters(package: Path, abroad: bool = False, only: Container[int] | None = None) -> dict[int, Image.Image]:
    """The drawing of each class, RGBA `SIDE` pixels a side, without margins; abroad only of those that have one.

    Args:
        package: the file of `PACKAGE`.
        abroad: the drawings of other countries.
        only: classes that are wanted; None is all.

    Raises: MissingError when resvg-py is not installed.
    """
    named = ABROAD if abroad else GERMAN
    written = _read(package, set(named.values()))
    svgs = {number: recoloured(written[name], number in _KEEP_YELLOW or abroad) for number, name in named.items()}
    if not abroad:
        svgs[20] = (
            svgs[20].replace(">", '><g transform="translate(24 0) scale(-1 1)">', 1).replace("</svg>", "</g></svg>")
        )
        svgs |= {number: speed_limit(text) for number, text in NUMBERS.items()}
        svgs[END_OF_80] = speed_limit("80", ends=True)
    return {number: _pixels(svgs[number]) for number in sorted(svgs) if only is None or number in only}


def speed_limit(number: str, ends: bool = False) -> str:
    """The drawing of a speed limit, or of its end, in SVG."""
    width = sum(_FIGURES[figure][1] for figure in number) - 18
    wide = 1.0 if len(number) < 3 else 0.74
    ink = _GREY if ends else _BLACK
    figures, at = "", 0.0
    for figure in number:
        path, step = _FIGURES[figure]
        figures += f'<path transform="translate({at} 0)" d="{path}"/>'
        at += step
    scale = 1.06
    left, top = 120 - width * wide * scale / 2, 120 - 40 * scale
    text = (
        f'<g transform="translate({left:.2f} {top:.2f}) scale({wide * scale:.4f} {scale})" fill="none" stroke="{ink}" '
        f'stroke-width="17" stroke-linejoin="round">{figures}</g>'
    )
    lines = "".join(f'<path d="M{44 + 9 * k} {178 + 9 * k}L{160 + 9 * k} {44 + 9 * k}"/>' for k in range(5))
    ring = (
        f'<circle cx="120" cy="120" r="116" fill="#fff" stroke="{_BLACK}" stroke-width="4"/>'
        if ends
        else f'<circle cx="120" cy="120" r="118" fill="#fff"/><circle cx="120" cy="120" r="102" fill="none" '
        f'stroke="{_RED}" stroke-width="30"/>'
    )
    over = f'<g stroke="{_BLACK}" stroke-width="4.5">{lines}</g>' if ends else ""
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="240" height="240">{ring}{text}{over}</svg>'


def recoloured(svg: str, keep_yellow: bool) -> str:
    """The drawing in the colours of the palette."""

    def colour(found: re.Match[str]) -> str:
        text = found[0][1:]
        wide = "".join(2 * one for one in text) if len(text) == 3 else text
        red, green, blue = (int(wide[i : i + 2], 16) for i in (0, 2, 4))
        if red > 170 and green > 130 and blue < 110:
            return _YELLOW if keep_yellow else "#ffffff"
        if red > 150 and green < 80 and blue < 80:
            return _RED
        if blue > 120 and red < 60:
            return _BLUE
        if max(red, green, blue) < 100 and max(red, green, blue) - min(red, green, blue) < 40:
            return _BLACK
        if min(red, green, blue) > 225:
            return "#ffffff"
        return _GREY if max(red, green, blue) - min(red, green, blue) < 24 else found[0]

    return _COLOUR.sub(colour, svg.replace('"red"', f'"{_RED}"'))


def _pixels(svg: str) -> Image.Image:
    """A drawing as RGBA, without what is empty around it, in the middle of a square."""
    png = renderer().svg_to_bytes(svg_string=svg, width=2 * SIDE, height=2 * SIDE, skip_system_fonts=True)
    with opening(FileInMemory(png, "a drawing")) as opened:
        image = opened.image.convert("RGBA")
    visible = np.asarray(image)[:, :, 3] > 127
    rows, columns = np.flatnonzero(visible.any(1)), np.flatnonzero(visible.any(0))
    image = image.crop((int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1))
    side = max(image.size)
    square = Image.new("RGBA", (side, side))
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return square.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def _read(package: Path, wanted: set[str]) -> Mapping[str, str]:
    """Drawings as they are written in SVG, by name."""
    found = {}
    with tarfile.open(package) as opened:
        for name in sorted(wanted):
            stream = opened.extractfile(f"package/package_signs/{name}.svg")
            assert stream is not None, "the package's checksum was right"
            found[name] = stream.read().decode("utf-8")
    return found
