"""Pictures of how numbers were estimated: estimate against truth, residuals, and the samples that were worst."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from profond.core.lettering import lettered
from profond.measures.samples_figure import FAINT, INK, WRONG, draw_sample
from profond.measures.values import Estimates

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import Tensor

_DOT = "#4c78a8"


def residuals(found: Estimates, title: str = "") -> Figure:
    """For each quantity: the estimates against the true numbers, and how much too high they were."""
    from matplotlib.figure import Figure  # a third of a second that `--help` should not pay

    count = len(found.quantities)
    figure = Figure(figsize=(9.2, 4.2 * count + 0.4), facecolor="white")
    panels = figure.subplots(count, 2, squeeze=False)
    dots: dict[str, Any] = {
        "s": 14 if len(found) < 500 else 6,
        "alpha": min(0.8, max(0.15, 200 / len(found))),
        "color": _DOT,
        "linewidths": 0,
    }
    for number, quantity in enumerate(found.quantities):
        true, said = found.true[:, number], found.said[:, number]
        unit = f" ({quantity.unit})" if quantity.unit else ""
        against, around = panels[number]
        ends = [float(min(true.min(), said.min())), float(max(true.max(), said.max()))]
        against.plot(ends, ends, "--", color=FAINT, linewidth=1, label="estimate = truth")
        against.axhline(
            float(found.constant[number]), color=WRONG, linewidth=0.8, linestyle=":", label="always the mean"
        )
        against.scatter(true, said, **dots)
        against.set_xlabel(f"true {quantity.name}{unit}", parse_math=False)
        against.set_ylabel(f"estimate{unit}", parse_math=False)
        against.legend(loc="upper left", frameon=False, fontsize=8)
        around.axhline(0, color=FAINT, linewidth=1, linestyle="--")
        around.scatter(said, said - true, **dots)
        around.set_xlabel(f"estimate{unit}", parse_math=False)
        around.set_ylabel(f"estimate - truth{unit}", parse_math=False)
    heading = f"{len(found):,} samples"
    figure.suptitle(f"{title}: {heading}" if title else heading, x=0.02, ha="left", fontsize=11, parse_math=False)
    lettered(figure).tight_layout()
    return figure


def worst(
    found: Estimates, raw: Callable[[int], Tensor], title: str = "", *, rows: int = 3, columns: int = 6
) -> Figure:
    """The samples whose estimates were farthest from the truth, as they are in the data.

    Args:
        raw: gives sample i of the split before normalisation: image (c, h, w), signal (c, t) or clip (c, t, h, w).
    """
    from matplotlib.figure import Figure

    order = np.argsort(-found.distances, kind="stable")[: rows * columns]
    columns = min(columns, len(order))
    rows = -(-len(order) // columns)
    of = found.quantities
    tall = 1.45 + 0.17 * 2 * len(of) + 0.15
    figure = Figure(figsize=(max(1.5 * columns, 5.0), tall * rows + 0.6), facecolor="white")
    width, height = figure.get_size_inches()
    axes = figure.add_axes((0, 0, 1, 1 - 0.6 / height))
    axes.set(xlim=(0, width), ylim=(tall * rows, 0))
    axes.set_axis_off()
    across = width / columns
    for place, index in enumerate(order.tolist()):
        x, y = (place % columns + 0.5) * across, (place // columns) * tall
        draw_sample(axes, raw(index).cpu().numpy(), x, y, 1.3)
        text: dict[str, Any] = {"ha": "center", "va": "baseline", "fontsize": 9, "parse_math": False}
        for number, quantity in enumerate(of):
            name = "" if len(of) == 1 else f"{quantity.name} "
            line = y + 1.45 + 0.34 * number
            axes.text(x, line, f"{name}true {found.true[index, number]:.4g}", color=INK, **text)
            axes.text(x, line + 0.17, f"said {found.said[index, number]:.4g}", color=WRONG, **text)
    shown = f"the {len(order)} of {len(found):,} samples that were farthest off"
    unit = f", in {of[0].unit}" if len(of) == 1 and of[0].unit else ""
    heading = f"{title}\n{shown}{unit}" if title else f"{shown}{unit}"
    figure.text(0.12 / width, 1 - 0.1 / height, heading, va="top", fontsize=11, parse_math=False)
    return lettered(figure)
