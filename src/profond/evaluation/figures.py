"""Pictures of an evaluation: where it goes wrong, how sure it was, and which samples."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from profond.evaluation.report import Bin, Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from torch import Tensor

ANNOTATED = 100  # classes beyond this get colours only
INK, FAINT, WRONG = "#20242c", "#8a93a3", "#b3261e"


def confusion_matrix(report: Report, title: str = "") -> Figure:
    """Counts in every cell in use; the colour is the share of its row, so that rare classes are seen too."""
    from matplotlib.colors import PowerNorm

    assert report.confusion is not None, "only a classification has a confusion matrix"
    counts, names = report.confusion, [shorten(name) for name in report.classes]
    size = len(counts)
    cell = min(1.1, max(0.17, 5.6 / size))  # inches
    longest = max(map(len, names))
    letter = min(10.0, max(4.5, 40 * cell))  # points
    margin = 0.65 + longest * letter * 0.62 / 72
    side = cell * size
    figure = _figure(max(side + margin + 1.15, margin + _across(title)), side + margin + 0.55)
    width, height = figure.get_size_inches()
    axes = figure.add_axes((margin / width, margin / height, side / width, side / height))
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    # A square root spreads the low shares: a confusion of one in a hundred is seen as a tint.
    drawn = axes.imshow(shares, cmap="Blues", norm=PowerNorm(0.5, 0, 1), interpolation="nearest", aspect="equal")
    shown = np.arange(0, size, max(1, round(size / 100)))
    upright = size > 12 or longest > 4
    labels = [names[index] for index in shown]
    axes.set_xticks(shown, labels, rotation=90 if upright else 0, fontsize=letter, parse_math=False)
    axes.set_yticks(shown, labels, fontsize=letter, parse_math=False)
    axes.tick_params(length=0)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    axes.set_title(title, loc="left", fontsize=11, pad=9, parse_math=False)
    if size <= ANNOTATED:
        digits = len(str(counts.max()))
        number = min(11.0, max(2.5, 72 * cell / (0.68 * max(digits, 2))))
        for row, column in zip(*np.nonzero(counts), strict=True):
            colour = "white" if shares[row, column] > 0.3 else INK
            axes.text(column, row, str(counts[row, column]), ha="center", va="center", fontsize=number, color=colour)
    bar = figure.add_axes(((margin + side + 0.15) / width, margin / height, 0.13 / width, side / height))
    figure.colorbar(drawn, cax=bar).set_label("share of the true class")
    return figure


def reliability_diagram(report: Report, title: str = "") -> Figure:
    """Accuracy against confidence, and below it how many samples each bin has."""
    figure = _figure(max(5.0, 0.7 + _across(title)), 5.6)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    filled: list[Bin] = [each for each in report.bins if each.count]
    left, width = [each.low for each in filled], report.bins[0].high - report.bins[0].low
    bars: dict[str, Any] = {"width": width, "align": "edge", "edgecolor": "white", "linewidth": 0.8}
    above.bar(left, [each.accuracy for each in filled], color="#4c78a8", label="accuracy in the bin", **bars)
    above.plot([0, 1], [0, 1], "--", color=FAINT, linewidth=1, label="perfect calibration")
    above.plot([each.confidence for each in filled], [each.accuracy for each in filled], "o", color=INK, markersize=3.5)
    error = report.metrics["ece"]
    interval = "" if error.low is None or error.high is None else f" [{100 * error.low:.2f}, {100 * error.high:.2f}]"
    above.set(ylabel="accuracy", xlim=(0, 1), ylim=(0, 1.02))
    line = f"calibration error {100 * error.value:.2f} %{interval}"
    above.set_title(f"{title}\n{line}" if title else line, loc="left", fontsize=10.5, parse_math=False)
    above.legend(loc="upper left", frameon=False, fontsize=9)
    below.bar(left, [each.count for each in filled], color="#a9b8cc", **bars)
    below.set_yscale("log")
    below.set(ylabel="samples", xlabel="confidence", ylim=(0.7, None))
    with _any_script():
        figure.tight_layout()
    return figure


def worst_mistakes(
    report: Report, raw: Callable[[int], Tensor], title: str = "", *, rows: int = 4, columns: int = 6
) -> Figure:
    """The wrong predictions that were most sure of themselves, as they are in the data; or a line that there is none.

    Args:
        raw: gives sample i of the split before normalisation: image (c, h, w), signal (c, t) or clip (c, t, h, w).
    """
    assert report.predictions is not None, "only a classification has mistakes"
    said, names = report.predictions, [shorten(name) for name in report.classes]
    wrong = said.mistakes()
    if len(wrong) == 0:
        figure = _figure(5.0, 1.6)
        figure.text(0.5, 0.5, f"No mistake in {len(said):,} samples.", ha="center", va="center", fontsize=13, color=INK)
        return figure
    shown = wrong[: rows * columns]
    columns = min(columns, len(shown))
    rows = -(-len(shown) // columns)
    line = f"{len(wrong):,} of {len(said):,} wrong" + (
        f", the {len(shown)} most sure" if len(wrong) > len(shown) else ""
    )
    head = 0.7 if title else 0.5
    figure = _figure(max(1.5 * columns, 4.2, 0.12 + _across(title)), 1.98 * rows + head + 0.05)
    width, height = figure.get_size_inches()
    axes = figure.add_axes((0, 0, 1, 1 - head / height))
    across = width / columns
    axes.set(xlim=(0, width), ylim=(1.98 * rows, 0))
    axes.set_axis_off()
    longest = max(len(names[said.label[index]]) + len(names[said.predicted[index]]) for index in shown)
    small = 9.5 if longest < 18 else 7.0
    for place, index in enumerate(shown):
        x, y = (place % columns + 0.5) * across, (place // columns) * 1.98
        _draw(axes, raw(int(index)).cpu().numpy(), x, y, 1.3)
        true, found = names[said.label[index]], names[said.predicted[index]]
        text: dict[str, Any] = {"ha": "center", "va": "top", "fontsize": small, "parse_math": False}
        axes.text(x, y + 1.34, f"true {true}", color=INK, **text)
        axes.text(x, y + 1.51, f"said {found}", color=WRONG, **text)
        axes.text(
            x, y + 1.69, f"{100 * said.confidence[index]:.1f} % sure", ha="center", va="top", fontsize=8, color=FAINT
        )
    heading = f"{title}\n{line}" if title else line
    figure.text(0.12 / width, 1 - 0.1 / height, heading, va="top", fontsize=11, parse_math=False)
    return figure


def png(figure: Figure, dpi: int = 110) -> bytes:
    """The figure as a PNG file's bytes."""
    with io.BytesIO() as file, _any_script():
        figure.savefig(file, format="png", dpi=dpi)
        return file.getvalue()


