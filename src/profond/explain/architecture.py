"""A model drawn: its layers as blocks in reading order, with their shapes, and where its parameters are."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Polygon, Rectangle

from profond.explain.drawing import COLOURS, DOTS, FAINT, FONT, INK, MUTED, PAPER, text_width, tint
from profond.explain.summary import Layer, Summary

MOST_BLOCKS, BLOCKS_A_ROW, LONGEST = 40, 10, 20
MARGIN, GAP, TALLEST, DEEPEST = 40, 30, 130, 46
HEAD, LABELS, BAR = 88, 88, 40
FAMILIES = {"input": "#9aa5b1", "convolution": COLOURS[1], "pooling": COLOURS[2], "dense": COLOURS[0]}
FAMILIES |= {"recurrent": COLOURS[3], "other": "#c3ccd5"}


@dataclass(frozen=True)
class Block:
    """One block: a layer, or several that stand together in a large model."""

    name: str
    kind: str
    family: str
    shape: tuple[int, ...]
    parameters: int


def draw(summary: Summary) -> Figure:
    """The picture of a summary: width and depth of a block grow with its shape; the bars share out the parameters."""
    blocks = [Block("input", "", "input", summary.input_shape, 0), *collapsed(summary)]
    count = math.ceil(len(blocks) / math.ceil(len(blocks) / BLOCKS_A_ROW))
    rows = [blocks[first : first + count] for first in range(0, len(blocks), count)]
    largest = max((max(block.shape[1:]) for block in blocks if len(block.shape) > 1), default=1)
    widest = max(math.prod(block.shape[:1]) for block in blocks)
    most = max(1, *(block.parameters for block in blocks))
    heights = [
        max(solid(block, largest, widest)[1] + solid(block, largest, widest)[2] for block in row) for row in rows
    ]
    inner = max(sum(slot(block, largest, widest) for block in row) + GAP * (len(row) - 1) for row in rows)
    width = max(inner, text_width(sums(summary), 13), 560) + 2 * MARGIN
    total = HEAD + sum(height + LABELS + BAR + 24 for height in heights) + 8
    figure = Figure(figsize=(width / DOTS, total / DOTS), dpi=DOTS, facecolor=PAPER)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set(xlim=(0, width), ylim=(total, 0))
    heading(axes, summary, [block.family for block in blocks], width)
    floor: float = HEAD
    for row, height in zip(rows, heights, strict=True):
        floor += height
        x, edge, end = float(MARGIN), 0.0, 0.0
        for block in row:
            room = slot(block, largest, widest)
            face, tall, deep = solid(block, largest, widest)
            left = x + (room - face - deep) / 2
            if block is not row[0]:
                arrow(axes, (edge + left) / 2, floor - 8)
            cuboid(axes, block, left, floor, face, tall, deep)
            labels(axes, block, x + room / 2, floor + 24)
            share(axes, block.parameters / most, x + room / 2, floor + LABELS)
            edge = left + face + min(deep, 10)  # where its side is, as high as the arrow
            end = left + face + deep
            x += room + GAP
        if row is not rows[-1]:
            arrow(axes, end + 16, floor - 8)
        floor += LABELS + BAR + 24
    return figure


def collapsed(summary: Summary) -> list[Block]:
    """The layers that compute or change the shape; those of one part together where it is not a chain.

    In a large model, those of other parts stand together too.
    """
    blocks: list[Block] = []
    shape: tuple[int, ...] | None = None
    for layer in summary.layers:
        if layer.output_shape is None or "Pad" in layer.kind:  # padding belongs to what comes after it
            continue
        if layer.multiply_adds or (layer.output_shape != shape and layer.kind != "Flatten") or not blocks:
            blocks.append(Block(layer.name, layer.kind, family(layer), layer.output_shape, layer.parameters))
        elif layer.parameters:  # BatchNorm belongs to the convolution before it
            blocks[-1] = replace(blocks[-1], parameters=blocks[-1].parameters + layer.parameters)
        shape = layer.output_shape
    depth = max((block.name.count(".") + 1 for block in blocks), default=1)
    grouped = grouped_at(blocks, depth, summary)
    while len(grouped) > MOST_BLOCKS and depth > 1:
        depth -= 1
        grouped = grouped_at(blocks, depth, summary)
    return [replace(block, name=name) for block, name in zip(grouped, short([b.name for b in grouped]), strict=True)]


def short(names: Sequence[str]) -> list[str]:
    """Without the last part of a name where the part before it says as much: ``conv1`` of ``conv1.convolution``."""
    parents = [name.rpartition(".")[0] for name in names]
    within = {parent: sum(name.startswith(f"{parent}.") for name in names) for parent in parents}
    return [
        parent if parent and within[parent] == 1 and parent not in names else name
        for name, parent in zip(names, parents, strict=True)
    ]


def grouped_at(blocks: Sequence[Block], depth: int, summary: Summary) -> list[Block]:
    groups: dict[str, list[Block]] = {}
    for block in blocks:
        groups.setdefault(part(block.name, depth, summary.parallel), []).append(block)
    result = []
    for path, inside in groups.items():
        heaviest = max(inside, key=lambda block: block.parameters)
        kind = inside[0].kind if len(inside) == 1 else f"{len(inside)} layers"
        shape = summary.shapes.get(path, inside[-1].shape)
        result.append(Block(path, kind, heaviest.family, shape, sum(block.parameters for block in inside)))
    return result


def part(name: str, depth: int, parallel: Collection[str]) -> str:
    """The part of the model that a layer is drawn with: as deep as asked, but nothing within a parallel one."""
    paths = list(accumulate(name.split("."), "{}.{}".format))[:depth]
    return next((path for path in paths if path in parallel), paths[-1])


def family(layer: Layer) -> str:
    kind = layer.kind.lower()
    for word, name in (("conv", "convolution"), ("pool", "pooling"), ("subsampling", "pooling"), ("linear", "dense")):
        if word in kind:
            return name
    return "recurrent" if any(word in kind for word in ("lstm", "gru", "rnn")) else "other"


def solid(block: Block, largest: int, widest: int) -> tuple[float, float, float]:
    """Width and height of the front, and depth, in pixels; square roots, so that 224 and 7 both fit."""
    if len(block.shape) < 2:
        return 14, 20 + (TALLEST - 20) * math.sqrt(math.prod(block.shape) / max(widest, math.prod(block.shape))), 0
    channels, *sides = block.shape
    deep = 4 + (DEEPEST - 4) * math.log2(1 + channels) / math.log2(1 + widest)
    lengths = [10 + (TALLEST - 10) * math.sqrt(side / largest) for side in sides[-2:]]
    return (lengths[0], 16, deep) if len(lengths) == 1 else (lengths[1], lengths[0], deep)


def slot(block: Block, largest: int, widest: int) -> float:
    face, _, deep = solid(block, largest, widest)
    words = (clipped(block.name), block.kind, shape_text(block.shape), f"{block.parameters:,}")
    return max(face + deep, *(text_width(word, 12, "bold") for word in words))


def cuboid(axes: Axes, block: Block, left: float, floor: float, face: float, tall: float, deep: float) -> None:
    colour = FAMILIES[block.family]
    back = deep * 0.8
    edge: dict[str, Any] = {"edgecolor": INK, "linewidth": 0.8, "joinstyle": "round"}
    top, right = floor - tall, left + face
    if deep:
        lid = [(left, top), (left + deep, top - back), (right + deep, top - back), (right, top)]
        side = [(right, top), (right + deep, top - back), (right + deep, floor - back), (right, floor)]
        axes.add_patch(Polygon(lid, facecolor=tint(colour, 0.35), **edge))
        axes.add_patch(Polygon(side, facecolor=tint(colour, 1.0), **edge))
    axes.add_patch(Rectangle((left, top), face, tall, facecolor=tint(colour, 0.6), **edge))


def labels(axes: Axes, block: Block, middle: float, top: float) -> None:
    write(axes, middle, top, clipped(block.name), INK, "bold")
    write(axes, middle, top + 18, block.kind, MUTED)
    write(axes, middle, top + 36, shape_text(block.shape), INK)
    if block.parameters:
        write(axes, middle, top + 54, f"{block.parameters:,}", MUTED)


def share(axes: Axes, part: float, middle: float, top: float) -> None:
    """A bar hanging below the labels."""
    if part:
        axes.plot([middle - 26, middle + 26], [top, top], color=FAINT, linewidth=0.8)
        axes.add_patch(Rectangle((middle - 14, top), 28, max(1.5, part * BAR), facecolor=MUTED, linewidth=0))


def arrow(axes: Axes, middle: float, y: float) -> None:
    style: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 9, "color": MUTED, "linewidth": 1}
    axes.add_patch(FancyArrowPatch((middle - 11, y), (middle + 11, y), shrinkA=0, shrinkB=0, zorder=4, **style))


def heading(axes: Axes, summary: Summary, families: Sequence[str], width: float) -> None:
    write(axes, MARGIN, 38, summary.model, INK, "bold", 20, "left")
    write(axes, MARGIN, 62, sums(summary), MUTED, "normal", 13, "left")
    x = width - MARGIN
    for name in [name for name in reversed(FAMILIES) if name in families and name != "input"]:
        x -= text_width(name, 12)
        write(axes, x, 36, name, MUTED, "normal", 12, "left")
        swatch: dict[str, Any] = {"edgecolor": INK, "linewidth": 0.6}
        axes.add_patch(Rectangle((x - 18, 25), 12, 12, facecolor=tint(FAMILIES[name], 0.6), **swatch))
        x -= 36


def sums(summary: Summary) -> str:
    counted = f"{summary.parameters:,} parameters, {summary.multiply_adds:,} multiply-adds a sample"
    return f"{counted}; the bars compare the parameters"


def write(
    axes: Axes,
    x: float,
    y: float,
    text: str,
    colour: str,
    weight: str = "normal",
    size: float = 12,
    side: str = "center",
) -> None:
    """One line of text; y is where its letters stand."""
    points = size * 72 / DOTS
    style: dict[str, Any] = {"fontsize": points, "color": colour, "weight": weight, "family": FONT}
    axes.text(x, y, text, ha=side, va="baseline", parse_math=False, **style)


def clipped(name: str) -> str:
    """The last parts of a name, as many as fit."""
    shown = name
    while len(shown) > LONGEST and "." in shown:
        shown = "…" + shown.lstrip("…").partition(".")[2]
    return shown if len(shown) <= LONGEST else "…" + shown[1 - LONGEST :]


def shape_text(shape: Sequence[int]) -> str:
    return "×".join(f"{side:,}" for side in shape)
