"""Sheets of translated drawings: beside the known answers, there and back, and what untrained generators leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from profond.core.lettering import FONT
from profond.explain.draw.drawing import COLOURS, DOTS, INK, MUTED, Panel, Sheet, fit, show
from profond.explain.draw.mosaic import Tile, mosaic
from profond.lecture.values import number
from profond.lecture.words import Words
from profond.measures.pixels import as_pixels
from profond.nn.translation import Upsampling

SIDE = 76
_APART = 12
_SPECTRUM = (420, 250)
_CROPPED = 24
"""Pixels of a side that are shown of a picture with a checkerboard, enlarged."""


@dataclass(frozen=True)
class Known:
    """Drawings (n, 3, h, w) between -1 and 1, what was made of them, what is known, and the mean difference of both."""

    before: Tensor
    made: Tensor
    known: Tensor
    off: Sequence[float]


@dataclass(frozen=True)
class Cycled:
    """Drawings (n, 3, h, w) between -1 and 1, outlines made of them, and what came back from these in three forms."""

    before: Tensor
    made: Tensor
    as_is: Tensor
    eight_bits: Tensor
    jpeg: Tensor


def draw_known(known: Known, words: Words) -> Figure:
    """A row of drawings, a row of what was made of each with its error, a row of what is known."""
    sheet = Sheet(words("L22.drawing.known"))
    errors = [(words.write(number(one, 3)),) for one in known.off]
    for name, row in (("colour", known.before), ("made", known.made), ("known_outline", known.known)):
        sheet.row(_row(row, words(f"L22.drawing.{name}"), errors if name == "made" else []))
    return sheet.figure()


def draw_cycle(cycled: Cycled, words: Words) -> Figure:
    """The drawings, the outlines, and the drawings that come back from these as they are, in 8 bits, and as JPEG."""
    sheet = Sheet(words("L22.drawing.cycle"))
    rows = {
        "colour": cycled.before,
        "made": cycled.made,
        "as_is": cycled.as_is,
        "eight_bits": cycled.eight_bits,
        "jpeg": cycled.jpeg,
    }
    for name, row in rows.items():
        sheet.row(_row(row, words(f"L22.drawing.{name}"), []))
    return sheet.figure()


def draw_boards(made: Mapping[Upsampling, Tensor], words: Words) -> Figure:
    """A part of what two untrained generators make of one smooth picture, and the mean spectrum of several."""
    sheet = Sheet(words("L22.drawing.boards"))
    sheet.row(
        *(_enlarged(pictures[:1, :, _CROPPED:, _CROPPED:], words(f"word.{kind}")) for kind, pictures in made.items()),
        Panel(
            *_SPECTRUM,
            lambda axes: _spectra(axes, made, words),
            words("L22.drawing.spectrum"),
            below=40,
        ),
    )
    return sheet.figure()


def _row(pictures: Tensor, title: str, below: Sequence[tuple[str, ...]]) -> Panel:
    images = [_image(picture) for picture in pictures]
    tiles = [Tile(image, below[index] if below else ()) for index, image in enumerate(images)]
    return mosaic(tiles, len(tiles), SIDE, title=title)


def _image(picture: Tensor) -> Image.Image:
    """Of a picture (3, h, w) between -1 and 1."""
    return Image.fromarray(as_pixels(picture[None])[0].permute(1, 2, 0).numpy())


def _enlarged(picture: Tensor, title: str) -> Panel:
    """The part above on the left of a picture (1, 3, h, w), its contrast stretched."""
    part = picture[0, :, :_CROPPED, :_CROPPED].mean(0)
    levels = ((part - part.min()) / (part.max() - part.min()).clamp_min(1e-12) * 255).round().to(torch.uint8)
    image = Image.fromarray(levels.numpy())
    size = fit(*image.size, (_SPECTRUM[1], _SPECTRUM[1]))
    return Panel(*size, lambda axes: show(axes, image, size), title)


def _spectra(axes: Axes, made: Mapping[Upsampling, Tensor], words: Words) -> None:
    """Energy by frequency across and down, of pictures (n, 3, s, s); each curve's mean is 1."""
    axes.set_axis_on()
    style = {"family": FONT, "fontsize": 12 * 72 / DOTS}
    for colour, (kind, pictures) in zip((COLOURS[4], COLOURS[2]), made.items(), strict=True):
        grey = pictures.mean(1)
        power = torch.fft.fft2(grey - grey.mean((1, 2), keepdim=True)).abs().square()
        half = power.shape[-1] // 2 + 1
        energy = (power.sum(1) + power.sum(2)).mean(0)[1:half]
        frequencies = torch.arange(1, half) / (2 * (half - 1))
        axes.plot(frequencies, energy / energy.mean(), color=colour, label=words(f"word.{kind}"), linewidth=1.8)
    axes.set_yscale("log")
    axes.set_xlim(0, 0.51)
    axes.set_xlabel(words("L22.drawing.frequency"), color=INK, **style)
    axes.tick_params(labelsize=10 * 72 / DOTS, colors=MUTED)
    for edge in ("top", "right"):
        axes.spines[edge].set_visible(False)
    axes.legend(frameon=False, prop={"family": FONT, "size": 12 * 72 / DOTS})
