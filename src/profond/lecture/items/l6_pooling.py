"""L6: pooling makes feature maps smaller; max pooling exactly as on the slide."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from profond.explain.draw.drawing import COLOURS, Panel, Sheet, fit, grid, show, text_panel, tint
from profond.explain.steps.planes import grey_plane
from profond.explain.steps.pooling import PoolingResult, pool
from profond.lecture import register_item
from profond.lecture.outcome import Claim, Options, Outcome, Picture, Table
from profond.lecture.photo import photo, smaller
from profond.lecture.values import Value, count, formula, number, share, text
from profond.lecture.words import Words

SLIDE = np.array([[1, 1, 2, 4], [5, 6, 7, 8], [3, 2, 1, 0], [1, 2, 3, 4]], dtype=np.float64)
POOLED = np.array([[6, 8], [3, 4]], dtype=np.float64)
CELL = 52


@register_item("L6", try_it='profond pool --matrix "[[1,1,2,4],[5,6,7,8],[3,2,1,0],[1,2,3,4]]"', takes_image=True)
def pooling(options: Options) -> Outcome:
    """Max pooling, average pooling, overlapping windows."""
    image, name = photo(options)
    plane = grey_plane(smaller(image, 320)).astype(np.float64)
    options.say(f"L6  the slide's matrix, and {plane.shape[1]} × {plane.shape[0]} pixels")
    greatest, mean, overlapping = pool(SLIDE), pool(SLIDE, kind="average"), pool(SLIDE, stride=1)
    cases = [
        (values, kind, size, stride)
        for values in (SLIDE, plane)
        for kind in ("max", "average")
        for size, stride in ((2, 2), (2, 1), (3, 2), (3, 3))
    ]
    gap = max(float(np.abs(pool(v, z, s, kind=k).output - by_torch(v, k, z, s)).max()) for v, k, z, s in cases)
    sizes = [(plane, "image"), (pool(plane).output, "pooled_2"), (pool(plane, 4).output, "pooled_4")]
    weights = sum(p.numel() for layer in (torch.nn.MaxPool2d(2), torch.nn.AvgPool2d(2)) for p in layer.parameters())
    return Outcome(
        claims=[
            Claim("slide", bool(np.array_equal(greatest.output, POOLED)), {"output": _matrix(greatest.output)}),
            Claim("average", bool(np.array_equal(mean.output, _means(SLIDE))), {"output": _matrix(mean.output)}),
            Claim(
                "overlapping",
                overlapping.overlapping and bool(np.array_equal(overlapping.output, by_torch(SLIDE, "max", 2, 1))),
                {"output": _matrix(overlapping.output)},
            ),
            Claim("torch", gap < 1e-12 * 255, {"cases": count(len(cases)), "gap": number(gap, 1)}),
            Claim(
                "smaller",
                greatest.output.size * 4 == SLIDE.size and weights == 0,
                {
                    "before": count(SLIDE.size),
                    "after": count(greatest.output.size),
                    "kept": share(greatest.output.size / SLIDE.size, digits=0),
                    "weights": count(weights),
                },
            ),
        ],
        pictures=[
            Picture("slide", lambda words: draw_matrices([greatest, mean, overlapping], words)),
            Picture(
                "photo",
                lambda words: draw_photo(sizes, words),
            ),
        ],
        tables=[
            Table(
                "sizes",
                ("window", "stride", "input", "output", "formula"),
                [
                    [
                        text(f"{size} × {size}"),
                        count(stride),
                        formula(f"{result.rows.size}"),
                        formula(f"{result.rows.count}"),
                        formula(result.rows.formula()),
                    ]
                    for size, stride in ((2, 2), (2, 1), (3, 2), (3, 3))
                    for result in (pool(plane, size, stride),)
                ],
            )
        ],
        measured={
            "max": greatest.to_json(),
            "average": mean.to_json(),
            "overlapping": overlapping.to_json(),
            "largest_difference": gap,
        },
        used={
            "image": name,
            "size": formula(f"{plane.shape[1]} × {plane.shape[0]}"),
            "against": text(f"torch {torch.__version__}"),
        },
    )


def by_torch(plane: np.ndarray, kind: str, size: int, stride: int) -> np.ndarray:
    """The same by torch, in float64."""
    inputs = torch.tensor(plane)[None, None]
    pooled = F.max_pool2d(inputs, size, stride) if kind == "max" else F.avg_pool2d(inputs, size, stride)
    output: np.ndarray = pooled[0, 0].numpy()
    return output


def draw_matrices(results: list[PoolingResult], words: Words) -> Figure:
    """Each pooling of the slide's matrix; a window and its number have one colour."""
    sheet = Sheet(words("L6.drawing.slide"))
    for result, title in zip(results, ("max", "average", "overlapping"), strict=True):
        window_colours: dict[tuple[int, int], str] = {}
        pooled: dict[tuple[int, int], str] = {}
        if not result.overlapping:
            window_colours = _colours(result)
            pooled = {at: window_colours[result.winner(*at)] for at in np.ndindex(result.output.shape)}
        sheet.row(
            _numbers(result.input, window_colours, words, words(f"word.{title}")),
            text_panel("→"),
            _numbers(result.output, pooled, words),
            centred=True,
        )
    return sheet.figure()


def draw_photo(pictures: list[tuple[np.ndarray, str]], words: Words) -> Figure:
    """A picture and what max pooling leaves of it, in true proportion."""
    sheet = Sheet(words("L6.drawing.photo"))
    height, width = pictures[0][0].shape
    whole = fit(width, height, (360, 400))
    panels = []
    for values, title in pictures:
        part = values.shape[1] / width
        size = (whole[0] * part, whole[1] * part)
        picture = Image.fromarray(values.round().astype(np.uint8))

        def draw(axes: Axes, picture: Image.Image = picture, size: tuple[float, float] = size) -> None:
            show(axes, picture, size)

        panels.append(Panel(*size, draw, words(f"word.{title}"), f"{values.shape[1]} × {values.shape[0]}"))
    sheet.row(*panels)
    return sheet.figure()


def _numbers(values: np.ndarray, colours: dict[tuple[int, int], str], words: Words, title: str = "") -> Panel:
    def draw(axes: Axes) -> None:
        grid(axes, values, fill=lambda y, x: colours.get((y, x), "#ffffff"))
        for written in axes.texts:
            written.set_text(words.numbers_in(written.get_text()))

    return Panel(CELL * values.shape[1], CELL * values.shape[0], draw, title)


def _colours(result: PoolingResult) -> dict[tuple[int, int], str]:
    return {
        position: tint(COLOURS[index], 0.45)
        for index, (y, x) in enumerate(np.ndindex(result.output.shape))
        for position in result.window(y, x)
    }


def _means(values: np.ndarray) -> np.ndarray:
    """The mean of each 2×2 square, by hand."""
    squares: np.ndarray = (values[::2, ::2] + values[::2, 1::2] + values[1::2, ::2] + values[1::2, 1::2]) / 4
    return squares


def _matrix(values: np.ndarray) -> Value:
    return formula(f"[{' '.join('[' + ' '.join(f'{value:g}' for value in row) + ']' for row in values.tolist())}]")
