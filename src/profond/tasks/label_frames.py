"""A class for each frame of a clip, or for each step of a series."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from profond.core.config import Share, checked
from profond.core.errors import ConfigError, DataError
from profond.core.files import write_bytes
from profond.core.lettering import markdown
from profond.core.spec import Spec
from profond.data.dataset import Dataset
from profond.data.preprocessing import Preprocessing
from profond.data.split import Split, TensorSplit
from profond.measures.measured import Measured
from profond.measures.report import Report
from profond.measures.step_figures import Timeline, draw_timelines, runs, spaced
from profond.measures.step_judge import ABSENT, findings, quick_metrics
from profond.measures.step_report import HEADLINE, step_report
from profond.nn.looped import looped
from profond.nn.sequence import ends, lengths_of, token_lengths
from profond.tasks import register_task
from profond.tasks.batch import called, check_finite, check_labels, described, pair
from profond.tasks.part_inputs import network_examples, network_input
from profond.tasks.task import Example, Explained, Loss, Part, Phase, Tensors

KEPT = 24
"""Frames of an answer that are kept for its picture."""


@dataclass(frozen=True)
class FrameAnswer:
    """The class of each frame of one clip.

    Args:
        classes: all names.
        labels: of each frame, int64 (t).
        probabilities: of these, (t).
        rate: frames in a second; 0 where it is not known.
        frames: some of them (m, c, h, w), evenly spaced, from 0 to 1; None for a series.
    """

    classes: tuple[str, ...]
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    rate: float = 0.0
    frames: NDArray[np.float32] | None = None

    def followed_by(self, others: Sequence[FrameAnswer]) -> FrameAnswer:
        """One answer for clips that follow each other, such as those of one video."""
        every = [self, *others]
        frames = None
        if self.frames is not None:
            # Of each clip as many as its share of the time, so that they stay evenly spaced.
            whole = np.concatenate([one.frames for one in every if one.frames is not None])
            at = np.concatenate([np.array(spaced(len(one.labels), KEPT)) + start for one, start in _starts(every)])
            wanted = spaced(sum(len(one.labels) for one in every), KEPT)
            frames = whole[[int(np.abs(at - place).argmin()) for place in wanted]]
        return replace(
            self,
            labels=np.concatenate([one.labels for one in every]),
            probabilities=np.concatenate([one.probabilities for one in every]),
            frames=frames,
        )

    @property
    def names(self) -> list[str]:
        """The class of each frame."""
        return [self.classes[label] for label in self.labels]

    def line(self) -> str:
        """Classes in a row with their frames, or seconds where these are known: ``7 0-11<tab>3 12-19``."""
        return "\t".join(f"{self.classes[label]} {self._span(first, last)}" for first, last, label in runs(self.labels))

    def row(self) -> dict[str, Any]:
        """``frames, label, share``: how many, and the most frequent class."""
        counts = np.bincount(self.labels, minlength=len(self.classes))
        label = int(counts.argmax())
        share = counts[label] / max(1, len(self.labels))
        return {"frames": len(self.labels), "label": self.classes[label], "share": f"{share:.4f}"}

    def rows(self) -> list[dict[str, Any]]:
        """One row a frame: ``frame, seconds, label, probability``."""
        return [
            {
                "frame": number,
                **({"seconds": f"{number / self.rate:.3f}"} if self.rate else {}),
                "label": name,
                "probability": f"{probability:.6f}",
            }
            for number, (name, probability) in enumerate(zip(self.names, self.probabilities, strict=True))
        ]

    def to_json(self) -> dict[str, Any]:
        return {
            "rate": self.rate,
            "labels": self.names,
            "probabilities": [float(one) for one in self.probabilities],
            "runs": [
                {"first": first, "last": last - 1, "label": self.classes[label]}
                for first, last, label in runs(self.labels)
            ],
        }

    def write(self, folder: Path, name: str) -> list[Path]:
        """A picture: sample frames over time, and the classes below them."""
        frames = None if self.frames is None else self.frames[spaced(len(self.frames), 12)]
        line = Timeline(name, frames, {"label": self.labels}, {})
        path = folder / f"{name}.png"
        with io.BytesIO() as file:
            draw_timelines([line], self.classes, "a label for each frame", self.rate).savefig(
                file, format="png", dpi=110
            )
            write_bytes(path, file.getvalue())
        return [path]

    def _span(self, first: int, last: int) -> str:
        if self.rate:
            return f"{first / self.rate:.2f}-{last / self.rate:.2f}s"
        return f"{first}-{last - 1}" if last - first > 1 else str(first)


def _starts(answers: Sequence[FrameAnswer]) -> list[tuple[FrameAnswer, int]]:
    starts = np.cumsum([0, *(len(one.labels) for one in answers)])
    return list(zip(answers, starts.tolist(), strict=False))


@register_task("label_frames")
class LabelFrames:
    """Cross-entropy over the frames that have a label; a batch is (inputs, classes (n, t)), -1 where there is none.

    Args:
        label_smoothing: share of the target spread evenly over all classes, in [0, 1).
    """

    headline = HEADLINE
    phases: Sequence[Phase] = (Phase(),)
    transfer_settings: Mapping[str, Any] = {}

    @checked("task 'label_frames'")
    def __init__(self, label_smoothing: Share = 0.0) -> None:
        self.label_smoothing = label_smoothing

    @staticmethod
    def learns(spec: Spec) -> bool:
        return bool(spec.classes) and bool(spec.each)

    @staticmethod
    def unsettled(settings: Mapping[str, Any]) -> dict[str, Any]:
        return dict(settings)

    def settle(self, dataset: Dataset) -> tuple[dict[str, Any], list[str]]:
        """Nothing is decided; which classes no frame of train has is told.

        Raises: DataError for data without a class for each frame.
        """
        if not self.learns(dataset.spec):
            raise DataError(
                f"{dataset.name} has no class for each frame, and this training is about these",
                "leave task.name out: the data decide",
            )
        seen = torch.unique(dataset.splits["train"].targets).tolist()
        absent = [name for label, name in enumerate(dataset.spec.classes) if label not in seen]
        return {}, [f"no frame of train is {', '.join(map(repr, absent[:5]))}: it cannot be learned"] if absent else []

    def loss(self, model: nn.Module, batch: Any, phase: Phase) -> Loss:
        inputs, targets = pair(batch)
        scores = _scores(called(model, inputs), targets)
        known = targets != ABSENT
        chosen, labels = scores[known].float(), targets[known].long()
        if not len(labels):
            return Loss(scores.float().sum() * 0.0, weight=1)
        try:
            value = F.cross_entropy(chosen, labels, label_smoothing=self.label_smoothing)
        except IndexError:
            check_labels(labels, scores.shape[2])
            raise
        return Loss(value, {"accuracy": chosen.detach().argmax(1) == labels}, weight=len(labels))

    def meter(self, spec: Spec | None = None) -> FrameMeter:
        return FrameMeter(spec)

    def answer(self, model: nn.Module, inputs: Tensor, spec: Spec | None = None) -> Sequence[FrameAnswer]:
        scores = _scores(called(model, inputs)).float()
        names = _names(spec, scores.shape[2])
        check_finite(scores)
        probabilities, labels = scores.softmax(2).max(2)
        lengths = ends(inputs).tolist()
        rate = 0.0 if spec is None else spec.rate
        answers = []
        for number, length in enumerate(lengths):
            length = max(1, length)
            answers.append(
                FrameAnswer(
                    tuple(names),
                    labels[number, :length].cpu().numpy(),
                    probabilities[number, :length].double().cpu().numpy(),
                    rate,
                    _pictures(inputs[number, :, :length]) if inputs.ndim == 5 else None,
                )
            )
        return answers

    def exported(self, model: nn.Module, spec: Spec) -> Sequence[Part]:
        """The probabilities of each step, and how many steps of each sample are there."""
        given = network_input(model, spec)
        steps, count = given.shape[spec.axes.index(spec.each)], len(spec.classes)
        outputs = (Tensors("probabilities", (steps, count)), Tensors("steps", (), "int64"))
        answer = {"kind": "each", "classes": list(spec.classes), "rate": spec.rate}
        return [Part(_EachStep(looped(model)), (given,), outputs, network_examples(model, spec), answer)]

    def explained(self, outputs: Tensor, spec: Spec | None = None, wanted: str | None = None) -> Explained:
        raise ConfigError(
            "a class is said of each frame, and an explanation is about one number",
            "`profond predict` draws the labels over the frames: --pictures FOLDER",
        )

    def card(self, spec: Spec) -> list[str]:
        names = ", ".join(map(markdown, spec.classes[:20]))
        every = f", {spec.rate:g} a second" if spec.rate else ""
        return [f"- A class for each frame{every}: {names}{' …' if len(spec.classes) > 20 else ''}"]

    @staticmethod
    def example(seed: int = 0) -> Example:
        """Which third of a picture is bright in each frame; some frames are hidden, and clips differ in length."""
        random = torch.Generator().manual_seed(seed)
        splits: dict[str, Split] = {}
        for name, count in (("train", 60), ("valid", 31), ("test", 47)):
            targets = torch.randint(0, 3, (count, 2), generator=random).repeat_interleave(3, 1)
            clips = torch.randint(0, 90, (count, 1, 6, 4, 6), generator=random).float()
            for index, row in enumerate(targets.tolist()):
                for step, label in enumerate(row):
                    clips[index, :, step, :, 2 * label : 2 * label + 2] += 90
            hidden = torch.zeros(count, 6, dtype=torch.bool)
            hidden[::2, 1] = True
            clips.transpose(1, 2)[hidden] = 60.0
            gone = torch.arange(6) >= (6 - torch.arange(count) % 3)[:, None]
            clips.transpose(1, 2)[gone] = torch.nan
            splits[name] = TensorSplit(
                clips, targets.masked_fill(gone, ABSENT), name, marks={"hidden": hidden & ~gone, "first": _first(count)}
            )
        spec = Spec((1, 6, 4, 6), "cthw", classes=("left", "middle", "right"), each="t", rate=2.0)
        preprocessing = Preprocessing(mean=(0.3,), std=(0.2,))
        model = {"name": "frame_lstm", "widths": [8], "hidden": 8, "batch_norm": False}
        return Example(Dataset("thirds", spec, preprocessing, splits, "made here"), model)


class _EachStep(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        lengths = (
            token_lengths(inputs)
            if inputs.ndim == 2
            else lengths_of(inputs.flatten(3)[..., 0] if inputs.ndim == 5 else inputs)
        )
        return self.network(inputs).float().softmax(2), lengths


class FrameMeter:
    """What a model says of the frames of a split; one pass.

    ``marks`` may be set before: what else is known of the frames of the whole split, in its order.
    """

    def __init__(self, spec: Spec | None = None) -> None:
        self.spec = spec
        self.marks: Mapping[str, Tensor] = {}
        self.classes: tuple[str, ...] = ()
        self.rows: list[tuple[Tensor, Tensor, Tensor]] = []

    def update(self, model: nn.Module, batch: Any) -> int:
        inputs, targets = pair(batch)
        scores = _scores(called(model, inputs), targets).float()
        self.classes = tuple(_names(self.spec, scores.shape[2]))
        check_finite(scores)
        known = targets != ABSENT
        check_labels(targets[known], scores.shape[2])
        shares = scores.softmax(2)
        of_label = shares.gather(2, targets.clamp_min(0)[..., None])[..., 0] * known
        lengths = ends(inputs)
        there = torch.arange(targets.shape[1], device=targets.device) < lengths[:, None]
        predicted = torch.where(there, shares.argmax(2), ABSENT)
        self.rows.append((targets.cpu(), predicted.cpu(), of_label.cpu()))
        return len(targets)

    def seen(self) -> tuple[tuple[str, ...], list[tuple[Tensor, Tensor, Tensor]]]:
        return self.classes, self.rows

    def join(self, seen: tuple[tuple[str, ...], list[tuple[Tensor, Tensor, Tensor]]]) -> None:
        self.classes = seen[0]
        self.rows += seen[1]

    def metrics(self) -> dict[str, Measured]:
        return quick_metrics(self.rows)

    def report(self) -> Report:
        count = sum(len(labels) for labels, *_ in self.rows)
        marks = {name: marked for name, marked in self.marks.items() if len(marked) == count}
        return step_report(findings(self.rows, self.classes, marks), 0.0 if self.spec is None else self.spec.rate)


def _first(count: int) -> Tensor:
    return torch.arange(6).eq(0).expand(count, 6)


def _scores(output: Any, targets: Tensor | None = None) -> Tensor:
    """The output, where it is a row of scores for each step of each sample. Raises: DataError."""
    if not isinstance(output, Tensor) or output.ndim != 3:
        raise DataError(
            f"the model gives {described(output)}, and a row of scores for each frame is needed",
            "take a network such as frame_lstm: shape (samples, frames, classes)",
        )
    if targets is None:
        return output
    if targets.is_floating_point() or targets.ndim != 2:
        raise DataError(f"the targets are {described(targets)}", "give a whole number for each frame, and -1 for none")
    if output.shape[:2] != targets.shape:
        raise DataError(
            f"the model gives {described(output)}, and the targets are {described(targets)}",
            "give as many targets as there are frames",
        )
    return output


def _names(spec: Spec | None, count: int) -> Sequence[str]:
    if spec is None or not spec.classes:
        return [str(number) for number in range(count)]
    if len(spec.classes) != count:
        raise ConfigError(
            f"the model tells {count} classes apart, but there are {len(spec.classes)} labels",
            "spec.json is damaged: restore it, or train again",
        )
    return spec.classes


def _pictures(clip: Tensor) -> NDArray[np.float32]:
    """Some frames of a clip (c, t, h, w) as (m, c, h, w), brought to 0 to 1."""
    frames = clip[:, spaced(clip.shape[1], KEPT)].transpose(0, 1).float().cpu()
    low, high = frames.amin(), frames.amax()
    scaled: NDArray[np.float32] = ((frames - low) / (high - low).clamp_min(1e-6)).numpy()
    return scaled
