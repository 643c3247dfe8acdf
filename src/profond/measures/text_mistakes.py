"""The worst mistakes of a classification of texts, as a page: each text, its class, and what was said of it."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from profond.core.lettering import drawable, lettered, visible
from profond.measures.classes import ClassFindings
from profond.measures.samples_figure import INK, WRONG

_WIDTH, _LINE, _LETTERS, _LINES = 9.0, 0.19, 110, 3


def text_mistakes(found: ClassFindings, texts: Sequence[str], title: str = "", *, most: int = 12) -> Figure:
    """The mistakes of which the network was surest, the worst first.

    Args:
        texts: all of the split.
        most: how many are shown.
    """
    said = found.predictions
    wrong = said.mistakes()
    order = wrong[np.argsort(-said.confidence[wrong], kind="stable")][:most].tolist()
    blocks = [_broken(texts[index]) for index in order]
    height = 0.7 + sum(_LINE * len(lines) + 0.36 for lines in blocks)
    figure = Figure(figsize=(_WIDTH, max(1.2, height)))
    y = height - 0.35
    heading = f"{title}: {len(wrong):,} of {len(said):,} wrong" if title else f"{len(wrong):,} of {len(said):,} wrong"
    figure.text(0.3 / _WIDTH, y / height, heading, fontsize=11, color=INK, parse_math=False)
    for index, lines in zip(order, blocks, strict=True):
        y -= 0.36
        true, predicted = found.classes[said.label[index]], found.classes[said.predicted[index]]
        sure = f"said {predicted} ({100 * said.confidence[index]:.1f} %), true {true}"
        figure.text(0.3 / _WIDTH, y / height, drawable(visible(sure)), fontsize=8.5, color=WRONG, parse_math=False)
        for line in lines:
            y -= _LINE
            figure.text(0.3 / _WIDTH, y / height, drawable(visible(line)), fontsize=9.5, color=INK, parse_math=False)
    return lettered(figure)


def _broken(text: str) -> list[str]:
    lines = textwrap.wrap(" ".join(text.split()), _LETTERS) or [""]
    return lines if len(lines) <= _LINES else [*lines[: _LINES - 1], f"{lines[_LINES - 1][: _LETTERS - 2]} …"]
