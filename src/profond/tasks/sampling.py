"""Samples of a generator: each from its own noise, of the classes asked for, and on the way from one to another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from profond.core.errors import ConfigError
from profond.core.randomness import mix
from profond.core.spec import Spec
from profond.measures.latents import latents
from profond.tasks.made import ROWS, Between, Made
from profond.tasks.names import index_of
from profond.tasks.samples import samples_of

EACH, WITHOUT_CLASSES, POINTS = 8, 64, 1000
"""How many are made where nobody says: of each class, of pictures without classes, of points."""
_FRAMES = 24
_MOST = 250_000_000
"""Numbers that are made at once: a gigabyte."""


def generated(
    model: Any,
    spec: Spec,
    *,
    count: int | None = None,
    seed: int = 0,
    label: str | Sequence[str] = (),
    truncation: float | None = None,
) -> Made:
    """Samples of a generator. Sample i depends on (seed, i) alone, and of several classes it is of the i-th in turn.

    Args:
        count: how many; by default `EACH` of each class, `WITHOUT_CLASSES` of one class or none, `POINTS` points.
        label: names of classes; all of them when left out.
        truncation: as in `profond.measures.latents.latents`.

    Raises: ConfigError for numbers out of range, for classes where the generator knows none, and for a generator whose
    samples are not finite; UnknownName.
    """
    asked = labels_asked(model, spec, label)
    usual = POINTS if len(spec.shape) != 3 else EACH * len(asked) if 1 < len(asked) <= ROWS else WITHOUT_CLASSES
    count = usual if count is None else count
    _check(count, seed, truncation, spec)
    labels = _in_turn(asked, count)
    noise = latents(model.latent_size, range(count), seed, truncation)
    return Made(samples_of(model, noise, torch.tensor(labels) if labels else None), seed, labels, spec.classes)


def interpolated(
    model: Any,
    spec: Spec,
    *,
    count: int | None = None,
    seed: int = 0,
    label: str | Sequence[str] = (),
    truncation: float | None = None,
) -> Between:
    """From each of the first samples to another one that has not been seen: sample i to sample count + i.

    The way is an arc: on the straight line, noise would be shorter than any that the generator was trained with.

    Args: as `generated`; count is that of the ways.

    Raises: as `generated`; ConfigError for a generator of points.

    Source: T. White, "Sampling generative networks", 2016, section 2.1.
    """
    labels, count = _ways(model, spec, count, seed, label, truncation)
    start = latents(model.latent_size, range(count), seed, truncation)
    end = latents(model.latent_size, range(count, 2 * count), seed, truncation)
    angle = torch.acos(F.cosine_similarity(start, end).clamp(-0.9999, 0.9999))[:, None]
    steps = torch.linspace(0, 1, _FRAMES).tolist()
    noise = torch.stack([(((1 - t) * angle).sin() * start + (t * angle).sin() * end) / angle.sin() for t in steps], 1)
    return Between(_along(model, noise, labels), seed, closed=False, labels=labels, classes=spec.classes)


def walked(
    model: Any,
    spec: Spec,
    *,
    count: int | None = None,
    seed: int = 0,
    label: str | Sequence[str] = (),
    truncation: float | None = None,
) -> Between:
    """From each of the first samples around a circle in the space of noise, back to where it began.

    Args, Raises: as `interpolated`.
    """
    labels, count = _ways(model, spec, count, seed, label, truncation)
    start = latents(model.latent_size, range(count), seed, truncation)
    across = latents(model.latent_size, range(count), mix(seed, "walk"), truncation)
    turns = (torch.arange(2 * _FRAMES) / (2 * _FRAMES) * math.tau).tolist()
    noise = torch.stack([math.cos(turn) * start + math.sin(turn) * across for turn in turns], 1)
    return Between(_along(model, noise, labels), seed, closed=True, labels=labels, classes=spec.classes)


def _along(model: Any, noise: Tensor, labels: Sequence[int]) -> Tensor:
    """Samples (n, t, …) of noise (n, t, z)."""
    count, steps = noise.shape[:2]
    each = torch.tensor(labels).repeat_interleave(steps) if labels else None
    samples = samples_of(model, noise.flatten(0, 1), each)
    return samples.view(count, steps, *samples.shape[1:])


def _ways(
    model: Any, spec: Spec, count: int | None, seed: int, label: str | Sequence[str], truncation: float | None
) -> tuple[list[int], int]:
    """The labels of so many ways. Raises: ConfigError, UnknownName."""
    if len(spec.shape) != 3:
        raise ConfigError("this run makes points, and ways lead from picture to picture", "leave it out")
    asked = labels_asked(model, spec, label)
    if count is None:
        count = len(asked) if 1 < len(asked) <= ROWS else EACH
    _check(count, seed, truncation, spec, each=2 * _FRAMES)
    return _in_turn(asked, count), count


def _in_turn(asked: Sequence[int], count: int) -> list[int]:
    """So many labels, one of each class after the other; none where no class is asked for."""
    return [asked[i % len(asked)] for i in range(count)] if asked else []


def labels_asked(model: Any, spec: Spec, wanted: str | Sequence[str]) -> list[int]:
    """Which classes are asked for, all of them where none is named; none of a model that knows none.

    Raises: ConfigError, UnknownName.
    """
    if not model.num_classes:
        if wanted:
            raise ConfigError(
                "this run makes samples of no class, and one is asked for", "leave it out, or train with classes"
            )
        return []
    if not wanted:
        return list(range(model.num_classes))
    found = []
    for text in [wanted] if isinstance(wanted, str) else wanted:
        whole = text in spec.classes
        found += [index_of(name, spec.classes, "class") for name in ([text] if whole else _parts(text))]
    return list(dict.fromkeys(found))


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()] or [text]


def _check(count: int, seed: int, truncation: float | None, spec: Spec, each: int = 1) -> None:
    """Whether so many can be made, of ``each`` samples. Raises: ConfigError."""
    most = _MOST // math.prod(spec.shape) // each
    if not 1 <= count <= most:
        raise ConfigError(f"count is {count:,}", f"1 to {most:,} can be made at once; another seed gives others")
    if not 0 <= seed < 2**63:
        raise ConfigError(f"the seed is {seed}", "use a whole number from 0 up, below 2^63")
    if truncation is not None and not 0 < truncation <= 100:
        raise ConfigError(f"the truncation is {truncation}", "use a number above 0, such as 1; 0.5 is more alike")
