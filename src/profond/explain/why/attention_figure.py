"""Pictures of attention: for each word that was written, where the network looked in what it read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from profond.core.lettering import drawable, families, text_width, visible
from profond.core.tokens import Kind
from profond.explain.draw.drawing import DOTS, FAINT, INK, Panel, Sheet, tint
from profond.explain.draw.mosaic import clipped

WORD = "▁"
"""What sentencepiece begins a word's first piece with."""
MOST = 6
"""Texts in one picture."""
_BLUE, _CELL, _LABEL, _LONGEST = "#0072b2", 26.0, 13.0, 150.0
_SEEN = 0.02
"""Share of attention below which a field stays empty."""


@dataclass(frozen=True)
class Looked:
    """What was read and written, word by word, and where each written word looked.

    Args:
        read, written: words.
        weights: (written, read), each row sums to 1.
    """

    read: tuple[str, ...]
    written: tuple[str, ...]
    weights: NDArray[np.float64]

    @classmethod
    def of(
        cls, read: Sequence[str], written: Sequence[str], weights: NDArray[np.float32], kinds: tuple[Kind, Kind]
    ) -> Looked:
        """From pieces of words to words: what a word's pieces are given is added, and where they looked averaged.

        Args:
            read, written: pieces.
            weights: (written, read or more); what stands beyond fills up shorter texts.
            kinds: of the tokens that are read and that are written.
        """
        sources, targets = words_of(read, kinds[0]), words_of(written, kinds[1])
        whole = np.asarray(weights, dtype=np.float64)[: len(written), : len(read)]
        columns = np.stack([whole[:, places].sum(1) for _, places in sources], 1)
        rows = np.stack([columns[places].mean(0) for _, places in targets])
        return cls(tuple(word for word, _ in sources), tuple(word for word, _ in targets), rows)


def words_of(pieces: Sequence[str], kind: Kind) -> list[tuple[str, list[int]]]:
    """Words and the places of their pieces; letters and words stay as they are.

    A beginning alone, without a letter, is of the word behind it, or of the one before where none follows.
    """
    if kind != "pieces":
        return [(piece if piece.strip() else "␣", [place]) for place, piece in enumerate(pieces)]
    found: list[tuple[str, list[int]]] = []
    for place, piece in enumerate(pieces):
        apart = not found or piece.startswith("<") or found[-1][0].startswith("<")
        if apart or (piece.startswith(WORD) and found[-1][0]):
            found.append((piece.removeprefix(WORD), [place]))
        else:
            found[-1] = (found[-1][0] + piece.removeprefix(WORD), [*found[-1][1], place])
    joined: list[tuple[str, list[int]]] = []
    for word, places in found:
        if word or not joined or joined[-1][0].startswith("<"):
            joined.append((word or "␣", places))
        else:
            joined[-1] = (joined[-1][0], [*joined[-1][1], *places])
    return joined


def draw_attention(texts: Sequence[Looked], title: str) -> Figure:
    """A map for each text, source words across and written words down. Texts beyond `MOST` are left out."""
    sheet = Sheet(title, "the darker, the more of what a word is made from was read there; each row sums to 1")
    for one in texts[:MOST]:
        sheet.row(_panel(one))
    if len(texts) > MOST:
        sheet.text(f"… and {len(texts) - MOST} more")
    return sheet.figure()


def _panel(looked: Looked) -> Panel:
    read, written = ([clipped(word, _LONGEST, _LABEL) for word in words] for words in (looked.read, looked.written))
    left = max(text_width(drawable(word), _LABEL) for word in written) + 12
    upright = all(len(word) < 2 for word in read)
    top = (_LABEL if upright else max(text_width(drawable(word), _LABEL) for word in read)) + 12
    width, height = left + _CELL * len(read) + 1, top + _CELL * len(written) + 1

    def draw(axes: Axes) -> None:
        axes.set(xlim=(0, width), ylim=(height, 0))
        style: dict[str, Any] = {"fontsize": _LABEL * 72 / DOTS, "color": INK, "parse_math": False}
        for column, word in enumerate(read):
            x = left + _CELL * (column + 0.5)
            axes.text(
                x, top - 6, drawable(visible(word)), rotation=0 if upright else 90, ha="center", va="bottom", **style
            )
        for row, word in enumerate(written):
            y = top + _CELL * (row + 0.5)
            axes.text(left - 6, y, drawable(visible(word)), ha="right", va="center", **style)
            for column in range(len(read)):
                weight = float(looked.weights[row, column])
                place = (left + _CELL * column, top + _CELL * row)
                colour = tint(_BLUE, min(1.0, weight)) if weight >= _SEEN else "#ffffff"
                axes.add_patch(Rectangle(place, _CELL, _CELL, facecolor=colour, edgecolor=FAINT, linewidth=0.6))
        for text in axes.texts:
            text.set_fontfamily(families(text.get_text()))

    return Panel(width, height, draw)
