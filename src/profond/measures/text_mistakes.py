"""The texts of which a network was most wrong, as a page: what was said of each, and the text."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from profond.core.lettering import drawable, lettered, visible
from profond.measures.classes import ClassFindings
from profond.measures.samples_figure import INK, WRONG
from profond.measures.values import Estimates

_WIDTH, _LINE, _LETTERS, _LINES = 9.0, 0.19, 110, 3
MOST = 12
"""Texts on a page."""


def text_mistakes(found: ClassFindings, texts: Sequence[str], title: str = "") -> Figure:
    """The mistakes of which the network was surest, the worst first.

    Args:
        texts: all of the split.
    """
    said = found.predictions
    wrong = said.mistakes()
    order = wrong[np.argsort(-said.confidence[wrong], kind="stable")][:MOST].tolist()
    heading = f"{title}: {len(wrong):,} of {len(said):,} wrong" if title else f"{len(wrong):,} of {len(said):,} wrong"
    remarks = []
    for index in order:
        true, predicted = found.classes[said.label[index]], found.classes[said.predicted[index]]
        remarks.append(f"said {predicted} ({100 * said.confidence[index]:.1f} %), true {true}")
    return _page(heading, remarks, [texts[index] for index in order])


def text_estimates(found: Estimates, texts: Sequence[str], title: str = "") -> Figure:
    """The texts whose estimates were farthest from the truth, the worst first.

    Args:
        texts: all of the split.
    """
    order = np.argsort(-found.distances, kind="stable")[:MOST].tolist()
    shown = f"the {len(order)} of {len(found):,} texts that were farthest off"
    remarks = []
    for index in order:
        numbers = zip(found.quantities, found.said[index], found.true[index], strict=True)
        remarks.append("; ".join(f"{one}: said {said:.4g}, true {true:.4g}" for one, said, true in numbers))
    return _page(f"{title}: {shown}" if title else shown, remarks, [texts[index] for index in order])


def _page(heading: str, remarks: Sequence[str], texts: Sequence[str]) -> Figure:
    blocks = [_broken(text) for text in texts]
    height = 0.7 + sum(_LINE * len(lines) + 0.36 for lines in blocks)
    figure = Figure(figsize=(_WIDTH, max(1.2, height)))
    y = height - 0.35
    figure.text(0.3 / _WIDTH, y / height, heading, fontsize=11, color=INK, parse_math=False)
    for remark, lines in zip(remarks, blocks, strict=True):
        y -= 0.36
        figure.text(0.3 / _WIDTH, y / height, drawable(visible(remark)), fontsize=8.5, color=WRONG, parse_math=False)
        for line in lines:
            y -= _LINE
            figure.text(0.3 / _WIDTH, y / height, drawable(visible(line)), fontsize=9.5, color=INK, parse_math=False)
    return lettered(figure)


def _broken(text: str) -> list[str]:
    lines = textwrap.wrap(" ".join(text.split()), _LETTERS) or [""]
    return lines if len(lines) <= _LINES else [*lines[: _LINES - 1], f"{lines[_LINES - 1][: _LETTERS - 2]} …"]
