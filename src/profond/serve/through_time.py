"""A sample, and what goes on in a run's recurrent layers while it is read: asked, drawn, and written to a folder."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from profond.core.files import write_bytes, write_json
from profond.core.run import SCHEMA_VERSION
from profond.core.tokens import SPECIAL, START, Tokens
from profond.explain.draw.drawing import save_figure
from profond.explain.recurrence.figure import draw_recurrence, in_words
from profond.explain.recurrence.replay import Array, Recurrence, check_recurrent, replay
from profond.explain.why.clip_figure import Clip
from profond.explain.why.signal_figure import Signal
from profond.explain.why.words import Words
from profond.measures.measured import SHARE
from profond.nn.search import search
from profond.serve.explanation import Explainer, Question
from profond.serve.given import Picture
from profond.tasks.names import index_of
from profond.tasks.task import Explained

METHOD = "recurrence"
LONGEST = 60
"""Tokens at most of what is written to be explained."""


@dataclass(frozen=True)
class ThroughTime:
    """What was found of one sample, and how it is drawn.

    Args:
        question: the sample, and what the network says of it.
        found: in every recurrent layer.
        read: what each step that was read is called; empty where steps are numbered.
        written: likewise what was written, by an encoder with decoder.
        attention: (written, read), where each step looked.
    """

    question: Question
    found: Recurrence
    read: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    attention: Array | None = None

    @classmethod
    def of(
        cls, explainer: Explainer, given: Picture | Tensor, name: str, wanted: str | None, step: int | None
    ) -> ThroughTime:
        """Go through a sample step by step.

        Args:
            given, name: as in `Explainer.question`.
            wanted: the class or quantity that the gradients are of; by default what the task chooses, or at a step of
                its own the greatest output, or the token that was written.
            step: which step's output, where there is one for each; by default the last.

        Raises: ConfigError for a network without recurrent layers; UsageError for a step that there is not;
            UnknownName for a class; and as `Explainer.question`.
        """
        predictor = explainer.predictor
        spec, model = predictor.spec, predictor.model
        check_recurrent(model)

        def about(outputs: Tensor) -> Explained:
            several = outputs.ndim == 3  # one answer for each step: which of them is explained is settled below
            return Explained(-1, "", "") if several else predictor.task.explained(outputs, spec, wanted)

        question = explainer.question(given, name, wanted, about)
        shown = question.shown
        read = shown.pieces if isinstance(shown, Words) else _pieces(spec.tokens, question.sample)
        explained = question.subject.explained
        if explained.index >= 0:
            return cls(question, replay(model, question.sample, index=explained.index, step=step), read)
        tokens, attention = _written(model, question.sample)
        of_tokens = spec.text is not None and (tokens is not None or not spec.classes)  # which a text goes on with, too
        names = _vocabulary(spec.text) if of_tokens and spec.text is not None else spec.classes
        index = None if wanted is None else index_of(wanted, names, "token" if of_tokens else "class")
        found = replay(model, question.sample, index=index, step=step, written=tokens)
        text = "" if tokens is None or spec.text is None else spec.text.decode(tokens[1:].tolist())
        subject = replace(question.subject, explained=_of_step(found, names, text))
        written = () if tokens is None else _pieces(spec.text, tokens[1:])
        return cls(replace(question, subject=subject), found, read, written, attention)

    def figure(self) -> Figure:
        shown = self.question.shown
        given = shown.values.astype(np.float64) if isinstance(shown, Signal) else None
        frames = shown.strip() if isinstance(shown, Clip) else ()
        return draw_recurrence(
            self.question.subject, self.found, given, self.read, self.attention, self.written, frames
        )

    def lines(self) -> list[str]:
        """How the gradient fares in each layer, for a terminal."""
        return [f"  {in_words(layer)}" for layer in self.found.layers]

    def arrays(self) -> dict[str, Array]:
        """By name: the layer's, and what of it."""
        layers = self.found.layers
        found = {f"{layer.name}/{name}": values for layer in layers for name, values in layer.arrays().items()}
        return found if self.attention is None else {**found, "attention": self.attention}

    def to_json(self) -> dict[str, object]:
        """What was found in a few numbers for each layer."""
        subject, found = self.question.subject, self.found
        return {
            "schema_version": SCHEMA_VERSION,
            "sample": subject.name,
            "model": subject.model,
            **subject.explained.to_json(),
            "output": found.output,
            "index": found.index,
            "step": found.step,
            "read": list(self.read),
            "written": list(self.written),
            "layers": [
                {
                    "name": layer.name,
                    "cell": layer.kind,
                    "backwards": layer.backwards,
                    "writes": layer.writes,
                    "steps": len(layer.hidden),
                    "units": layer.hidden.shape[1],
                    "gates": list(layer.gates),
                    "factor_a_step": layer.factor,
                    "gradient": layer.gradient.tolist(),
                    "memory_gradient": None if layer.memory_gradient is None else layer.memory_gradient.tolist(),
                    "largest_difference_from_fused": layer.gap,
                }
                for layer in found.layers
            ],
        }

    def write(self, folder: Path, suffix: str = "") -> list[Path]:
        """The picture, every number by name (`.npz`), and the gradients as JSON."""
        step = "" if self.found.step is None else f"-step-{self.found.step}"
        name = f"{METHOD}{suffix}{step}"
        picture = save_figure(self.figure(), folder / f"{name}.png")
        arrays, report = write_arrays(folder / f"{name}.npz", self.arrays()), folder / f"{name}.json"
        write_json(report, self.to_json())
        return [picture, arrays, report]


def write_arrays(path: Path, arrays: dict[str, Array]) -> Path:
    """A .npz, whole or not at all."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    write_bytes(path, buffer.getvalue())
    return path


def _written(model: Any, sample: Tensor) -> tuple[Tensor | None, Array | None]:
    """What an encoder with decoder writes, from its start on, and where each step looked; None of other networks."""
    if not hasattr(model, "encode"):
        return None, None
    with torch.inference_mode():
        inputs = sample[None].to(next(model.parameters()).device)
        tokens, _, attention = search(model, model.encode(inputs), LONGEST)
    looked = None if attention is None else attention[0].double().cpu().numpy()
    return torch.cat([tokens.new_tensor([START]), tokens[0]]).cpu(), looked


def _of_step(found: Recurrence, names: Sequence[str], text: str) -> Explained:
    """The output of one step, as what an explanation is about."""
    shares = np.exp(found.scores - found.scores.max())
    shares /= shares.sum()
    called = [name if name.strip() else repr(name) for name in names]  # a blank is a token too
    top = tuple((called[index], float(shares[index])) for index in np.argsort(-shares)[:5])
    name, share = called[found.index], float(shares[found.index])
    said = text or f"step {found.step}: {name}\t{share:.4f}"
    facts = {"said": said, "name": name, "probability": share}
    note = f"At step {found.step} of what is written: {text}" if text else f"At step {found.step}."
    return Explained(found.index, name, said, top, share, SHARE, "score", facts, note)


def _vocabulary(tokens: Tokens) -> tuple[str, ...]:
    ordinary = ("".join(tokens.pieces([token])) for token in range(len(SPECIAL), len(tokens)))
    return (*SPECIAL, *ordinary)


def _pieces(tokens: Tokens | None, numbers: Tensor) -> tuple[str, ...]:
    """What each token is called; nothing where there are none."""
    return () if tokens is None or numbers.is_floating_point() else tuple(tokens.pieces(numbers.tolist()))
