"""Pictures of a recurrent network through time: the gradient that reaches each step, gates, states, attention."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter
from numpy.typing import NDArray
from PIL import Image

from profond.core.lettering import FONT, drawable, visible
from profond.explain.draw.colour_scale import Scale
from profond.explain.draw.drawing import COLOURS, DOTS, FAINT, INK, MUTED, Panel
from profond.explain.draw.numbers import Array, write_number
from profond.explain.recurrence.replay import Layer, Recurrence, factor_of
from profond.explain.why.subject import Subject, said_panel

MOST_LAYERS, MOST_LINES, MOST_MARKS = 4, 4, 40
_WIDTH, _LEFT = 860.0, 64.0
_LEGEND, _NAMES_A_ROW = 20.0, 4
_LINES = (COLOURS[4], COLOURS[6], COLOURS[2], COLOURS[3], COLOURS[0], COLOURS[1], COLOURS[7])
_TEXT: dict[str, Any] = {"fontsize": 12 * 72 / DOTS, "family": FONT, "parse_math": False}


def draw_recurrence(
    subject: Subject,
    found: Recurrence,
    given: Array | None = None,
    marks: Sequence[str] = (),
    attention: Array | None = None,
    written: Sequence[str] = (),
    frames: Sequence[tuple[int, Image.Image]] = (),
) -> Figure:
    """One sheet: what is said, the gradient at each step, and each layer's gates and states.

    Args:
        given: (channels, steps), what the model read, where it is a series.
        marks: what each step is called, such as the words of a text; without them steps are numbered.
        attention: (written, read), how much each step that was written looked at each that was read.
        written: what each written step is called.
        frames: of a clip, with their steps, where that is what the model read.
    """
    sheet = subject.sheet()
    sheet.row(said_panel(subject))
    if given is not None:
        sheet.row(given_panel(given))
    if frames:
        sheet.row(frames_panel(frames))
    before = ("<start>", *written[:-1]) if written else ()  # what a decoder reads is what it wrote one step before
    for layers in ([layer for layer in found.layers if layer.writes == writes] for writes in (False, True)):
        if layers:
            sheet.row(gradient_panel(layers, before if layers[0].writes else marks, found.step))
    if attention is not None:
        sheet.row(attention_panel(attention, marks, written))
    for layer in found.layers[:MOST_LAYERS]:
        named = before if layer.writes else marks
        if layer.gates:
            sheet.row(gates_panel(layer, named))
        sheet.row(states_panel(layer, named))
        sheet.row(lines_panel(layer, named))
    if len(found.layers) > MOST_LAYERS:
        sheet.text(
            f"Gates and states of the first {MOST_LAYERS} of {len(found.layers)} layers are drawn; all are kept."
        )
    return sheet.figure()


def given_panel(given: Array) -> Panel:
    """The series that was read: few channels as lines, many as rows of colour."""
    as_lines = len(given) <= MOST_LINES
    scale = None if as_lines else Scale.of(given, difference=True)

    def draw(axes: Axes) -> None:
        part = _framed(axes, 110, (), given.shape[1], 0)
        if scale is None:
            for number, line in enumerate(given):
                part.plot(np.arange(len(line)), line, color=_LINES[number], linewidth=1.4)
            return
        _rows_of_colour(part, scale, given)

    return Panel(_WIDTH, 110, draw, "what is read", "" if scale is None else scale.note, below=_below(()))


def frames_panel(frames: Sequence[tuple[int, Image.Image]]) -> Panel:
    """Frames of the clip that was read, side by side, each with its step."""
    across = (_WIDTH - _LEFT) / len(frames)
    side = min(across * 0.94, 96.0)

    def draw(axes: Axes) -> None:
        for number, (step, frame) in enumerate(frames):
            left = (_LEFT + (number + 0.5) * across - side / 2) / _WIDTH
            part = axes.inset_axes((left, 0, side / _WIDTH, 1))
            part.imshow(frame, cmap="gray", vmin=0, vmax=255)
            part.set_xticks([])
            part.set_yticks([])
            part.set_xlabel(str(step), color=MUTED, labelpad=2, **_TEXT)

    return Panel(_WIDTH, side, draw, "frames of the clip that is read, with their steps", below=22)


def gradient_panel(layers: Sequence[Layer], marks: Sequence[str] = (), step: int | None = None) -> Panel:
    """The norm of the gradient that reaches each step, on a logarithmic axis.

    Args:
        step: whose output the gradients are of, where there is one for each.
    """
    lines = list(gradient_lines(layers))
    shown = [values[values > 0] for _, values, _ in lines]
    low = max(1e-300, min((float(values.min()) for values in shown if len(values)), default=1e-3))
    high = max((float(values.max()) for values in shown if len(values)), default=1.0)

    height = 180 + _LEGEND * -(-len(lines) // _NAMES_A_ROW)

    def draw(axes: Axes) -> None:
        part = _framed(axes, height, marks, max(len(layer.gradient) for layer in layers), len(lines))
        for number, (name, values, dashed) in enumerate(lines):
            steps = np.arange(len(values))
            kept = np.where(values > 0, values, np.nan)
            style = "--" if dashed else "-"
            part.plot(
                steps,
                kept,
                style,
                color=_LINES[number % len(_LINES)],
                linewidth=1.6,
                label=name,
                marker=".",
                markersize=3,
            )
        part.set_yscale("log")
        part.yaxis.set_minor_formatter(NullFormatter())
        if high / low < 10:
            part.set_ylim(low / 3, high * 3)
        part.grid(axis="y", color=FAINT, linewidth=0.6)
        _legend(part)

    where = "" if step is None else f" at step {step}"
    when = "written" if layers[0].writes else "read" if step is not None else ""
    title = f"the gradient of the output{where} that reaches each step {when}".rstrip() + ": its norm, on a log axis"
    return Panel(_WIDTH, height, draw, title, " ".join(map(in_words, layers)), below=_below(marks))


def gradient_lines(layers: Sequence[Layer]) -> Sequence[tuple[str, Array, bool]]:
    """Name, norms, and whether it is what a step puts out while something else carries the memory."""
    lines = []
    for layer in layers:
        if layer.memory_gradient is not None:
            lines.append((f"{layer.name}, memory c", layer.memory_gradient, False))
            lines.append((f"{layer.name}, output h", layer.gradient, True))
        else:
            lines.append((layer.name, layer.gradient, False))
    return lines


def in_words(layer: Layer) -> str:
    """How fast the gradient of a layer falls or grows, in one sentence."""
    factor, what = factor_of(layer.travelling), f"{layer.name} ({layer.kind})"
    if factor is None:
        return f"{what}: the gradient reaches fewer than three steps."
    steps = len(layer.travelling) - 1
    change = f"× {write_number(factor, 3)} a step"
    if abs(np.log(factor)) * max(1, steps) < np.log(2):
        return f"{what}: {change}, about the same at every step."
    half = np.log(2) / abs(np.log(factor))
    return f"{what}: {change}, {'half' if factor < 1 else 'twice'} as much every {write_number(half, 2)} steps."


def gates_panel(layer: Layer, marks: Sequence[str] = ()) -> Panel:
    """How far each gate is open: the mean over units as a line, four fifths of the units as a band."""

    def draw(axes: Axes) -> None:
        part = _framed(axes, 130, marks, len(layer.hidden), len(layer.gates))
        for number, (name, values) in enumerate(layer.gates.items()):
            steps, colour = np.arange(len(values)), _LINES[number]
            low, high = np.percentile(values, (10, 90), axis=1)
            part.fill_between(steps, low, high, color=colour, alpha=0.14, linewidth=0)
            part.plot(steps, values.mean(1), color=colour, linewidth=1.8, label=name)
        part.set(ylim=(-0.02, 1.02), yticks=(0, 0.5, 1))
        part.set_yticklabels(["closed", "½", "open"])
        _legend(part)

    title = f"{layer.name}: gates, the mean of {layer.hidden.shape[1]} units and the middle four fifths of them"
    return Panel(_WIDTH, 130, draw, title, below=_below(marks))


def states_panel(layer: Layer, marks: Sequence[str] = ()) -> Panel:
    """Every unit's output at every step as a colour; units whose outputs go together stand together."""
    values = layer.hidden[:, order_of(layer.hidden)].T
    scale = Scale.of(values, difference=True)
    height = float(np.clip(4 * len(values), 80, 220))

    def draw(axes: Axes) -> None:
        part = _framed(axes, height, marks, len(layer.hidden), 0)
        _rows_of_colour(part, scale, values)
        part.set_ylabel("units", color=MUTED, labelpad=2, **_TEXT)

    title = f"{layer.name}: what is put out at each step, a row for each unit"
    return Panel(_WIDTH, height, draw, title, scale.note, below=_below(marks))


