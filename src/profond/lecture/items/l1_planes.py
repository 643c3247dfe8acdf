"""L1: a digital colour image is three planes of 256 levels (exercise 1)."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from profond.core.lettering import FONT
from profond.explain.draw.drawing import DOTS, MUTED, Panel, Sheet, fit, show
from profond.explain.steps.planes import LEVELS, Plane, Planes, split_planes
from profond.explain.steps.planes_figure import draw_levels
from profond.lecture import register_item
from profond.lecture.outcome import Claim, Options, Outcome, Picture, Table
from profond.lecture.photo import photo
from profond.lecture.values import Value, count, number, word
from profond.lecture.words import Words

_BOX = (300, 360)


@register_item("L1", try_it="profond look photo.jpg --pixel 10,10", takes_image=True)
def planes(options: Options) -> Outcome:
    """RGB planes of a digital image."""
    image, name = photo(options)
    options.say(f"L1  {image.width} × {image.height} pixels")
    apart = split_planes(image, "rgb")
    original = np.asarray(apart.image)
    together = np.asarray(Image.merge("RGB", [Image.fromarray(plane.values) for plane in apart.planes]))
    different = int((together != original).any(axis=2).sum())
    pixels = apart.width * apart.height
    bits = [8 * plane.values.itemsize for plane in apart.planes]
    counted = [int(plane.histogram.sum()) for plane in apart.planes]
    used = [int((plane.histogram > 0).sum()) for plane in apart.planes]
    levels = {len(plane.histogram) for plane in apart.planes}
    colours = len(np.unique(original.reshape(-1, 3).astype(np.int64) @ np.array([65536, 256, 1])))
    return Outcome(
        claims=[
            Claim(
                "bits",
                sum(bits) == 24 and levels == {LEVELS} and 2 ** bits[0] == LEVELS,
                {
                    "planes": count(len(bits)),
                    "bits": count(bits[0]),
                    "total": count(sum(bits)),
                    "levels": count(len(apart.planes[0].histogram)),
                },
            ),
            Claim("exact", different == 0, {"different": count(different), "pixels": count(pixels)}),
            Claim("histogram", set(counted) == {pixels}, {"counted": count(counted[0]), "pixels": count(pixels)}),
        ],
        pictures=[Picture("planes", lambda words: draw(apart, words))],
        tables=[
            Table(
                "planes",
                ("plane", "levels_used", "least", "mean", "most"),
                [
                    [word(key), count(there), count(plane.minimum), number(plane.mean, 1), count(plane.maximum)]
                    for key, there, plane in zip(("red", "green", "blue"), used, apart.planes, strict=True)
                ],
            )
        ],
        measured={**apart.to_json(), "colours": colours, "different_pixels": different},
        used={"image": name, "size": _size(apart), "colours": count(colours)},
    )


def draw(apart: Planes, words: Words) -> Figure:
    """The picture, its planes in their own colours, and a histogram of each."""
    sheet = Sheet(words("L1.drawing"))
    size = fit(apart.width, apart.height, _BOX)

    def picture(image: Image.Image, title: str) -> Panel:
        return Panel(*size, lambda axes: show(axes, image, size), title, room=_BOX[0])

    names = [words(f"word.{key}") for key in ("red", "green", "blue")]
    sheet.row(
        picture(apart.image, words("word.image")),
        *(picture(Image.fromarray(p.as_pixels()), name) for name, p in zip(names, apart.planes, strict=True)),
    )
    top = 1.05 * max(float(plane.histogram.max()) for plane in apart.planes)
    blank = Panel(_BOX[0], 120, lambda axes: None)
    sheet.row(blank, *(_histogram(plane, top) for plane in apart.planes))
    return sheet.figure()


def _histogram(plane: Plane, top: float) -> Panel:
    def draw(axes: Axes) -> None:
        axes.set_axis_on()
        axes.set(xlim=(-0.5, LEVELS - 0.5), ylim=(0, top), xticks=(0, 64, 128, 192, 255), yticks=())
        axes.tick_params(length=3, labelsize=12 * 72 / DOTS, colors=MUTED, labelfontfamily=FONT)
        for side, spine in axes.spines.items():
            spine.set_visible(side == "bottom")
            spine.set_color(MUTED)
        draw_levels(axes, plane.histogram, plane.colours)

    return Panel(_BOX[0], 120, draw, below=22)


def _size(apart: Planes) -> Value:
    return Value("formula", f"{apart.width} × {apart.height}")
