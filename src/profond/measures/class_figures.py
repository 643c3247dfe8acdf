"""Pictures of a classification: where it goes wrong, how sure it was, and which samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from profond.core.lettering import class_names, families, lettered, text_width
from profond.measures.classes import Bin, ClassFindings
from profond.measures.samples_figure import FAINT, INK, WRONG, across, annotate, blank, samples_sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import Tensor

ANNOTATED = 100  # classes beyond this get colours only


class Confused(Protocol):
    """What is known of classes that were taken for each other."""

    @property
    def classes(self) -> tuple[str, ...]: ...

    @property
    def confusion(self) -> NDArray[np.int64]: ...


def confusion_matrix(found: Confused, title: str = "") -> Figure:
    """Counts in every cell in use; the colour is the share of its row, so that rare classes are seen too."""
    from matplotlib.colors import PowerNorm

    counts, (names, note) = found.confusion, class_names(found.classes)
    size = len(counts)
    cell = min(1.1, max(0.17, 5.6 / size))  # inches
    letter = min(10.0, max(4.5, 40 * cell))  # points
    widest = 1.05 * max(text_width(name, letter) for name in names) / 72
    upright = size > 12 or widest > 0.9 * cell
    side = cell * size
    large = max(1.0, side / 9)  # what is seen as a whole needs larger words
    left = 0.5 * large + widest
    below = 0.5 * large + (widest if upright else letter / 72) + (0.3 if note else 0)
    figure = blank(
        max(side + left + 1.15 * large, left + across(title, 11 * large), across(note, 8) + 0.24),
        side + below + 0.55 * large,
    )
    width, height = figure.get_size_inches()
    axes = figure.add_axes((left / width, below / height, side / width, side / height))
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    # A square root spreads the low shares: a confusion of one in a hundred is seen as a tint.
    drawn = axes.imshow(shares, cmap="Blues", norm=PowerNorm(0.5, 0, 1), interpolation="nearest", aspect="equal")
    shown = np.arange(0, size, max(1, round(size / 100)))
    labels = [names[index] for index in shown]
    style: dict[str, Any] = {"fontsize": letter, "fontfamily": families(*labels), "parse_math": False}
    axes.set_xticks(shown, labels, rotation=90 if upright else 0, **style)
    axes.set_yticks(shown, labels, **style)
    axes.tick_params(length=0)
    axes.set_xlabel("predicted", fontsize=10 * large)
    axes.set_ylabel("true", fontsize=10 * large)
    axes.set_title(title, loc="left", fontsize=11 * large, pad=9, parse_math=False)
    if size <= ANNOTATED:
        digits = len(str(counts.max()))
        number = min(11.0, max(2.5, 72 * cell / (0.68 * max(digits, 2))))
        for row, column in zip(*np.nonzero(counts), strict=True):
            colour = "white" if shares[row, column] > 0.3 else INK
            axes.text(column, row, str(counts[row, column]), ha="center", va="center", fontsize=number, color=colour)
    bar = figure.add_axes(((left + side + 0.15 * large) / width, below / height, 0.13 * large / width, side / height))
    figure.colorbar(drawn, cax=bar).set_label("share of the true class", fontsize=10 * large)
    bar.tick_params(labelsize=10 * large)
    annotate(figure, note)
    return lettered(figure)


def reliability_diagram(found: ClassFindings, title: str = "") -> Figure:
    """Accuracy against confidence, and below it how many samples each bin has."""
    figure = blank(max(5.0, 0.7 + across(title)), 5.6)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    filled: list[Bin] = [each for each in found.bins if each.count]
    left, width = [each.low for each in filled], found.bins[0].high - found.bins[0].low
    bars: dict[str, Any] = {"width": width, "align": "edge", "edgecolor": "white", "linewidth": 0.8}
    above.bar(left, [each.accuracy for each in filled], color="#4c78a8", label="accuracy in the bin", **bars)
    above.plot([0, 1], [0, 1], "--", color=FAINT, linewidth=1, label="perfect calibration")
    above.plot([each.confidence for each in filled], [each.accuracy for each in filled], "o", color=INK, markersize=3.5)
    error = found.metrics["ece"]
    interval = "" if error.low is None or error.high is None else f" [{100 * error.low:.2f}, {100 * error.high:.2f}]"
    above.set(ylabel="accuracy", xlim=(0, 1), ylim=(0, 1.02))
    line = f"calibration error {100 * error.value:.2f} %{interval}"
    above.set_title(f"{title}\n{line}" if title else line, loc="left", fontsize=10.5, parse_math=False)
    above.legend(loc="upper left", frameon=False, fontsize=9)
    below.bar(left, [each.count for each in filled], color="#a9b8cc", **bars)
    below.set_yscale("log")
    below.set(ylabel="samples", xlabel="confidence", ylim=(0.7, None))
    lettered(figure).tight_layout()
    return figure


def worst_mistakes(
    found: ClassFindings, raw: Callable[[int], Tensor], title: str = "", *, rows: int = 4, columns: int = 6
) -> Figure:
    """The wrong predictions that were most sure of themselves, as they are in the data; or a line that there is none.

    Args:
        raw: gives sample i of the split before normalisation: image (c, h, w), signal (c, t) or clip (c, t, h, w).
    """
    predictions, (names, note) = found.predictions, class_names(found.classes)
    wrong = predictions.mistakes()
    if len(wrong) == 0:
        figure = blank(5.0, 1.6)
        figure.text(
            0.5, 0.5, f"No mistake in {len(predictions):,} samples.", ha="center", va="center", fontsize=13, color=INK
        )
        return figure
    shown = wrong[: rows * columns].tolist()
    line = f"{len(wrong):,} of {len(predictions):,} wrong" + (
        f", the {len(shown)} most sure" if len(wrong) > len(shown) else ""
    )
    captions = [
        (
            (f"true {names[predictions.label[index]]}", INK),
            (f"said {names[predictions.predicted[index]]}", WRONG),
            (f"{100 * predictions.confidence[index]:.1f} % sure", FAINT),
        )
        for index in shown
    ]
    samples = [raw(index).cpu().numpy() for index in shown]
    return samples_sheet(samples, captions, f"{title}\n{line}" if title else line, columns=columns, note=note)
