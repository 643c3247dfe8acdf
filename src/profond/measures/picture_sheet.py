"""Many small pictures of one size in one, pixel for pixel: in rows with a name each, or as square as can be."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from profond.core.lettering import class_names, text_width, write_line
from profond.measures.pixels import as_pixels

_GAP, _LETTER, _READABLE, _LARGE = 2, 13, 56, 168
BETWEEN = 176
"""Grey of the lines between pictures: neither a white nor a black margin of theirs is lost in it."""


def picture_sheet(rows: Sequence[Tensor], names: Sequence[str] = ()) -> Image.Image:
    """Rows of pictures; small ones are enlarged by a whole number, so that each pixel can be seen.

    Args:
        rows: each (n, c, h, w) between -1 and 1, all of one size; a row may be shorter than another.
        names: one for each row, written to the left of it.
    """
    channels, height, width = rows[0].shape[1:]
    zoom = max(1, _READABLE // max(height, width))
    tall, wide = height * zoom + _GAP, width * zoom + _GAP
    written = class_names(names)[0] if names else []
    margin = math.ceil(max((text_width(name, _LETTER) for name in written), default=0.0)) + (12 if written else 0)
    columns = max(map(len, rows))
    size = (margin + columns * wide + _GAP, len(rows) * tall + _GAP)
    sheet = Image.new("L" if channels < 3 and not written else "RGB", size, "white" if written else BETWEEN)
    pen = ImageDraw.Draw(sheet)
    grey = BETWEEN if sheet.mode == "L" else (BETWEEN,) * 3
    pen.rectangle((margin, 0, size[0], size[1]), fill=grey)
    for r, row in enumerate(rows):
        top = _GAP + r * tall
        if written:
            write_line(pen, (6, top + (height * zoom - _LETTER) / 2 - 1), written[r], "#1f2933", _LETTER)
        for c, picture in enumerate(row):
            sheet.paste(as_picture(picture, zoom), (margin + _GAP + c * wide, top))
    return sheet


def side_by_side(pictures: Sequence[Tensor], words: Sequence[str]) -> Image.Image:
    """A few pictures (c, h, w) between -1 and 1, enlarged, each with words below it."""
    zoom = max(1, _LARGE // max(pictures[0].shape[1:]))
    shown = [as_picture(picture, zoom).convert("RGB") for picture in pictures]
    needed = [math.ceil(text_width(line, _LETTER)) for line in words]
    across = [max(picture.width, width) for picture, width in zip(shown, needed, strict=True)]
    edge = 5 * _GAP
    size = (sum(across) + edge * (len(shown) + 1), shown[0].height + _LETTER + 3 * edge)
    sheet = Image.new("RGB", size, "white")
    pen, left = ImageDraw.Draw(sheet), edge
    for picture, line, width in zip(shown, words, across, strict=True):
        sheet.paste(picture, (left, edge))
        pen.rectangle((left - 1, edge - 1, left + picture.width, edge + picture.height), outline=(BETWEEN,) * 3)
        write_line(pen, (left, picture.height + edge + 4), line, "#1f2933", _LETTER)
        left += width + edge
    return sheet


def as_picture(sample: Tensor, zoom: int = 1) -> Image.Image:
    """One picture (c, h, w) between -1 and 1; grey with one channel, else the first three as colours."""
    pixels = as_pixels(sample.detach().float().cpu()).numpy()
    image = Image.fromarray(pixels[0] if len(pixels) < 3 else pixels[:3].transpose(1, 2, 0).copy())
    return image if zoom == 1 else image.resize((image.width * zoom, image.height * zoom), Image.Resampling.NEAREST)


def in_square(samples: Tensor) -> list[Tensor]:
    """Samples (n, …) in rows of equal length that make nearly a square; the last may be shorter."""
    return list(torch.split(samples, max(1, math.ceil(math.sqrt(len(samples))))))


def in_rows(samples: Tensor, labels: Sequence[int]) -> tuple[list[Tensor], list[int]]:
    """Samples (n, …) in a row for each label, labels in the order in which they come first."""
    found = list(dict.fromkeys(labels))
    each = torch.tensor(labels)
    return [samples[each == label] for label in found], found
