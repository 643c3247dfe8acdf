"""What people see of a generator while it learns: the same noise again and again, beside real samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from PIL.Image import Image
from torch import Tensor, nn

from profond.core.device import device_of
from profond.core.errors import DataError
from profond.core.randomness import generator
from profond.data.dataset import Dataset
from profond.data.split import Split, TensorSplit
from profond.measures.latents import latents
from profond.measures.picture_sheet import in_rows, in_square, picture_sheet
from profond.measures.points_figure import limits_of, points_picture, score_map
from profond.tasks.made import ROWS
from profond.tasks.samples import samples_of
from profond.tasks.sampling import EACH
from profond.tasks.symptoms import Watch, can_be_searched, small

PICTURES, POINTS = 64, 500
"""How many are shown: pictures without classes, and points; of pictures in classes `EACH` of each."""
_HELD_OUT, _DECODED = 256, 500


class GeneratedShow:
    """Samples of fixed noise, drawn in the same way at every step.

    Pictures stand in a grid, one row a class where the model is conditional; points among real ones, on the map of what
    the critic says, on axes that never change.

    Args:
        dataset: real samples are taken from its ``train``.
        seed: of the noise, which is that of `profond generate --seed`, and of the choice of real samples.
        critic_loss: of scores of real and made samples; None where it has no least value, as that of a Wasserstein
            critic.

    Raises: DataError for samples that are neither pictures nor vectors.
    """

    def __init__(
        self, dataset: Dataset, seed: int, critic_loss: Callable[[Tensor, Tensor], Tensor] | None = None
    ) -> None:
        if len(dataset.spec.shape) not in (1, 3):
            raise DataError(f"{dataset.name} has neither pictures nor points", "a generator makes one of these")
        self.spec, self.seed = dataset.spec, seed
        self.pictures = len(dataset.spec.shape) == 3
        train = dataset.split("train")
        chosen = self._chosen(train)
        self.samples = _samples(dataset, train, chosen)
        self.labels = train.targets[chosen] if dataset.spec.classes else torch.zeros(len(chosen), dtype=torch.int64)
        if self.pictures:
            self.real = self._sheet(self.samples, self.labels if self._rows else None)
        else:
            self.limits = limits_of(self.samples)
            self.real = points_picture(self.limits, real=self.samples, made=self.samples[:0])
        searched = self.pictures and can_be_searched(len(train), dataset.spec.shape)
        if not isinstance(train, TensorSplit):  # each would be decoded
            searched = searched and len(train) <= _DECODED
        held_out = next((dataset.splits[name] for name in ("valid", "test") if name in dataset.splits), None)
        self.watch = Watch(
            self.samples,
            self.labels,
            dataset.spec.classes,
            train=_small(dataset, train, len(train)) if searched else None,
            held_out=_small(dataset, held_out, _HELD_OUT) if searched and held_out else None,
            critic_loss=critic_loss,
        )

    @property
    def _rows(self) -> int:
        """One for each class, where there are classes, and not too many."""
        return self.spec.num_classes if self.spec.num_classes <= ROWS and self.pictures else 0

    def _chosen(self, train: Split) -> Tensor:
        """Which samples of the data are shown, those of a class beside each other."""
        order = torch.randperm(len(train), generator=generator(self.seed, "shown"))
        if not self._rows:
            return order[: PICTURES if self.pictures else POINTS]
        labels = train.targets[order]
        return torch.cat([order[labels == label][:EACH] for label in range(self._rows)])

    def _sheet(self, samples: Tensor, labels: Tensor | None) -> Image:
        if labels is None:
            return picture_sheet(in_square(samples))
        rows, found = in_rows(samples, labels.tolist())
        return picture_sheet(rows, [self.spec.classes[label] for label in found])

    def picture(self, model: Any) -> Image:
        made, labels = self._made(model)
        if not self.pictures:
            device = device_of(model)
            scores = score_map(lambda places: _scores(model, places.to(device)), self.limits)
            return points_picture(self.limits, real=self.samples, made=made, scores=scores)
        return self._sheet(made, labels if self._in_classes(model) else None)

    def lag(self, model: nn.Module, live: nn.Module) -> list[str]:
        return self.watch.lag(self._made(model)[0], self._made(live)[0])

    def symptoms(self, model: Any, means: Mapping[str, float]) -> list[str]:
        made, labels = self._made(model)
        count = min(len(made), len(self.samples))  # the losses of some critics are of pairs
        device, classes = device_of(model), bool(model.num_classes)
        pairs = ((self.samples, self.labels), (made, labels))
        scores = [
            _scores(model, samples[:count].to(device), of[:count].to(device) if classes else None).cpu()
            for samples, of in pairs
        ]
        return self.watch.look(
            made,
            labels if self._in_classes(model) else None,
            scores=(scores[0], scores[1]),
        )

    def _in_classes(self, model: Any) -> bool:
        return bool(self._rows and model.num_classes)

    def _made(self, model: Any) -> tuple[Tensor, Tensor]:
        """Samples of the model, and their labels, those of a class beside each other."""
        if self._in_classes(model):
            indices = [label + self._rows * k for label in range(self._rows) for k in range(EACH)]
        else:
            indices = list(range(PICTURES if self.pictures else POINTS))
        labels = torch.tensor(indices) % max(1, model.num_classes)
        noise = latents(model.latent_size, indices, self.seed)
        return samples_of(model, noise, labels if model.num_classes else None), labels


def _scores(model: Any, samples: Tensor, labels: Tensor | None = None) -> Tensor:
    """What the critic says; of a conditional one that is asked of no class, the mean over all."""
    if not model.num_classes:
        return model.critic(samples, None).float()
    if labels is not None:
        return model.critic(samples, labels).float()
    every = (torch.full((len(samples),), label, device=samples.device) for label in range(model.num_classes))
    return torch.stack([model.critic(samples, of_one) for of_one in every]).float().mean(0)


def _samples(dataset: Dataset, split: Split, indices: Tensor) -> Tensor:
    """Samples as the model takes them, (n, …)."""
    return dataset.preprocessing.normalise(torch.stack([split.raw(index) for index in indices.tolist()]))


def _small(dataset: Dataset, split: Split, most: int) -> Tensor:
    """The first samples of a split, made small a few at a time: all of them together may be large."""
    parts = torch.split(torch.arange(min(most, len(split))), 1000)
    return torch.cat([small(_samples(dataset, split, part)) for part in parts])
