"""A sample, and what goes on in a run's recurrent layers while it is read: asked, drawn, and written to a folder."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from profond.core.files import write_bytes, write_json
from profond.core.run import SCHEMA_VERSION
from profond.explain.draw.drawing import save_figure
from profond.explain.recurrence.figure import draw_recurrence
from profond.explain.recurrence.replay import Array, Recurrence, replay
from profond.explain.why.signal_figure import Signal
from profond.serve.explanation import Explainer, Question

METHOD = "recurrence"


@dataclass(frozen=True)
class ThroughTime:
    """What was found of one sample, and how it is drawn.

    Args:
        question: the sample, and what the network says of it.
        found: in every recurrent layer.
    """

    question: Question
    found: Recurrence

    @classmethod
    def of(cls, explainer: Explainer, question: Question, wanted: str | None, step: int | None) -> ThroughTime:
        """Go through the sample step by step.

        Args:
            wanted: the class or quantity that was asked for; without one, at a step of its own, the greatest output.
            step: which step's output the gradients are of, where there is one for each; by default the last.

        Raises: ConfigError for a network without recurrent layers; UsageError for a step that there is not.
        """
        index = question.subject.explained.index if wanted is not None or step is None else None
        return cls(question, replay(explainer.predictor.model, question.sample, index=index, step=step))

    def figure(self) -> Figure:
        shown = self.question.shown
        given = shown.values.astype(np.float64) if isinstance(shown, Signal) else None
        return draw_recurrence(self.question.subject, self.found, given)

    def arrays(self) -> dict[str, Array]:
        """By name: the layer's, and what of it."""
        return {
            f"{layer.name}/{name}": values for layer in self.found.layers for name, values in layer.arrays().items()
        }

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
            "layers": [
                {
                    "name": layer.name,
                    "cell": layer.kind,
                    "backwards": layer.backwards,
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
        files = [
            save_figure(self.figure(), folder / f"{name}.png"),
            write_arrays(folder / f"{name}.npz", self.arrays()),
        ]
        files.append(folder / f"{name}.json")
        write_json(files[-1], self.to_json())
        return files


def write_arrays(path: Path, arrays: dict[str, Array]) -> Path:
    """A .npz, whole or not at all."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    write_bytes(path, buffer.getvalue())
    return path
