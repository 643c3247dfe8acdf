"""Pictures of a layer: its kernels, the maps that it makes of an image, and the images that it finds alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from profond.explain.draw.colour_scale import Scale
from profond.explain.draw.drawing import ACCENT, Panel, Sheet, fit, show
from profond.explain.draw.mosaic import Tile, mosaic, scale_bar, shown
from profond.explain.draw.numbers import write_number
from profond.explain.network.filters import Filters
from profond.explain.network.neighbours import Neighbours

MOST_FILTERS, MOST_INPUTS, MOST_MAPS = 64, 8, 48
_ROW = 12


def draw_filters(found: Filters, *, model: str, channels: str = "RGB") -> Figure:
    """Kernels as pictures: in colour where the layer sees an image's three colours, otherwise a plane for each input.

    Args:
        model: for the subtitle.
        channels: the order in which the model takes the colours.
    """
    values = found.values.astype(np.float64)
    outputs, inputs, *sides = values.shape
    if len(sides) > 2:  # a clip's: one after the other
        values = values.reshape(outputs, -1, *sides[-2:])
        inputs = values.shape[1]
    kernel = "×".join(map(str, sides))
    what = "units" if found.kind == "Linear" else "kernels"
    sheet = Sheet(f"{found.layer}: {outputs} {what} of {kernel}", f"{model} · {found.kind}")
    high = float(np.percentile(np.abs(values), 99.5)) or float(np.abs(values).max()) or 1.0
    if found.sees_input and inputs == 3:
        rgb = values[:, ::-1] if channels == "BGR" else values
        tiles = [Tile(_colours(one, high), (f"{index}",)) for index, one in enumerate(rgb[:MOST_FILTERS])]
        sheet.row(mosaic(tiles, _ROW, 76, note=_left_out(outputs, MOST_FILTERS, what)))
        sheet.text(
            f"Middle grey is zero; red, green and blue each run from −{write_number(high)} to {write_number(high)}:"
            " a red spot is a weight that looks for red."
        )
        return sheet.figure()
    scale = Scale(-high, high, True, "")
    if kernel == "1×1":
        table = scale.image(values[:, :, 0, 0].T)
        size = fit(*table.size, (720, 520))
        note = f"A column for each of the {outputs} outputs, a row for each of the {inputs} inputs."
        sheet.row(Panel(*size, lambda axes: show(axes, table, size), "", note, room=480))
    elif inputs == 1:
        tiles = [Tile(shown(one[0], scale), (f"{index}",)) for index, one in enumerate(values[:MOST_FILTERS])]
        sheet.row(mosaic(tiles, _ROW, 76, note=_left_out(outputs, MOST_FILTERS, what)))
    else:
        few, wide = min(outputs, MOST_FILTERS // 4), min(inputs, MOST_INPUTS)
        tiles = [
            Tile(shown(values[index, channel], scale), (f"{index} ← {channel}",))
            for index in range(few)
            for channel in range(wide)
        ]
        note = f"Each row is one kernel, each column the input map that it looks at ({outputs} × {inputs} in all)."
        sheet.row(mosaic(tiles, wide, 64, note=note))
    sheet.row(scale_bar(scale))
    extremes = f"the weights run from {write_number(values.min())} to {write_number(values.max())}"
    sheet.text(f"Orange weights add to the output where the input is high, blue ones take away; {extremes}.")
    return sheet.figure()


def draw_maps(maps: NDArray[np.float32], stage: str, image: Image.Image, *, name: str, model: str) -> Figure:
    """The maps of a stage on one scale, the strongest first where there are too many; a vector as a block of numbers.

    Args:
        maps: from ``feature_maps``: (d h w), (d t) or (d).
        image: what the network looked at.
    """
    values = maps.astype(np.float64)
    size = "×".join(map(str, maps.shape))
    sheet = Sheet(f"{stage}: {size}", f"{name} · {model}")
    image_size = fit(*image.size, (220, 220))
    network_input = Panel(*image_size, lambda axes: show(axes, image, image_size), "what the network sees")
    if values.ndim == 1:
        scale = _scale(values)
        block = shown(values, scale)
        big = fit(*block.size, (560, 420))
        active = int((values != 0).sum())
        note = f"{len(values)} numbers in reading order, {active} of them not zero"
        sheet.row(network_input, Panel(*big, lambda axes: show(axes, block, big), "its numbers", note))
        sheet.row(scale_bar(scale))
        return sheet.figure()
    if values.ndim > 3:  # a clip's: the middle frame
        values = values[:, values.shape[1] // 2]
    values = values[:, None] if values.ndim == 2 else values
    scale = _scale(values)
    strongest = np.argsort(-np.abs(values).max(axis=(1, 2)), kind="stable")
    chosen = np.sort(strongest[:MOST_MAPS]) if len(values) <= MOST_MAPS else strongest[:MOST_MAPS]
    tiles = [Tile(shown(values[index], scale), (f"map {index}",)) for index in chosen]
    side = 104 if len(chosen) > 12 else 150
    silent = int((np.abs(values).max(axis=(1, 2)) == 0).sum())
    note = "All on one scale." if len(values) <= MOST_MAPS else f"All on one scale; the {MOST_MAPS} strongest first."
    note += f" {silent} of {len(values)} maps are zero everywhere." if silent else ""
    sheet.row(network_input, Panel(260, 1, scale_bar(scale).draw, "", scale.note, below=60, room=360))
    sheet.row(mosaic(tiles, 8 if side == 104 else 6, side, note=note))
    return sheet.figure()


def draw_neighbours(
    found: Neighbours,
    images: Sequence[Image.Image],
    labels: Sequence[str],
    names: Sequence[str],
    image: Image.Image,
    *,
    predicted: str,
    alike: bool = True,
    name: str,
    model: str,
    stage: str,
) -> Figure:
    """The image, and the most similar ones of a data set with their targets.

    Args:
        images, labels, names: of the neighbours, in their order.
        predicted: what the network says of the image.
        alike: frame and count the neighbours whose label is what the network says.
        stage: where the images were compared.
    """
    same = sum(label == predicted for label in labels)
    sheet = Sheet(f"Most similar to {name}", f"{model} · compared at {stage}")
    image_size = fit(*image.size, (240, 240))
    one = Panel(*image_size, lambda axes: show(axes, image, image_size), "the image", f"the network says: {predicted}")
    tiles = [
        Tile(neighbour, (label, f"{distance:.3f}", where), ACCENT if alike and label == predicted else "")
        for neighbour, label, where, distance in zip(images, labels, names, found.distances, strict=True)
    ]
    note = f"{same} of {len(labels)} are {predicted} (framed). " if alike else ""
    note += "The number is 1 less the cosine of the angle between the features: 0 is the same direction."
    sheet.row(one, mosaic(tiles, 4, 132, note=note))
    return sheet.figure()


def _colours(kernel: NDArray[np.float64], high: float) -> Image.Image:
    levels = np.rint(np.clip(0.5 + kernel / (2 * high), 0, 1) * 255).astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(levels.transpose(1, 2, 0)))


def _scale(values: NDArray[np.float64]) -> Scale:
    """From black (zero) to white where nothing is below zero, otherwise in two colours; 0.1 % may lie beyond."""
    sizes = np.abs(values)
    high = float(np.percentile(sizes, 99.9)) or float(sizes.max()) or 1.0
    if values.min() >= 0:
        return Scale(
            0.0, high, False, f"black is 0, white {write_number(high)}; the greatest is {write_number(values.max())}"
        )
    span = f"{write_number(values.min())} to {write_number(values.max())}"
    note = f"blue is below zero, orange above, to ±{write_number(high)}; {span}"
    return Scale(-high, high, True, note)


def _left_out(count: int, most: int, what: str) -> str:
    return f"The first {most} of {count} {what}." if count > most else ""
