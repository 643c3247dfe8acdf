"""What an explanation is about, as pictures show it: the heading, what the network says, and a method in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from profond.core.lettering import FONT
from profond.explain.draw.drawing import ACCENT, DOTS, FAINT, INK, NEGATIVE, Panel, Sheet, text_panel, tint
from profond.explain.draw.mosaic import clipped
from profond.explain.draw.numbers import read_number, write_number
from profond.explain.steps.sums import added
from profond.explain.why.attribution import Attribution
from profond.measures.measured import SHARE
from profond.tasks.task import Explained

NAMES = {
    "grad_cam": "Grad-CAM",
    "integrated_gradients": "Integrated gradients",
    "smooth_grad": "SmoothGrad",
    "occlusion": "Occlusion",
}


@dataclass(frozen=True)
class Subject:
    """A sample's name, and what a model says of it.

    Args:
        name: for the title, such as the file's name.
        model: likewise.
        explained: the number that is explained, and what the model says besides.
        written: names that stand otherwise in a picture (see ``class_names``).
    """

    name: str
    model: str
    explained: Explained
    written: Mapping[str, str] = field(default_factory=dict)

    def write(self, name: str) -> str:
        """A name as it stands in a picture."""
        return self.written.get(name, name)

    @property
    def heading(self) -> str:
        """What is explained, and the number that the model gives it."""
        explained = self.explained
        if explained.value is None:
            return explained.said.replace("\t", ", ")
        return f"{self.write(explained.name)}, {amount(explained.value, explained.unit)}"

    def sheet(self) -> Sheet:
        return Sheet(self.heading, f"{self.name} · {self.model}")


def said_panel(subject: Subject, width: float = 420) -> Panel:
    """What the model says, best first; what is explained in bold, at the end when it is not among the best.

    Shares of a whole are bars.
    """
    explained = subject.explained
    rows = list(explained.top)
    if explained.value is not None and explained.name not in dict(rows):
        rows.append((explained.name, explained.value))
    title = "what the network says"
    if not rows:
        found = text_panel(subject.heading, 20, INK)
        return Panel(found.width, found.height, found.draw, title)
    bars = explained.unit == SHARE
    step, line, room = 46 if bars else 32, 18, width - 80
    first = rows[0][0]

    def draw(axes: Axes) -> None:
        axes.set(xlim=(0, width), ylim=(len(rows) * step, 0))
        style: dict[str, Any] = {"fontsize": 14 * 72 / DOTS, "family": FONT, "parse_math": False, "color": INK}
        for index, (name, value) in enumerate(rows):
            top = index * step
            chosen = name == explained.name
            weight = "bold" if chosen else "normal"
            words = amount(value, explained.unit if bars or chosen else "")
            axes.text(0, top + line - 4, clipped(subject.write(name), room, 14), va="baseline", weight=weight, **style)
            axes.text(width, top + line + (15 if bars else -4), words, va="baseline", ha="right", **style)
            if bars:
                axes.add_patch(Rectangle((0, top + line + 2), room, 13, facecolor=tint(FAINT, 0.5), linewidth=0))
                colour = ACCENT if chosen else tint(NEGATIVE, 0.6)
                length = max(1.0, room * min(1.0, value))
                axes.add_patch(Rectangle((0, top + line + 2), length, 13, facecolor=colour, linewidth=0))

    asked = "" if explained.name == first else f"{'orange' if bars else 'bold'}: what is explained, as asked for"
    return Panel(width, len(rows) * step, draw, title, asked or explained.note)


def amount(value: float, unit: str) -> str:
    """A number with its unit, a share of a whole in per cent."""
    return percent(value) if unit == SHARE else f"{write_number(value)} {unit}".rstrip()


def percent(share: float) -> str:
    """``83.1 %``; small and nearly certain ones with as many digits as they need."""
    if share >= 0.9995:
        return "100 %" if share > 0.99999 else f"{100 * share:.3f} %"
    if 0 < share < 1e-5:
        return "< 0.001 %"
    return f"{100 * share:.1f} %" if share >= 0.001 else f"{100 * share:.2g} %"


def method_in_words(subject: Subject, attribution: Attribution, zero: str, parts: str) -> str:
    """What a picture of a method shows, in a sentence or two, in units of the output that is explained.

    Args:
        zero: what integrated gradients begin at, such as ``"a black image"``.
        parts: of which the sample consists, such as ``"pixels"``.
    """
    facts, output = attribution.facts, subject.explained.output
    if attribution.method == "grad_cam":
        if not attribution.values.any():
            return f"{facts['stage']}: none of its maps raises the {output} anywhere."
        sides = " × ".join(map(str, reversed(attribution.values.shape)))
        return f"Where the maps of {facts['stage']} ({sides}) are that raise the {output}."
    if attribution.method == "integrated_gradients":
        found = float(attribution.values.sum(dtype=np.float64))
        start = attribution.score - facts["difference"]
        written = added([start, found, attribution.score - start - found], attribution.score)
        first, sum_of_parts, rest = written.terms
        left = f" and a rest of {rest}, which the steps miss," if read_number(rest) else ""
        return (
            f"Orange raises the {output}, blue lowers it. That of {zero}, {first}, the {parts}, which add up to"
            f" {sum_of_parts},{left} make the {output}, {written.total}."
        )
    if attribution.method == "smooth_grad":
        return (
            f"Where a change would change the {output} most, up or down; the mean of {facts['samples']} noisy copies."
        )
    window = " × ".join(str(side) for side in reversed(facts["window"]))
    return (
        f"How far the {output} ({write_number(attribution.score)}) falls (orange) or rises (blue) when a window"
        f" of {window} is covered."
    )
