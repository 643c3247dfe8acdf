"""L5: convolution, padding, stride and feature maps, exact and explained."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from profond.core.errors import ConfigError
from profond.explain.draw.drawing import (
    ACCENT,
    Panel,
    Sheet,
    cell_size,
    fit,
    grid,
    outline,
    show,
    signed_tint,
    text_panel,
)
from profond.explain.steps.convolution import ConvolutionResult, convolve
from profond.explain.steps.kernels import KERNELS, Kernel
from profond.explain.steps.planes import grey_plane
from profond.lecture import register_item
from profond.lecture.outcome import Claim, Options, Outcome, Picture, Table
from profond.lecture.photo import photo, smaller
from profond.lecture.values import count, formula, number, text
from profond.lecture.words import Words

PADDINGS, STRIDES = (0, 1, 2), (1, 2, 3)
SHOWN = ("blur", "sharpen", "edge", "sobel_x", "sobel_y", "emboss")
ROUNDING = 1e-12  # of 256 levels, in float64; whole-number kernels must agree exactly


@register_item(
    "L5", try_it='profond conv photo.jpg --kernel "[[-1,0,1],[-2,0,2],[-1,0,1]]" --stride 2', takes_image=True
)
def convolution(options: Options) -> Outcome:
    """Convolution, padding, stride and feature maps."""
    image, name = photo(options)
    plane = grey_plane(smaller(image, 320)).astype(np.float64)
    options.say(
        f"L5  {len(KERNELS) * len(PADDINGS) * len(STRIDES)} convolutions of {plane.shape[1]} × {plane.shape[0]} pixels"
    )
    whole = fraction = 0.0
    sizes, cases, rows = 0, 0, []
    for kernel, padding, stride in itertools.product(KERNELS.values(), PADDINGS, STRIDES):
        mine, torchs = convolve(plane, kernel.values, padding, stride), by_torch(plane, kernel, padding, stride)
        cases += 1
        sizes += (mine.rows.count, mine.columns.count) == torchs.shape
        gap = float(np.abs(mine.output - torchs).max())
        if (kernel.values == kernel.values.round()).all():
            whole = max(whole, gap)
        else:
            fraction = max(fraction, gap / 255)
        if kernel.name in ("sobel_x", "gaussian5"):
            size, height = f"{kernel.values.shape[0]} × {kernel.values.shape[1]}", mine.rows
            output = f"{mine.output.shape[1]} × {mine.output.shape[0]}"
            rows.append([text(size), count(padding), count(stride), formula(output), formula(height.formula())])
    same = [convolve(plane, kernel.values, "same").output.shape == plane.shape for kernel in KERNELS.values()]
    refused = [(description, refusal) for description, refusal in impossible(plane)]
    one = explained(plane)
    pixel = one.at(one.output.shape[0] // 2, one.output.shape[1] // 2)
    maps = np.stack([convolve(plane, KERNELS[key].values, "same").output for key in SHOWN])
    at_once = layer_by_torch(plane, [KERNELS[key] for key in SHOWN])
    apart = float(np.abs(maps - at_once).max()) / 255 if maps.shape == at_once.shape else math.inf
    return Outcome(
        claims=[
            Claim(
                "exact",
                whole == 0 and fraction < ROUNDING,
                {"cases": count(cases), "whole": number(whole, 0), "fraction": number(fraction, 1)},
            ),
            Claim("size", sizes == cases, {"right": count(sizes), "cases": count(cases)}),
            Claim("same", all(same), {"right": count(sum(same)), "cases": count(len(same))}),
            Claim(
                "refused",
                all(refusal is not None for _, refusal in refused),
                {"refused": count(sum(refusal is not None for _, refusal in refused)), "cases": count(len(refused))},
            ),
            Claim(
                "pixel",
                float(pixel.products.sum()) == pixel.value,
                {"sum": formula(_plain(pixel.products.sum())), "value": formula(_plain(pixel.value))},
            ),
            Claim(
                "maps",
                maps.shape == at_once.shape and apart < ROUNDING,
                {
                    "filters": count(len(SHOWN)),
                    "shape": formula(" × ".join(map(str, at_once.shape))),
                    "gap": number(apart, 1),
                },
            ),
        ],
        pictures=[
            Picture("pixel", lambda words: draw_pixel(plane, one, words)),
            Picture("maps", lambda words: draw_maps(plane, words)),
        ],
        tables=[
            Table("sizes", ("kernel", "padding", "stride", "output", "formula"), rows),
            Table(
                "refused",
                ("asked", "answer"),
                [[text(description), text(refusal or "—")] for description, refusal in refused],
            ),
        ],
        measured={
            "cases": cases,
            "largest_difference_whole_kernels": whole,
            "largest_difference_fractional_kernels": fraction,
            "pixel": pixel.to_json(),
        },
        used={
            "image": name,
            "size": formula(f"{plane.shape[1]} × {plane.shape[0]}"),
            "against": text(f"torch {torch.__version__}"),
        },
    )


def by_torch(plane: np.ndarray, kernel: Kernel, padding: int, stride: int) -> np.ndarray:
    """The same by ``torch.nn.functional.conv2d`` in float64."""
    inputs, weights = (torch.tensor(np.ascontiguousarray(each))[None, None] for each in (plane, kernel.values))
    output: np.ndarray = F.conv2d(inputs, weights, stride=stride, padding=padding)[0, 0].numpy()
    return output


def layer_by_torch(plane: np.ndarray, kernels: Sequence[Kernel]) -> np.ndarray:
    """One layer of torch's with all kernels, each widened by zeros to the largest; as many maps as kernels."""
    side = max(max(kernel.values.shape) for kernel in kernels)
    weights = torch.zeros(len(kernels), 1, side, side, dtype=torch.float64)
    for widened, kernel in zip(weights, kernels, strict=True):
        top, left = ((side - size) // 2 for size in kernel.values.shape)
        height, width = kernel.values.shape
        widened[0, top : top + height, left : left + width] = torch.tensor(np.ascontiguousarray(kernel.values))
    output: np.ndarray = F.conv2d(torch.tensor(plane)[None, None], weights, padding="same")[0].numpy()
    return output


def impossible(plane: np.ndarray) -> list[tuple[str, str | None]]:
    """Settings that cannot work, and the words in which they are refused; None where one was not."""
    kernel, small = KERNELS["sobel_x"].values, plane[:5, :5]
    asked: list[tuple[str, Callable[[], ConvolutionResult]]] = [
        ("stride 0", partial(convolve, plane, kernel, stride=0)),
        ("stride −1", partial(convolve, plane, kernel, stride=-1)),
        ("padding −1", partial(convolve, plane, kernel, padding=-1)),
        ("7 × 7 kernel, 5 × 5 picture", partial(convolve, small, np.ones((7, 7)))),
        ("dilation 4, 5 × 5 picture", partial(convolve, small, kernel, dilation=4)),
        ("padding 'same', 2 × 2 kernel", partial(convolve, plane, np.ones((2, 2)), "same")),
    ]
    return [(description, _refusal(attempt)) for description, attempt in asked]


def explained(plane: np.ndarray) -> ConvolutionResult:
    """A small piece from the middle of the picture, convolved with Sobel's kernel: small enough to read."""
    rows, columns = (max(0, size // 2 - 4) for size in plane.shape)
    return convolve(plane[rows : rows + 8, columns : columns + 8], KERNELS["sobel_x"].values)


def draw_pixel(plane: np.ndarray, result: ConvolutionResult, words: Words) -> Figure:
    """One output pixel: where the kernel lies, and the products that are added."""
    row, column = result.output.shape[0] // 2, result.output.shape[1] // 2
    pixel = result.at(row, column)
    sheet = Sheet(words("L5.drawing.pixel"))
    cell = cell_size(result.input, result.output)
    height, width = result.input.shape

    def input_grid(axes: Axes) -> None:
        grid(axes, result.input, fill=lambda y, x: _grey(result.input[y, x]))
        outline(axes, pixel.columns[0], pixel.rows[0], pixel.kernel.shape[1], pixel.kernel.shape[0], ACCENT, 3)

    def output_grid(axes: Axes) -> None:
        most = float(np.abs(result.output).max())
        grid(axes, result.output, fill=lambda y, x: signed_tint(result.output[y, x], most))
        outline(axes, column, row, 1, 1, ACCENT, 3)

    sheet.row(
        Panel(cell * width, cell * height, input_grid, words("word.input")),
        text_panel("→"),
        Panel(cell * result.output.shape[1], cell * result.output.shape[0], output_grid, words("word.output")),
        centred=True,
    )
    most = float(np.abs(pixel.products).max())
    kernel_most = float(np.abs(pixel.kernel).max())
    side = max(cell, cell_size(pixel.products))

    def small(values: np.ndarray, title: str, fill: Callable[[float], str]) -> Panel:
        sizes = (side * values.shape[1], side * values.shape[0])
        return Panel(*sizes, lambda axes: grid(axes, values, fill=lambda y, x: fill(values[y, x])), title)

    total = np.array([[pixel.value]])
    sheet.row(
        small(pixel.patch, words("word.patch"), _grey),
        text_panel("×"),
        small(pixel.kernel, words("word.kernel"), lambda value: signed_tint(value, kernel_most)),
        text_panel("="),
        small(pixel.products, words("word.products"), lambda value: signed_tint(value, most)),
        text_panel("Σ ="),
        small(total, words("word.sum"), lambda value: signed_tint(value, abs(value))),
        gap=18,
        centred=True,
    )
    return sheet.figure()


def draw_maps(plane: np.ndarray, words: Words) -> Figure:
    """The picture and one feature map for each filter; mid-grey is zero where a filter measures differences."""
    sheet = Sheet(words("L5.drawing.maps"))
    size = fit(plane.shape[1], plane.shape[0], (230, 280))

    def panel(values: np.ndarray, title: str) -> Panel:
        picture = Image.fromarray(values.clip(0, 255).round().astype(np.uint8))
        return Panel(*size, lambda axes: show(axes, picture, size), title, room=230)

    panels = [panel(plane, words("word.image"))]
    for key in SHOWN:
        output = convolve(plane, KERNELS[key].values, "same").output
        if KERNELS[key].signed:
            output = 127.5 + output * 127.5 / max(1.0, float(np.quantile(np.abs(output), 0.995)))
        panels.append(panel(output, words(f"word.{key}")))
    sheet.row(*panels[:4])
    sheet.row(*panels[4:])
    return sheet.figure()


def _refusal(attempt: Callable[[], ConvolutionResult]) -> str | None:
    try:
        attempt()
    except ConfigError as error:
        return str(error).replace("\nhelp: ", " — ")
    return None


def _grey(level: float) -> str:
    shade = round(min(255.0, max(0.0, level)))
    return f"#{shade:02x}{shade:02x}{shade:02x}"


def _plain(value: float) -> str:
    return f"{float(value):g}"
