"""A model drawn: its layers as blocks in reading order, with their shapes, and where its parameters are."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Polygon, Rectangle

from profond.core.lettering import FONT, lettered, text_width
from profond.explain.draw.drawing import COLOURS, DOTS, FAINT, INK, MUTED, PAPER, broken, tint
from profond.explain.network.summary import Layer, Summary

MOST_BLOCKS, BLOCKS_A_ROW, LONGEST = 40, 10, 20
MARGIN, GAP, TALLEST, DEEPEST = 40, 30, 130, 46
HEAD, LABELS, BAR = 88, 88, 40
FAMILIES = {"input": "#9aa5b1", "convolution": COLOURS[1], "pooling": COLOURS[2], "dense": COLOURS[0]}
FAMILIES |= {"recurrent": COLOURS[3], "other": "#c3ccd5"}


WORDS = {
    **{family: family for family in FAMILIES},
    "together": "{layers} layers",
    "sums": "{parameters} parameters, {multiply_adds} multiply-adds a sample; the bars compare the parameters",
    "uncalled": "{parameters} of them in layers that prediction does not call, not drawn here",
}


@dataclass(frozen=True)
class Writing:
    """The words on a picture, and how whole numbers are written there.

    Args:
        words: those of ``WORDS`` in another language.
    """

    words: Mapping[str, str] = field(default_factory=lambda: WORDS)
    number: Callable[[int], str] = "{:,}".format

    def __call__(self, key: str, **numbers: int) -> str:
        return self.words[key].format(**{name: self.number(one) for name, one in numbers.items()})


@dataclass(frozen=True)
class Block:
    """One block: a layer, or several that stand together in a large model."""

    name: str
    kind: str
    family: str
    shape: tuple[int, ...]
    parameters: int


ENGLISH = Writing()


def draw(summary: Summary, writing: Writing = ENGLISH, *, room: float = math.inf) -> Figure:
    """The picture of a summary: width and depth of a block grow with its shape; the bars share out the parameters.

    Args:
        writing: its words and numbers.
        room: pixels that the picture may be wide, where its blocks can be put so.
    """
    start = Block(writing("input"), "", "input", summary.input_shape, 0)
    blocks = [start, *collapsed(summary, writing)]
    largest = max((max(block.shape[1:]) for block in blocks if len(block.shape) > 1), default=1)
    widest = max(math.prod(block.shape[:1]) for block in blocks)
    most = max(1, *(block.parameters for block in blocks))
    rows, inner = in_rows(blocks, [slot(block, largest, widest, writing) for block in blocks], room - 2 * MARGIN)
    heights = [
        max(solid(block, largest, widest)[1] + solid(block, largest, widest)[2] for block in row) for row in rows
    ]
    sentences = sums(summary, writing)
    inner = max(inner, min(room - 2 * MARGIN, *(text_width(line, 13) + 1 for line in sentences)), 560)
    sentences = [line for sentence in sentences for line in broken(sentence, inner, 13)]
    width, head = inner + 2 * MARGIN, HEAD + 20 * (len(sentences) - 1)
    total = head + sum(height + LABELS + BAR + 24 for height in heights) + 8
    figure = Figure(figsize=(width / DOTS, total / DOTS), dpi=DOTS, facecolor=PAPER)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set(xlim=(0, width), ylim=(total, 0))
    heading(axes, summary.model, sentences, [block.family for block in blocks], width, writing)
    floor: float = head
    for row, height in zip(rows, heights, strict=True):
        floor += height
        x, edge = float(MARGIN), 0.0
        for block in row:
            room_here = slot(block, largest, widest, writing)
            face, tall, deep = solid(block, largest, widest)
            left = x + (room_here - face - deep) / 2
            if block is not row[0]:
                arrow(axes, (edge + left) / 2, floor - 8)
            elif row is not rows[0]:  # from the row above
                arrow(axes, left - 16, floor - 8)
            cuboid(axes, block, left, floor, face, tall, deep)
            labels(axes, block, x + room_here / 2, floor + 24, writing)
            share(axes, block.parameters / most, x + room_here / 2, floor + LABELS)
            edge = left + face + min(deep, 10)  # where its side is, as high as the arrow
            x += room_here + GAP
        floor += LABELS + BAR + 24
    return lettered(figure)


def in_rows(blocks: Sequence[Block], slots: Sequence[float], room: float) -> tuple[list[list[Block]], float]:
    """Rows of about as many blocks each, as few as fit, and the width of the widest."""
    for most in range(BLOCKS_A_ROW, 0, -1):
        count = math.ceil(len(blocks) / math.ceil(len(blocks) / most))
        starts = range(0, len(blocks), count)
        width = max(sum(part) + GAP * (len(part) - 1) for part in (slots[first : first + count] for first in starts))
        if width <= room:
            break
    return [list(blocks[first : first + count]) for first in starts], width


def collapsed(summary: Summary, writing: Writing = ENGLISH) -> list[Block]:
    """The layers that compute or change the shape; those of one part together where it is not a chain.

    In a large model, those of other parts stand together too.
    """
    blocks: list[Block] = []
    shape: tuple[int, ...] | None = None
    waiting: list[Layer] = []  # what has parameters and is no block: BatchNorm
    for layer in summary.layers:
        if layer.output_shape is None:
            continue
        if "Pad" in layer.kind and not (layer.multiply_adds or layer.parameters):  # it belongs to what comes after it
            continue
        if layer.multiply_adds or (layer.output_shape != shape and layer.kind != "Flatten") or not blocks:
            mine = layer.parameters
            for one in waiting:  # BatchNorm belongs to the layer before it, unless it stands closer to the one after
                if near(one.name, layer.name) > near(one.name, blocks[-1].name):
                    mine += one.parameters
                else:
                    blocks[-1] = replace(blocks[-1], parameters=blocks[-1].parameters + one.parameters)
            waiting = []
            blocks.append(Block(layer.name, layer.kind, family(layer), layer.output_shape, mine))
        elif layer.parameters:
            waiting.append(layer)
        shape = layer.output_shape
    if waiting:
        rest = sum(one.parameters for one in waiting)
        blocks[-1] = replace(blocks[-1], parameters=blocks[-1].parameters + rest)
    depth = max((block.name.count(".") + 1 for block in blocks), default=1)
    grouped = grouped_at(blocks, depth, summary, writing)
    while len(grouped) > MOST_BLOCKS and depth > 1:
        depth -= 1
        grouped = grouped_at(blocks, depth, summary, writing)
    return short(grouped, summary)


def short(blocks: Sequence[Block], summary: Summary) -> list[Block]:
    """Without the last part of a name where the part before it says as much: ``conv1`` of ``conv1.convolution``.

    NOTE not where the part before it puts out another shape, as one does that joins or reorders what the layer gave.
    """
    names = [block.name for block in blocks]
    parents = [name.rpartition(".")[0] for name in names]
    within = {parent: sum(name.startswith(f"{parent}.") for name in names) for parent in parents}
    return [
        replace(block, name=parent)
        if parent and within[parent] == 1 and parent not in names and put_out(parent, summary) in (block.shape, None)
        else block
        for block, parent in zip(blocks, parents, strict=True)
    ]


def put_out(path: str, summary: Summary) -> tuple[int, ...] | None:
    """The shape that a part of the model gives: its own, or that of its last part where it is only a list of parts.

    None where nothing of it gives a tensor.
    """
    if path in summary.shapes:
        return summary.shapes[path]
    return next((shape for name, shape in reversed(summary.shapes.items()) if name.startswith(f"{path}.")), None)


def grouped_at(blocks: Sequence[Block], depth: int, summary: Summary, writing: Writing) -> list[Block]:
    groups: dict[str, list[Block]] = {}
    for block in blocks:
        groups.setdefault(part(block.name, depth, summary.parallel), []).append(block)
    result = []
    for path, inside in groups.items():
        heaviest = max(inside, key=lambda block: block.parameters)
        kind = inside[0].kind if len(inside) == 1 else writing("together", layers=len(inside))
        shape = put_out(path, summary)
        shape = inside[-1].shape if shape is None else shape
        result.append(Block(path, kind, heaviest.family, shape, sum(block.parameters for block in inside)))
    return result


def near(one: str, other: str) -> int:
    """How many parts of the model both layers are in."""
    shared = 0
    for left, right in zip(one.split("."), other.split("."), strict=False):
        if left != right:
            break
        shared += 1
    return shared


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


def slot(block: Block, largest: int, widest: int, writing: Writing) -> float:
    face, _, deep = solid(block, largest, widest)
    words = (clipped(block.name), block.kind, shape_text(block.shape, writing), writing.number(block.parameters))
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


def labels(axes: Axes, block: Block, middle: float, top: float, writing: Writing) -> None:
    write(axes, middle, top, clipped(block.name), INK, "bold")
    write(axes, middle, top + 18, block.kind, MUTED)
    write(axes, middle, top + 36, shape_text(block.shape, writing), INK)
    if block.parameters:
        write(axes, middle, top + 54, writing.number(block.parameters), MUTED)


def share(axes: Axes, part: float, middle: float, top: float) -> None:
    """A bar hanging below the labels."""
    if part:
        axes.plot([middle - 26, middle + 26], [top, top], color=FAINT, linewidth=0.8)
        axes.add_patch(Rectangle((middle - 14, top), 28, max(1.5, part * BAR), facecolor=MUTED, linewidth=0))


def arrow(axes: Axes, middle: float, y: float) -> None:
    style: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 9, "color": MUTED, "linewidth": 1}
    axes.add_patch(FancyArrowPatch((middle - 11, y), (middle + 11, y), shrinkA=0, shrinkB=0, zorder=4, **style))


def heading(
    axes: Axes, model: str, sentences: Sequence[str], families: Sequence[str], width: float, writing: Writing
) -> None:
    write(axes, MARGIN, 38, model, INK, "bold", 20, "left")
    for number, line in enumerate(sentences):
        write(axes, MARGIN, 62 + 20 * number, line, MUTED, "normal", 13, "left")
    x = width - MARGIN
    for name in [name for name in reversed(FAMILIES) if name in families and name != "input"]:
        x -= text_width(writing(name), 12)
        write(axes, x, 36, writing(name), MUTED, "normal", 12, "left")
        swatch: dict[str, Any] = {"edgecolor": INK, "linewidth": 0.6}
        axes.add_patch(Rectangle((x - 18, 25), 12, 12, facecolor=tint(FAMILIES[name], 0.6), **swatch))
        x -= 36


def sums(summary: Summary, writing: Writing) -> list[str]:
    uncalled = sum(layer.parameters for layer in summary.layers if layer.output_shape is None)
    counted = writing("sums", parameters=summary.parameters, multiply_adds=summary.multiply_adds)
    return [counted, *([writing("uncalled", parameters=uncalled)] if uncalled else [])]


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


def shape_text(shape: Sequence[int], writing: Writing) -> str:
    return "×".join(map(writing.number, shape))
