"""The example that every registered task brings, put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from profond.core.randomness import seed_here
from profond.core.spec import Spec
from profond.data.dataset import Dataset
from profond.evaluation.evaluate import evaluate
from profond.measures.report import Report
from profond.models import configure, create
from profond.tasks import task_class
from profond.tasks.task import Answer, Meter, Task
from profond.training.measure import measure

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Case:
    """A task, settled, with the data and a fresh network of its example."""

    name: str
    task: Task
    settings: dict[str, Any]
    dataset: Dataset
    model: nn.Module
    model_settings: dict[str, Any]

    @property
    def spec(self) -> Spec:
        return self.dataset.spec

    def batches(self, split: str, size: int = 16, **settings: Any) -> Any:
        return self.dataset.batches(split, size, **settings)

    def batch(self, split: str = "train", size: int = 1000) -> Any:
        return next(iter(self.batches(split, size)))

    def meter(self, split: str, size: int = 16) -> Meter:
        return measure(self.model, self.task, self.batches(split, size), spec=self.spec, device=CPU)

    def report(self, split: str = "test", size: int = 16) -> Report:
        return evaluate(self.model, self.task, self.batches(split, size), spec=self.spec)

    def answers(self, split: str = "test", size: int = 16) -> Sequence[Answer]:
        self.model.eval()
        with torch.inference_mode():
            batches = self.batches(split, size)
            return [answer for batch in batches for answer in self.task.answer(self.model, batch[0], self.spec)]


def untrained(name: str, seed: int = 0) -> Case:
    """Its weights depend on the seed alone."""
    example = task_class(name).example(seed)
    settings, _ = task_class(name)().settle(example.dataset)
    chosen = {key: value for key, value in example.model.items() if key != "name"}
    model_settings = configure(example.model["name"], example.dataset.spec, chosen)
    seed_here(seed, "model")
    model = create(example.model["name"], None, **model_settings)
    task = task_class(name)(**settings)
    return Case(name, task, settings, example.dataset, model, {"name": example.model["name"], **model_settings})
