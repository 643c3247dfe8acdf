"""L2: how many parameters an MLP has, on small digits and on large photographs."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from profond.core.lettering import FONT
from profond.explain.draw.drawing import COLOURS, DOTS, FAINT, INK, MUTED, PAPER
from profond.explain.network.summary import Summary, summarise
from profond.lecture import register_item
from profond.lecture.outcome import Claim, Options, Outcome, Picture, Table
from profond.lecture.values import count, formula, number, text, word
from profond.lecture.words import Words
from profond.models import create

Shape = tuple[int, ...]
SMALL: Shape = (1, 28, 28)
LARGE: Shape = (3, 224, 224)
STATED = {SMALL: 669_706, LARGE: 77_338_634}
NETWORKS = ("mlp", "lenet5", "convnet2d")


@register_item("L2", try_it="profond params mlp --input 3x224x224")
def parameters(options: Options) -> Outcome:
    """Parameters of an MLP, layer by layer."""
    options.say("L2  counting the parameters of 3 networks at 2 input sizes")
    counted = {(name, shape): account(name, shape) for name in NETWORKS for shape in STATED}
    mlp = {shape: counted["mlp", shape] for shape in STATED}
    factors = {name: counted[name, LARGE].parameters / counted[name, SMALL].parameters for name in NETWORKS}
    rows = [layer for one in mlp.values() for layer in one.layers if layer.formula]
    right = sum(value_of_formula(layer.formula) == layer.parameters for layer in rows)
    return Outcome(
        claims=[
            *(
                Claim(
                    name,
                    mlp[shape].parameters == STATED[shape],
                    {"counted": count(mlp[shape].parameters), "stated": count(STATED[shape])},
                )
                for name, shape in (("small", SMALL), ("large", LARGE))
            ),
            Claim("formulas", right == len(rows), {"right": count(right), "rows": count(len(rows))}),
            Claim(
                "first",
                mlp[LARGE].parameters - mlp[SMALL].parameters == first_layer(mlp[LARGE]) - first_layer(mlp[SMALL]),
                {
                    "factor": number(factors["mlp"], 0),
                    "first": number(100 * first_layer(mlp[LARGE]) / mlp[LARGE].parameters, 1),
                },
            ),
            Claim("convolution", factors["convnet2d"] < 1.1, {"factor": number(factors["convnet2d"], 2)}),
        ],
        pictures=[Picture("growth", lambda words: draw(counted, words))],
        tables=[
            *(
                Table(
                    name,
                    ("layer", "output", "formula", "parameters"),
                    [
                        *(
                            [
                                text(f"{layer.name} ({layer.kind})"),
                                formula(sides(layer.output_shape or ())),
                                formula(layer.formula or "—"),
                                count(layer.parameters),
                            ]
                            for layer in mlp[shape].layers
                        ),
                        [word("total"), text(""), text(""), count(mlp[shape].parameters)],
                    ],
                )
                for name, shape in (("small", SMALL), ("large", LARGE))
            ),
            Table(
                "growth",
                ("network", "on_small", "on_large", "factor"),
                [
                    [
                        word(name),
                        count(counted[name, SMALL].parameters),
                        count(counted[name, LARGE].parameters),
                        number(factors[name], 2),
                    ]
                    for name in NETWORKS
                ],
            ),
        ],
        measured={
            f"{name} {sides(shape)}": {"parameters": one.parameters, "multiply_adds": one.multiply_adds}
            for (name, shape), one in counted.items()
        },
    )


def account(name: str, shape: tuple[int, ...]) -> Summary:
    """A registered model's layers; on the meta device, so that 77 million numbers take no memory."""
    with torch.device("meta"):
        model = create(name, None, input_shape=shape, num_classes=10)
    return summarise(model, shape, name=name)


def value_of_formula(written: str) -> int:
    """What a formula such as ``784·512 + 512`` comes to."""
    terms = written.replace(",", "").split(" + ")
    return sum(math.prod(int(factor) for factor in term.split("·")) for term in terms)


def first_layer(summary: Summary) -> int:
    return next(layer.parameters for layer in summary.layers if layer.parameters)


def sides(shape: Sequence[int]) -> str:
    return " × ".join(str(side) for side in shape)


def draw(counted: dict[tuple[str, tuple[int, ...]], Summary], words: Words) -> Figure:
    """Parameters of each network at both sizes, on a logarithmic axis."""
    figure = Figure(figsize=(8.6, 3.3), dpi=DOTS, facecolor=PAPER)
    axes = figure.add_axes((0.2, 0.13, 0.62, 0.68))
    for index, name in enumerate(NETWORKS):
        small, large = (counted[name, shape].parameters for shape in (SMALL, LARGE))
        axes.plot((small, large), (index, index), color=FAINT, linewidth=3, zorder=1)
        axes.scatter([small], [index], s=64, color=COLOURS[4], marker="o", zorder=2)
        axes.scatter([large], [index], s=64, color=COLOURS[6], marker="D", zorder=2)
        for value, colour, offset in ((small, COLOURS[4], -15), (large, COLOURS[6], 15)):
            axes.annotate(
                words.number(value, 0),
                (value, index),
                (0, offset),
                textcoords="offset points",
                ha="center",
                va="center",
                color=colour,
                family=FONT,
                fontsize=9.5,
            )
    axes.set_xscale("log")
    axes.set(xlim=(1e4, 2e8), ylim=(len(NETWORKS) - 0.5, -0.5))
    axes.set_yticks(range(len(NETWORKS)), [words(f"word.{name}") for name in NETWORKS])
    axes.set_xticks([1e4, 1e5, 1e6, 1e7, 1e8])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: words.number(value, 0)))
    axes.minorticks_off()
    axes.grid(axis="x", color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelsize=9, labelcolor=MUTED, labelfontfamily=FONT)
    axes.tick_params(axis="y", labelsize=10.5, labelcolor=INK)
    for spine in axes.spines.values():
        spine.set_visible(False)
    figure.text(0.03, 0.955, words("L2.drawing"), va="top", color=INK, weight="bold", family=FONT, fontsize=13)
    figure.text(0.03, 0.86, "● " + words("word.on_small"), va="top", color=COLOURS[4], family=FONT, fontsize=10)
    figure.text(0.28, 0.86, "◆ " + words("word.on_large"), va="top", color=COLOURS[6], family=FONT, fontsize=10)
    return figure