def shorten(name: str, longest: int = 18) -> str:
    return name if len(name) <= longest else name[: longest - 1] + "…"


@contextlib.contextmanager
def _any_script() -> Iterator[None]:
    """A name in a script that the font lacks is drawn as boxes, without a word; the CSV beside it has the name."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
        yield


def _across(title: str) -> float:
    """Inches that a title needs, with a little room beside it."""
    return len(title) * 11 * 0.64 / 72 + 0.15


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure  # a third of a second that `--help` should not pay

    return Figure(figsize=(width, height), facecolor="white")


def _draw(axes: Axes, sample: NDArray[Any], x: float, y: float, side: float) -> None:
    """One sample in a square of ``side`` inches whose top is at ``y`` and whose middle is at ``x``."""
    if sample.ndim == 4:  # a clip: its middle frame
        sample = sample[:, sample.shape[1] // 2]
    if sample.ndim == 2:
        _draw_signal(axes, sample, x, y, side)
        return
    pixels = sample.transpose(1, 2, 0).astype(np.float32)
    top = 255.0 if sample.dtype == np.uint8 or pixels.max() > 1 else 1.0
    pixels = np.clip(pixels / top, 0, 1)
    pixels = pixels[..., :3] if pixels.shape[2] >= 3 else pixels[..., :1].repeat(3, axis=2)
    tall, wide = pixels.shape[:2]
    scale = side / max(tall, wide)
    half = wide * scale / 2
    extent = (x - half, x + half, y + (side + tall * scale) / 2, y + (side - tall * scale) / 2)
    axes.imshow(
        pixels, extent=extent, interpolation="nearest" if max(tall, wide) < 100 else "antialiased", aspect="auto"
    )


def _draw_signal(axes: Axes, sample: Sequence[Any] | NDArray[Any], x: float, y: float, side: float) -> None:
    values = np.asarray(sample, dtype=np.float64)
    low, high = values.min(), values.max()
    height = (values - low) / max(high - low, 1e-12)
    across = np.linspace(x - side / 2, x + side / 2, values.shape[1])
    for channel in height:
        axes.plot(across, y + 0.05 + (1 - channel) * (side - 0.1), linewidth=0.8)
