"""Pictures of a generator's samples: beside real ones, beside what they are nearest to, and by class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from profond.core.lettering import class_names, lettered, text_width
from profond.measures.measured import Measured
from profond.measures.samples_figure import FAINT, INK, WRONG, across, annotate, blank, samples_sheet

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Pictures = NDArray[np.uint8]
REAL, MADE = "#8a93a3", "#1f5fbf"


def side_by_side(real: Sequence[Pictures], made: Sequence[Pictures], names: Sequence[str], title: str = "") -> Figure:
    """Rows of real pictures at the left, and of samples at the right; a row has a name where it is of one class.

    Args:
        real, made: rows, each uint8 (n, c, h, w).
        names: of the rows, or none.
    """
    shown, note = class_names(tuple(names)) if names else ((), "")
    columns, (tall, wide) = max(map(len, real)), real[0].shape[-2:]
    cell = min(0.62, 4.8 / columns)
    high, left = (
        cell * tall / wide,
        (0.2 + 1.05 * max(text_width(name, 9) for name in shown) / 72) if names else 0.1,
    )
    body, gap, head, foot = columns * cell, 0.3, 0.62, 0.1 + (0.3 if note else 0)
    width, height = max(left + 2 * body + gap + 0.1, across(title)), len(real) * high + head + foot
    figure = blank(width, height)
    for number, (rows, heading) in enumerate(((real, "real"), (made, "samples"))):
        x = left + number * (body + gap)
        axes = figure.add_axes((x / width, foot / height, body / width, len(real) * high / height))
        _draw_pictures(axes, mosaic(rows, columns))
        axes.set_title(heading, loc="left", fontsize=10, color=INK, pad=3)
    for row, name in enumerate(shown):
        y = foot + (len(real) - row - 0.5) * high
        figure.text((left - 0.1) / width, y / height, name, ha="right", va="center", fontsize=9, parse_math=False)
    figure.text(0.1 / width, 1 - 0.08 / height, title, va="top", fontsize=11, parse_math=False)
    annotate(figure, note)
    return lettered(figure)


def mosaic(rows: Sequence[Pictures], columns: int, gap: int = 1) -> Pictures:
    """Pictures in a grid, (h, w, 3); white where there is none."""
    tall, wide = rows[0].shape[-2:]
    sheet = np.full((len(rows) * (tall + gap) - gap, columns * (wide + gap) - gap, 3), 255, np.uint8)
    for i, row in enumerate(rows):
        for j, picture in enumerate(row):
            y, x = i * (tall + gap), j * (wide + gap)
            sheet[y : y + tall, x : x + wide] = picture.transpose(1, 2, 0)
    return sheet


def points_figure(real: NDArray[Any], made: NDArray[Any], title: str = "") -> Figure:
    """Real points and samples in one picture; of more than two coordinates the first two."""
    figure = blank(max(5.0, across(title)), 5.2)
    axes = figure.subplots()
    for points, colour, name in ((real, REAL, "real"), (made, MADE, "samples")):
        axes.scatter(points[:, 0], points[:, -1 if points.shape[1] == 1 else 1], s=6, c=colour, alpha=0.5, label=name)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_title(title, loc="left", fontsize=11, parse_math=False)
    axes.legend(frameon=False, fontsize=9, loc="upper right")
    lettered(figure).tight_layout()
    return figure


def nearest_figure(
    made: Pictures, nearest: Pictures, apart: Sequence[float], flagged: Sequence[bool], title: str = ""
) -> Figure:
    """Each sample, and at its right the training picture that is nearest to it.

    Args:
        made, nearest: uint8 (n, c, h, w).
        apart: how far they are from each other, relative to the sample's next training pictures.
        flagged: whether that is nearer than held-out pictures are.
    """
    gap = np.full((*made.shape[:3], max(1, made.shape[3] // 14)), 255, np.uint8)
    pairs = list(np.concatenate([made, gap, nearest], axis=3))
    captions = [((f"{distance:.2f}", WRONG if near else FAINT),) for distance, near in zip(apart, flagged, strict=True)]
    heading = "the samples nearest to a training picture, each beside it; below: how near, the next five being 1"
    return samples_sheet(pairs, captions, f"{title}\n{heading}" if title else heading, columns=6)


def classes_figure(
    names: tuple[str, ...], real: NDArray[Any], made: NDArray[Any], right: Sequence[Measured], title: str = ""
) -> Figure:
    """Which classes the judge sees, among real samples and among samples made; and how often as they were asked for.

    Args:
        real, made: counts by class.
        right: for each class the share of its samples that the judge takes for it; none where no class was asked for.
    """
    shown, note = class_names(names)
    figure = blank(max(6.2, across(title), 0.45 * len(names) + 1.2), 5.2 if right else 3.4)
    above, *below = np.atleast_1d(figure.subplots(2 if right else 1, 1, sharex=True)).tolist()
    places = np.arange(len(names))
    for counts, offset, colour, name in ((real, -0.2, REAL, "real"), (made, 0.2, MADE, "samples")):
        above.bar(places + offset, 100 * counts / max(1, counts.sum()), 0.4, color=colour, label=name)
    above.set_ylabel("taken for it, %")
    above.set_title(title, loc="left", fontsize=11, parse_math=False)
    above.legend(frameon=False, fontsize=9)
    for axes in below:
        values = np.array([100 * one.value for one in right])
        ends = np.array([[one.value if end is None else end for end in (one.low, one.high)] for one in right]) * 100
        axes.bar(places, values, 0.6, color=MADE)
        axes.errorbar(places, values, np.abs(ends.T - values), fmt="none", ecolor=INK, elinewidth=1)
        axes.set(ylabel="as asked for, %", ylim=(0, 103))
    last = below[-1] if below else above
    last.set_xticks(places, shown, rotation=90 if max(map(len, shown)) > 4 else 0, fontsize=9, parse_math=False)
    lettered(figure).tight_layout()
    annotate(figure, note)
    return figure


def _draw_pictures(axes: Axes, sheet: Pictures) -> None:
    axes.imshow(sheet, interpolation="nearest" if max(sheet.shape) < 700 else "antialiased", aspect="auto")
    axes.set_axis_off()
