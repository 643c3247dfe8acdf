"""Pictures of how numbers were estimated: estimate against truth, residuals, and the samples that were worst."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from profond.core.lettering import lettered
from profond.measures.samples_figure import FAINT, INK, WRONG, samples_sheet
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
    order = np.argsort(-found.distances, kind="stable")[: rows * columns].tolist()
    of = found.quantities
    captions = []
    for index in order:
        lines = []
        for number, quantity in enumerate(of):
            name = "" if len(of) == 1 else f"{quantity.name} "
            lines.append((f"{name}true {found.true[index, number]:.4g}", INK))
            lines.append((f"said {found.said[index, number]:.4g}", WRONG))
        captions.append(lines)
    shown = f"the {len(order)} of {len(found):,} samples that were farthest off"
    unit = f", in {of[0].unit}" if len(of) == 1 and of[0].unit else ""
    heading = f"{title}\n{shown}{unit}" if title else f"{shown}{unit}"
    return samples_sheet([raw(index).cpu().numpy() for index in order], captions, heading, columns=columns)
