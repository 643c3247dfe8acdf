"""Pictures of attributions: one method beside the image, or all of them on one sheet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from PIL import Image

from profond.core.lettering import FONT
from profond.explain.draw.colour_scale import Scale
from profond.explain.draw.drawing import (
    ACCENT,
    DOTS,
    FAINT,
    INK,
    NEGATIVE,
    PAPER,
    Panel,
    Sheet,
    fit,
    outline,
    show,
    tint,
)
from profond.explain.draw.mosaic import clipped, colour_bar
from profond.explain.draw.numbers import read_number, write_number
from profond.explain.steps.sums import added
from profond.explain.why.attribution import Attribution

NAMES = {
    "grad_cam": "Grad-CAM",
    "integrated_gradients": "Integrated gradients",
    "smooth_grad": "SmoothGrad",
    "occlusion": "Occlusion",
}
_SMALL, _LARGE = (320.0, 320.0), (460.0, 460.0)
_COARSE = ("grad_cam", "occlusion")
_UNSIGNED = ("grad_cam", "smooth_grad")
_SQUARES = 75  # on a side: more cannot be told apart in a picture of this size


@dataclass(frozen=True)
class Subject:
    """An image, and what a model says of it.

    Args:
        name: for the title, such as the file's name.
        model: likewise.
        image: as it was given, upright.
        seen: what the model looks at, in the geometry of its input; as fine as the image allows.
        box: where that is in the image (left, top, right, bottom), or None where it is the whole image.
        sides: height and width of the model's input.
        top: the most probable classes with their probabilities, best first.
        label, probability: of the class that is explained.
        written: classes whose names stand otherwise in a picture (see ``class_names``).
    """

    name: str
    model: str
    image: Image.Image
    seen: Image.Image
    box: tuple[float, float, float, float] | None
    sides: tuple[int, int]
    top: tuple[tuple[str, float], ...]
    label: str
    probability: float
    written: Mapping[str, str] = field(default_factory=dict)

    def write(self, label: str) -> str:
        """A class's name as it stands in a picture."""
        return self.written.get(label, label)


def draw_overview(subject: Subject, attributions: Sequence[Attribution]) -> Figure:
    """The image, what the model says of it, and every method's answer."""
    sheet = _sheet(subject)
    sheet.row(*_looks(subject, _SMALL), classes(subject))
    sheet.row(*(attribution_panel(subject, one, _SMALL) for one in attributions))
    return sheet.figure()


def draw_attribution(subject: Subject, attribution: Attribution) -> Figure:
    """The image and one method's answer, large, with the classes below."""
    sheet = _sheet(subject)
    sheet.row(seen_panel(subject, _LARGE), attribution_panel(subject, attribution, _LARGE))
    sheet.row(classes(subject))
    return sheet.figure()


def _sheet(subject: Subject) -> Sheet:
    return Sheet(f"{subject.write(subject.label)}, {percent(subject.probability)}", f"{subject.name} · {subject.model}")


def _looks(subject: Subject, box: tuple[float, float]) -> list[Panel]:
    seen = seen_panel(subject, box)
    if subject.box is None:
        return [seen]
    size = fit(*subject.image.size, (1.5 * box[0], box[1]))
    left, top, right, bottom = subject.box

    def draw(axes: Axes) -> None:
        show(axes, subject.image.convert("RGB"), size)
        for colour, thick in ((PAPER, 4.0), (ACCENT, 2.0)):
            outline(axes, left, top, right - left, bottom - top, colour, thick)

    title = f"image {subject.image.width} × {subject.image.height}"
    return [Panel(*size, draw, title, "framed: the part that the network sees"), seen]


def seen_panel(subject: Subject, box: tuple[float, float]) -> Panel:
    """What the network looks at."""
    size = fit(*subject.seen.size, box)
    title = f"what the network sees, {subject.sides[1]} × {subject.sides[0]}"
    return Panel(*size, lambda axes: show(axes, subject.seen, size), title)


