"""Which words of a text an answer is due to: integrated gradients at the words' vectors, drawn as the coloured text.

Source: M. Sundararajan, A. Taly, Q. Yan, Axiomatic attribution for deep networks, ICML 2017, section 6.3: from vectors
    of zero to those of the words; the numbers of a word's vector are added.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from torch import Tensor, nn

from profond.core.errors import ConfigError
from profond.core.lettering import drawable, families, text_width, visible
from profond.core.tokens import Kind
from profond.explain.draw.drawing import DOTS, INK, MUTED, Panel, signed_tint
from profond.explain.why.attention_figure import words_of
from profond.explain.why.attribution import Attribution, integrated_gradients
from profond.explain.why.subject import NAMES, Subject, method_in_words, said_panel
from profond.nn.sequence import token_lengths

_WIDTH, _SIZE, _LINE, _SPACE = 860.0, 20.0, 52.0, 8.0
MOST = 400
"""Words in a picture; a longer text is cut there."""


class AtVectors(nn.Module):
    """A network of texts as a function of its words' vectors (n, d, t).

    Args:
        model: with an ``embedding`` and ``scored(vectors (n, t, d), lengths)``.

    Raises: ConfigError for a network without these.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        if not hasattr(model, "embedding") or not hasattr(model, "scored"):
            raise ConfigError(
                f"{type(model).__name__} does not say what it makes of the vectors of words", "explain a text_lstm"
            )
        self.model = model

    def vectors(self, tokens: Tensor) -> Tensor:
        """Of the tokens (t) of a text: (d, t)."""
        with torch.no_grad():
            found: Tensor = self.model.embedding(tokens).T.contiguous()
        return found

    def forward(self, vectors: Tensor) -> Tensor:
        lengths = torch.full((len(vectors),), vectors.shape[2], device=vectors.device)
        scores: Tensor = self.model.scored(vectors.transpose(1, 2), lengths)
        return scores


def word_gradients(model: nn.Module, tokens: Tensor, target: int | None = None) -> Attribution:
    """How much each token of a text (t) raises an output: values (1, t), which add up. Raises: ConfigError."""
    asked = AtVectors(model)
    real = tokens[: int(token_lengths(tokens[None])[0])]
    found = integrated_gradients(asked, asked.vectors(real), target)
    values = np.zeros((1, len(tokens)), np.float32)
    values[0, : len(real)] = found.values.sum(0)
    return replace(found, values=values)


@dataclass(frozen=True)
class Words:
    """A text as pictures show it.

    Args:
        pieces: as they stand in the text, one for each token.
        kind: of the tokens.
        known: whether the vocabulary has each of them.
    """

    pieces: tuple[str, ...]
    kind: Kind
    known: tuple[bool, ...]

    def draw_overview(self, subject: Subject, attributions: Sequence[Attribution]) -> Figure:
        """What the network says, and every method's answer."""
        sheet = subject.sheet()
        sheet.row(said_panel(subject))
        for one in attributions:
            sheet.row(self._panel(subject, one))
        return sheet.figure()

    def draw_attribution(self, subject: Subject, attribution: Attribution) -> Figure:
        """One method's answer as the coloured text, with what the network says below."""
        sheet = subject.sheet()
        sheet.row(self._panel(subject, attribution))
        sheet.row(said_panel(subject))
        return sheet.figure()

    def amounts(self, values: NDArray[np.float32]) -> list[tuple[str, float, bool]]:
        """Each word, what its pieces add up to, and whether all of them are known."""
        row = values.reshape(-1).astype(np.float64)
        return [
            (word, float(row[places].sum()), all(self.known[place] for place in places))
            for word, places in words_of(self.pieces, self.kind)
        ]

    def _panel(self, subject: Subject, attribution: Attribution) -> Panel:
        found = self.amounts(attribution.values)
        shown = found[:MOST]
        places, height = _laid_out([word for word, _, _ in shown])
        most = max(abs(amount) for _, amount, _ in found) or 1.0

        def draw(axes: Axes) -> None:
            axes.set(xlim=(0, _WIDTH), ylim=(height, 0))
            for (word, amount, known), (x, y, wide) in zip(shown, places, strict=True):
                colour = signed_tint(amount, most)
                axes.add_patch(Rectangle((x, y), wide, 28, facecolor=colour, linewidth=0))
                style: dict[str, Any] = {"parse_math": False, "va": "center", "ha": "center"}
                text = drawable(visible(word))
                axes.text(
                    x + wide / 2,
                    y + 14,
                    text,
                    fontsize=_SIZE * 72 / DOTS,
                    color=INK,
                    **style,
                )
                if not known:
                    axes.plot([x + 2, x + wide - 2], [y + 27, y + 27], color=MUTED, linewidth=1, linestyle=":")
                if abs(amount) >= 0.05 * most:
                    axes.text(
                        x + wide / 2,
                        y + 37,
                        f"{amount:+.2g}".replace("-", "\N{MINUS SIGN}"),
                        fontsize=10 * 72 / DOTS,
                        color=MUTED,
                        **style,
                    )
            for one in axes.texts:
                one.set_fontfamily(families(one.get_text()))

        note = method_in_words(subject, attribution, "a text of no words", "words")
        if not all(known for _, _, known in found):
            note += " Words with dots below were not seen in training."
        if len(found) > MOST:
            note += f" The first {MOST} of {len(found)} words."
        return Panel(_WIDTH, height, draw, NAMES[attribution.method], note)


def _laid_out(words: Sequence[str]) -> tuple[list[tuple[float, float, float]], float]:
    """Where each word stands, x, y and width, in lines as wide as the picture; and how high they are together."""
    places, x, y = list[tuple[float, float, float]](), 0.0, 0.0
    for word in words:
        wide = min(_WIDTH, text_width(drawable(visible(word)), _SIZE) + 10)
        if x and x + wide > _WIDTH:
            x, y = 0.0, y + _LINE
        places.append((x, y, wide))
        x += wide + _SPACE
    return places, y + _LINE
