"""Pictures of attributions on images: one method beside the image, or all of them on one sheet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from profond.explain.draw.colour_scale import Scale
from profond.explain.draw.drawing import ACCENT, PAPER, Panel, fit, outline, show
from profond.explain.draw.mosaic import colour_bar
from profond.explain.why.attribution import Attribution
from profond.explain.why.subject import NAMES, Subject, method_in_words, said_panel

_SMALL, _LARGE = (320.0, 320.0), (460.0, 460.0)
COARSE = ("grad_cam", "occlusion")
"""Methods whose numbers change slowly from place to place."""
UNSIGNED = ("grad_cam", "smooth_grad")
"""Methods whose pictures show nothing below zero."""
_SQUARES = 75  # on a side: more cannot be told apart in a picture of this size


@dataclass(frozen=True)
class Seen:
    """An image, and what of it a model looks at.

    Args:
        image: as it was given, upright.
        seen: what the model looks at, in the geometry of its input; as fine as the image allows.
        box: where that is in the image (left, top, right, bottom), or None where it is the whole image.
        sides: height and width of the model's input.
    """

    image: Image.Image
    seen: Image.Image
    box: tuple[float, float, float, float] | None
    sides: tuple[int, int]

    def draw_overview(self, subject: Subject, attributions: Sequence[Attribution]) -> Figure:
        """The image, what the model says of it, and every method's answer."""
        sheet = subject.sheet()
        sheet.row(*_looks(self, _SMALL), said_panel(subject))
        sheet.row(*(attribution_panel(subject, self, one, _SMALL) for one in attributions))
        return sheet.figure()

    def draw_attribution(self, subject: Subject, attribution: Attribution) -> Figure:
        """The image and one method's answer, large, with what the model says below."""
        sheet = subject.sheet()
        sheet.row(seen_panel(self, _LARGE), attribution_panel(subject, self, attribution, _LARGE))
        sheet.row(said_panel(subject))
        return sheet.figure()


def _looks(looked: Seen, box: tuple[float, float]) -> list[Panel]:
    seen = seen_panel(looked, box)
    if looked.box is None:
        return [seen]
    size = fit(*looked.image.size, (1.5 * box[0], box[1]))
    left, top, right, bottom = looked.box

    def draw(axes: Axes) -> None:
        show(axes, looked.image.convert("RGB"), size)
        for colour, thick in ((PAPER, 4.0), (ACCENT, 2.0)):
            outline(axes, left, top, right - left, bottom - top, colour, thick)

    title = f"image {looked.image.width} × {looked.image.height}"
    return [Panel(*size, draw, title, "framed: the part that the network sees"), seen]


def seen_panel(looked: Seen, box: tuple[float, float]) -> Panel:
    """What the network looks at."""
    size = fit(*looked.seen.size, box)
    title = f"what the network sees, {looked.sides[1]} × {looked.sides[0]}"
    return Panel(*size, lambda axes: show(axes, looked.seen, size), title)


def attribution_panel(subject: Subject, looked: Seen, attribution: Attribution, box: tuple[float, float]) -> Panel:
    """One method's answer in colours over the image, with its scale and what it says in words."""
    plane, square = gathered(attribution, looked.sides)
    size = fit(*looked.seen.size, box)
    scale = heat_scale(attribution.method, plane)
    picture = heat(looked.seen, plane, scale, coarse=attribution.method in COARSE)

    note = method_in_words(subject, attribution, "a black image", "pixels")
    note += f" Drawn in squares of {square} × {square}, the mean of each." if square > 1 else ""

    def draw(axes: Axes) -> None:
        show(axes, picture, size)
        colour_bar(axes, scale, size, low=0.0 if attribution.method in UNSIGNED else None, length=size[0])

    return Panel(*size, draw, NAMES[attribution.method], note, below=44, room=box[0])


def gathered(attribution: Attribution, sides: tuple[int, int]) -> tuple[NDArray[np.float64], int]:
    """The plane to be drawn, and the side of the squares in which pixels that scatter are averaged in a large image."""
    plane = attribution.plane(sides).astype(np.float64)
    square = 1 if attribution.method in COARSE else max(1, round(min(sides) / _SQUARES))
    if square == 1:
        return plane, 1
    rows, columns = (-(-side // square) for side in sides)
    wide = np.pad(plane, ((0, rows * square - sides[0]), (0, columns * square - sides[1])), mode="edge")
    means = wide.reshape(rows, square, columns, square).mean(axis=(1, 3))
    drawn: NDArray[np.float64] = means.repeat(square, axis=0).repeat(square, axis=1)[: sides[0], : sides[1]]
    return drawn, square


def heat_scale(method: str, plane: NDArray[np.float64]) -> Scale:
    """Zero in the middle; up to the greatest number, or for single pixels, which scatter, the greatest but 0.5 %."""
    sizes = np.abs(plane)
    high = float(sizes.max() if method in COARSE else np.percentile(sizes, 99.5))
    high = high or float(sizes.max()) or 1.0
    return Scale(-high, high, True, "")


def heat(seen: Image.Image, plane: NDArray[np.float64], scale: Scale, *, coarse: bool) -> Image.Image:
    """A plane in colours laid over a pale picture: the stronger, the less of the picture shows through.

    Args:
        coarse: the plane changes slowly, so it may be stretched smoothly and more of the picture be left; otherwise
            each of its numbers stays a square.
    """
    how = Image.Resampling.BILINEAR if coarse else Image.Resampling.NEAREST
    small = seen.width < plane.shape[1] or seen.height < plane.shape[0]
    size = (plane.shape[1], plane.shape[0]) if small else seen.size
    wide = np.asarray(Image.fromarray(plane.astype(np.float32)).resize(size, how), dtype=np.float64)
    grey = np.asarray(seen.convert("L").resize(size), dtype=np.float64)[..., None]
    pale = 255 - (255 - grey) * (0.62 if coarse else 0.22)
    share = np.clip((wide - scale.low) / (scale.high - scale.low), 0.0, 1.0)
    colours = scale.colours()[np.rint(share * 255).astype(np.uint8)].astype(np.float64)
    cover = np.clip(np.abs(2 * share - 1), 0.0, 1.0)[..., None] ** 0.6
    mixed = pale * (1 - 0.9 * cover) + colours * (0.9 * cover)
    return Image.fromarray(np.rint(mixed).astype(np.uint8))