def lines_panel(layer: Layer, marks: Sequence[str] = ()) -> Panel:
    """The units that change most, as lines: of an LSTM what they remember, c, else what they put out."""
    values = layer.hidden if layer.memory is None else layer.memory
    chosen = np.argsort(-values.std(0), kind="stable")[:MOST_LINES]

    def draw(axes: Axes) -> None:
        part = _framed(axes, 130, marks, len(values), len(chosen))
        part.axhline(0, color=FAINT, linewidth=0.8)
        for number, unit in enumerate(chosen):
            part.plot(np.arange(len(values)), values[:, unit], color=_LINES[number], linewidth=1.5, label=f"{unit + 1}")
        _legend(part)

    what = "put out" if layer.memory is None else "remembered (c)"
    title = f"{layer.name}: what is {what} by the {len(chosen)} units that change most"
    return Panel(_WIDTH, 130, draw, title, below=_below(marks))


def attention_panel(attention: Array, read: Sequence[str] = (), written: Sequence[str] = ()) -> Panel:
    """Where each written step looked: a row for each."""
    count = len(attention)
    height = float(np.clip(24 * count, 60, 480))

    def draw(axes: Axes) -> None:
        part = _framed(axes, height, read, attention.shape[1], 0)
        part.imshow(
            attention,
            cmap="Greys",
            vmin=0,
            vmax=max(1e-9, float(attention.max())),
            aspect="auto",
            extent=(-0.5, attention.shape[1] - 0.5, count - 0.5, -0.5),
        )
        names = [drawable(visible(name)) for name in written] or [str(number) for number in range(count)]
        part.set_yticks(range(count), names[:count], **_TEXT)

    return Panel(
        _WIDTH, height, draw, "attention: a row for each step written, dark where it looks", below=_below(read)
    )