def attribution_panel(subject: Subject, attribution: Attribution, box: tuple[float, float]) -> Panel:
    """One method's answer in colours over the image, with its scale and what it says in words."""
    plane, square = gathered(attribution, subject.sides)
    size = fit(*subject.seen.size, box)
    scale = heat_scale(attribution.method, plane)
    picture = heat(subject.seen, plane, scale, coarse=attribution.method in _COARSE)

    def draw(axes: Axes) -> None:
        show(axes, picture, size)
        colour_bar(axes, scale, size, low=0.0 if attribution.method in _UNSIGNED else None, length=size[0])

    return Panel(*size, draw, NAMES[attribution.method], words(attribution, plane, square), below=44, room=box[0])


def gathered(attribution: Attribution, sides: tuple[int, int]) -> tuple[NDArray[np.float64], int]:
    """The plane to be drawn, and the side of the squares in which pixels that scatter are averaged in a large image."""
    plane = attribution.plane(sides).astype(np.float64)
    square = 1 if attribution.method in _COARSE else max(1, round(min(sides) / _SQUARES))
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
    high = float(sizes.max() if method in _COARSE else np.percentile(sizes, 99.5))
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


def words(attribution: Attribution, plane: NDArray[np.float64], square: int = 1) -> str:
    """What the picture shows, in a sentence or two, in units of the class's score."""
    facts = attribution.facts
    averaged = f" Drawn in squares of {square} × {square}, the mean of each." if square > 1 else ""
    if attribution.method == "grad_cam":
        if not plane.any():
            return f"{facts['stage']}: none of its maps raises the score of this class anywhere."
        rows, columns = attribution.values.shape
        return f"Where the maps of {facts['stage']} ({columns} × {rows}) are that raise the score."
    if attribution.method == "integrated_gradients":
        pixels = float(attribution.values.sum(dtype=np.float64))
        start = attribution.logit - facts["difference"]
        missing = attribution.logit - start - pixels
        written = added([start, pixels, missing], attribution.logit)
        black, found, rest = written.terms
        left = f" and a rest of {rest}, which the steps miss," if read_number(rest) else ""
        return (
            f"Orange speaks for the class, blue against it. The score of a black image, {black}, the pixels, which add"
            f" up to {found},{left} make the score, {written.total}.{averaged}"
        )
    if attribution.method == "smooth_grad":
        return (
            "Where a change of a pixel would change the score most, up or down; the mean of"
            f" {facts['samples']} noisy copies.{averaged}"
        )
    window = " × ".join(str(side) for side in reversed(facts["window"]))
    return f"How far the score ({write_number(attribution.logit)}) falls (orange) when a window of {window} is covered."


def classes(subject: Subject, width: float = 420) -> Panel:
    """The most probable classes as bars; the one that is explained in orange, at the end when it is not among them."""
    rows = list(subject.top)
    if subject.label not in dict(rows):
        rows.append((subject.label, subject.probability))
    step, name, room = 46, 18, width - 80

    def draw(axes: Axes) -> None:
        axes.set(xlim=(0, width), ylim=(len(rows) * step, 0))
        style: dict[str, Any] = {"fontsize": 14 * 72 / DOTS, "family": FONT, "parse_math": False}
        for index, (label, probability) in enumerate(rows):
            top = index * step
            chosen = label == subject.label
            text = clipped(subject.write(label), room, 14)
            axes.text(0, top + name - 4, text, va="baseline", color=INK, weight="bold" if chosen else "normal", **style)
            axes.text(width, top + name + 15, percent(probability), va="baseline", ha="right", color=INK, **style)
            axes.add_patch(Rectangle((0, top + name + 2), room, 13, facecolor=tint(FAINT, 0.5), linewidth=0))
            colour = ACCENT if chosen else tint(NEGATIVE, 0.6)
            length = max(1.0, room * min(1.0, probability))
            axes.add_patch(Rectangle((0, top + name + 2), length, 13, facecolor=colour, linewidth=0))

    note = "" if subject.label == subject.top[0][0] else "orange: the class that is explained, as asked for"
    return Panel(width, len(rows) * step, draw, "what the network says", note)


def percent(share: float) -> str:
    """``83.1 %``; small and nearly certain ones with as many digits as they need."""
    if share >= 0.9995:
        return "100 %" if share > 0.99999 else f"{100 * share:.3f} %"
    if 0 < share < 1e-5:
        return "< 0.001 %"
    return f"{100 * share:.1f} %" if share >= 0.001 else f"{100 * share:.2g} %"
