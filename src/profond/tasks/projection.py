"""The noise that a generator makes a given picture from, or the nearest that it can: found by gradient descent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL.Image import Image
from torch import Tensor

from profond.core.errors import ConfigError, UsageError
from profond.core.spec import Spec
from profond.measures.latents import latents
from profond.measures.picture_sheet import side_by_side
from profond.tasks.batch import described
from profond.tasks.made import as_picture_name, encoded, save_picture
from profond.tasks.samples import samples_of
from profond.tasks.sampling import labels_asked

DRAWN, STARTS, STEPS = 256, 8, 200
"""Samples among which the nearest are where the descent starts; how many of them; and its steps."""
_RATE = 0.1
_UNUSUAL, _LONG = 0.01, 2.0
"""How much counts by which noise is longer than usual: little, and enough that it does not grow without end; and from
which squared length on, in usual ones."""


@dataclass(frozen=True)
class Projection:
    """A picture and the nearest one that the generator was found to make.

    Args:
        given, drawn, found: (c, h, w) between -1 and 1: the picture, the nearest of the samples that were drawn, and
            what was found from there.
        before, after: how far these two are from the picture: the root of the mean squared difference, in levels of
            255.
        length: of the noise that was found, in usual lengths.
        label: the class that it was found in.
    """

    given: Tensor
    drawn: Tensor
    found: Tensor
    before: float
    after: float
    length: float
    noise: Tensor
    label: str | None = None

    def sheet(self) -> Image:
        """The picture, the nearest sample that was drawn, and what was found."""
        words = ("given", f"nearest of {DRAWN}: {self.before:.1f} away", f"found: {self.after:.1f} away")
        return side_by_side((self.given, self.drawn, self.found), words)

    def paths(self, path: Path, *, each: bool = False) -> list[Path]:
        if each:
            raise UsageError("--each is for pictures that are made, and this is one that was given", "leave --each out")
        return [as_picture_name(path)]

    def write(self, path: Path, *, each: bool = False) -> list[Path]:
        (file,) = self.paths(path, each=each)
        save_picture(self.sheet(), file)
        return [file]

    def lines(self) -> list[str]:
        of = "" if self.label is None else f" in class {self.label}"
        return [
            f"found{of}: {self.after:.1f} levels of 255 away (root mean square), where the nearest of {DRAWN} samples "
            f"was {self.before:.1f} away; its noise is {self.length:.2f} times as long as usual"
        ]

    def to_json(self) -> dict[str, Any]:
        return {
            "difference": self.after,
            "difference_of_nearest": self.before,
            "unit": "levels of 255, root mean square",
            "noise": [round(float(value), 6) for value in self.noise],
            "noise_length": self.length,
            **({} if self.label is None else {"class": self.label}),
        }

    def _repr_png_(self) -> bytes:
        return encoded(self.sheet(), ".png")


def projected(
    model: Any, spec: Spec, sample: Tensor, *, label: str | Sequence[str] = (), seed: int = 0, steps: int = STEPS
) -> Projection:
    """Noise whose picture is as near as can be to a given one: Adam on the squared difference, from several starts.

    Args:
        sample: (c, h, w) as the generator makes them.
        label: classes to look in; all when left out.
        seed: of the samples among which it starts.

    Raises: ConfigError for a picture of another shape, and for a generator of points; UnknownName.
    """
    if len(spec.shape) != 3:
        raise ConfigError("this run makes points, and pictures are looked for", "leave it out")
    if tuple(sample.shape) != tuple(spec.shape):
        raise ConfigError(f"the picture is {described(sample)}, and the generator makes {spec.shape}", "resize it")
    device = next(model.parameters()).device
    asked = labels_asked(model, spec, label)
    noise = latents(model.latent_size, range(DRAWN), seed)
    labels = [asked[i % len(asked)] for i in range(DRAWN)] if asked else []
    drawn = samples_of(model, noise, torch.tensor(labels) if labels else None)
    nearest = _distances(drawn, sample).argsort()[:STARTS]
    given = torch.tensor(labels)[nearest].to(device) if labels else None
    target = sample.to(device)
    with torch.inference_mode(False), torch.enable_grad():
        moved = noise[nearest].to(device).clone().requires_grad_()
        optimizer = torch.optim.Adam([moved], lr=_RATE)
        for step in range(steps):
            optimizer.param_groups[0]["lr"] = _RATE * (1 - step / steps)
            unusual = (moved.square().mean(1) - _LONG).relu().square()
            error = (model.generator(moved, given).float() - target).square().flatten(1).mean(1)
            (moved.grad,) = torch.autograd.grad((error + _UNUSUAL * unusual).sum(), moved)
            optimizer.step()
    starts = noise[nearest]
    ends = torch.cat((moved.detach().cpu(), starts))  # a descent that leads nowhere is not taken
    of = [labels[i] for i in nearest.tolist()] * 2 if labels else []
    made = samples_of(model, ends, torch.tensor(of) if of else None)
    best = int(_distances(made, sample).argmin())
    return Projection(
        sample.cpu(),
        drawn[nearest[0]],
        made[best],
        float(_distances(drawn[nearest[:1]], sample)),
        float(_distances(made[best : best + 1], sample)),
        float(ends[best].square().mean().sqrt()),
        ends[best],
        spec.classes[of[best]] if of else None,
    )


def _distances(samples: Tensor, given: Tensor) -> Tensor:
    """Of each of samples (n, c, h, w) the root of the mean squared difference, in levels of 255."""
    return (samples - given.cpu()).square().flatten(1).mean(1).sqrt() * 127.5