def _rows_of_colour(part: Axes, scale: Scale, values: Array) -> None:
    image = np.asarray(scale.image(values).convert("RGB"))
    part.imshow(image, aspect="auto", interpolation="nearest", extent=(-0.5, values.shape[1] - 0.5, len(values), 0))
    part.set_yticks((0.5, len(values) - 0.5), ("1", f"{len(values)}"))


def order_of(values: Array) -> NDArray[np.intp]:
    """Units in an order in which those whose numbers go together stand together: by their part in the main movement."""
    centred = values - values.mean(0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    return np.argsort(axes[0], kind="stable")


def _below(marks: Sequence[str]) -> float:
    return 26 if not _drawn(marks) else 26 + 7 * min(12, max(len(mark) for mark in marks))


def _drawn(marks: Sequence[str]) -> bool:
    return 0 < len(marks) <= MOST_MARKS


def _framed(axes: Axes, height: float, marks: Sequence[str], steps: int, lines: int) -> Axes:
    """Axes with numbers at their sides, inside a panel, which has none; above them is room for the names of lines."""
    head = _LEGEND * -(-lines // _NAMES_A_ROW)
    part = axes.inset_axes((_LEFT / _WIDTH, 0, 1 - _LEFT / _WIDTH, 1 - head / height))
    part.set_xlim(-0.5, steps - 0.5)
    if _drawn(marks):
        part.set_xticks(
            range(min(steps, len(marks))),
            [drawable(visible(mark))[:12] for mark in marks][:steps],
            rotation=60,
            ha="right",
        )
    else:
        part.xaxis.set_major_locator(MaxNLocator(12, integer=True))
    part.tick_params(length=3, labelsize=12 * 72 / DOTS, colors=MUTED, labelfontfamily=FONT)
    for name, spine in part.spines.items():
        spine.set_visible(name in ("left", "bottom"))
        spine.set_color(FAINT)
    return part


def _legend(part: Axes) -> None:
    shown = part.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1.0),
        ncols=_NAMES_A_ROW,
        frameon=False,
        prop={"family": FONT, "size": 12 * 72 / DOTS},
        handlelength=1.4,
        columnspacing=1.2,
        borderpad=0.1,
        labelspacing=0.2,
        borderaxespad=0.2,
    )
    for text in shown.get_texts():
        text.set_color(INK)
