"""How good a generator's samples are, and against what: against as many real samples of a split."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from profond.core.device import device_of
from profond.core.errors import ConfigError, DataError
from profond.core.spec import Spec
from profond.measures.compared import Comparison, Early, compared
from profond.measures.features import Features, of_points, random_features
from profond.measures.generated_report import samples_report
from profond.measures.latents import latents, made_of
from profond.measures.measured import Measured
from profond.measures.pixels import as_pixels
from profond.measures.report import Report
from profond.nn.modes import evaluating

MEASURED = 2000
"""Samples that are measured, at most, of a split: so many cost seconds."""


class SamplesMeter:
    """One pass over real samples, beside as many that the generator makes.

    A sample is made from a seed that the content of the real one beside it decides, and of those the ones with the
    least digests are measured: the same whatever the batches, the order and the number of processes.

    Args:
        spec: what the data decided, as far as known.
        features: what samples are compared by; by default coordinates of points, and random features of pictures.
        measured: samples that are measured, at most.
    """

    def __init__(self, spec: Spec | None = None, features: Features | None = None, measured: int = MEASURED) -> None:
        self.classes = () if spec is None else spec.classes
        self.features = features
        self.measured = measured
        self.model: Any = None
        self.said: list[Tensor] = []
        self.labels: list[Tensor] = []
        self.parts: list[_Part] = []
        self._whole: tuple[int, _Part] | None = None
        self._conditional = False

    def update(self, model: nn.Module, batch: Any) -> int:
        inputs, targets = batch
        if inputs.ndim not in (2, 4):
            raise DataError(
                f"samples have {inputs.ndim - 1} axes, and neither pictures nor points have", "give pictures or points"
            )
        self.model, self.device = model, inputs.device
        known = targets if targets.ndim == 1 and not targets.is_floating_point() else torch.full((len(inputs),), -1)
        labels = known.cpu().long()
        real = as_pixels(inputs).cpu() if inputs.ndim == 4 else inputs.detach().float().cpu()
        part = _Part(_digests(real), self._count + np.arange(len(real)), real, labels, None)
        self.parts.append(_least(part, self.measured))
        self.said.append(self.model.critic(inputs, self._given(labels)).detach().float().cpu().flatten())
        self.labels.append(labels)
        if sum(len(part.keys) for part in self.parts) > 4 * self.measured + 4 * len(inputs):
            self.parts = [_least(_joined(self.parts), self.measured)]
        return len(inputs)

    def seen(self) -> tuple[Tensor, Tensor, bool, list[Any]]:
        part = self._compared()
        conditional = self.model is not None and bool(self.model.num_classes)
        return torch.cat(self.said), torch.cat(self.labels), conditional, list(vars(part).values())

    def join(self, seen: tuple[Tensor, Tensor, bool, list[Any]]) -> None:
        said, labels, self._conditional, values = seen
        part = _Part(*values)
        self.parts.append(replace(part, places=self._count + part.places))
        self.said.append(said)
        self.labels.append(labels)

    def metrics(self) -> dict[str, Measured]:
        found = self.comparison()
        return compared(found.features, found.real, found.made, cheap=True)

    def report(self) -> Report:
        found = self.comparison()
        metrics = compared(found.features, found.real, found.made)
        return samples_report(found, metrics, torch.cat(self.said), torch.cat(self.labels))

    def comparison(self) -> Comparison:
        """The samples that are measured."""
        part = self._compared()
        assert part.made is not None
        usual = of_points() if part.real.ndim == 2 else random_features()
        conditional = self._conditional if self.model is None else bool(self.model.num_classes)
        features = self.features or usual
        return Comparison(
            part.real, part.made, part.labels, part.places, features, conditional, self.classes, self._count
        )

    @property
    def _count(self) -> int:
        return sum(map(len, self.said))

    def _compared(self) -> _Part:
        count = self._count
        if self._whole is None or self._whole[0] != count:
            joined = [part for part in self.parts if part.made is not None]
            own = [part for part in self.parts if part.made is None]
            if own:
                least = _least(_joined(own), self.measured)
                least.made = _made_beside(self.model, least.real, least.keys, least.labels, self.device)
                joined.append(least)
            self._whole = count, _least(_joined(joined), self.measured)
        return self._whole[1]

    def _given(self, labels: Tensor) -> Tensor | None:
        """Labels as a conditional network takes them."""
        return labels.to(self.device) if self.model.num_classes else None


@torch.no_grad()
def _made_beside(model: Any, real: Tensor, keys: NDArray[np.uint64], labels: Tensor, device: torch.device) -> Tensor:
    """The sample beside each real one, whatever the others are: pictures in batches that are all of one size, and
    points in float64, so that rounding to pixels, or to float32, gives the same bits."""
    noise = latents(model.latent_size, map(int, keys), seed=0)
    points = real.ndim == 2 and device.type != "mps"  # which has no float64
    generator = copy.deepcopy(model.generator).double() if points else model.generator
    with evaluating(generator):
        samples = made_of(generator, noise.double() if points else noise, labels if model.num_classes else None, device)
    if not bool(samples.isfinite().all()):
        raise ConfigError("the samples made are not finite", "its weights are damaged, or training went astray")
    return as_pixels(samples) if samples.ndim == 4 else samples


def with_early(found: Comparison, model: Any, when: str) -> Comparison:
    """What was compared, with samples of the same noise by the model as it was early in its training.

    Args:
        when: for people, such as ``after 250 of 2,500 steps``.

    Raises: ConfigError for samples that are not finite.
    """
    samples = _made_beside(model, found.real, _digests(found.real), found.labels, device_of(model))
    return replace(found, early=Early(samples, when))


@dataclass
class _Part:
    """Real samples (n, …) with their digests, their places in the pass, their labels and, once made, the samples beside
    them."""

    keys: NDArray[np.uint64]
    places: NDArray[np.int64]
    real: Tensor
    labels: Tensor
    made: Tensor | None


def _joined(parts: Sequence[_Part]) -> _Part:
    keys, places = (np.concatenate([getattr(part, name) for part in parts]) for name in ("keys", "places"))
    real, labels = (torch.cat([getattr(part, name) for part in parts]) for name in ("real", "labels"))
    made = [part.made for part in parts if part.made is not None]
    return _Part(keys, places, real, labels, torch.cat(made) if made else None)


def _least(part: _Part, count: int) -> _Part:
    """Those with the least digests, in their order: as good as drawn by lot, and the same for everybody."""
    order = np.argsort(part.keys, kind="stable")[:count]
    chosen = torch.from_numpy(order)
    made = None if part.made is None else part.made[chosen]
    return _Part(part.keys[order], part.places[order], part.real[chosen], part.labels[chosen], made)


def _digests(samples: Tensor) -> NDArray[np.uint64]:
    rows = samples.contiguous().flatten(1).numpy()
    digests = (hashlib.blake2b(row.tobytes(), digest_size=8).digest() for row in rows)
    return np.frombuffer(b"".join(digests), dtype="<u8")
