"""Generators that nobody trained: good ones, and ones that are bad in a known way."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from profond.core.spec import Spec
from profond.data.dataset import Dataset
from profond.data.preprocessing import Preprocessing
from profond.data.split import Split, TensorSplit

SIDE, NAMES = 16, ("disc", "bar")


def drawn(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Discs and bars in turn, white on black, anywhere: uint8 (n, 1, 16, 16) and labels."""
    random = torch.Generator().manual_seed(seed)
    y, x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    pictures, labels = [], torch.arange(count) % 2
    for label in labels.tolist():
        at_y, at_x, size = (torch.rand(3, generator=random) * torch.tensor([9.0, 9.0, 2.0]) + 3).tolist()
        disc = (y - at_y) ** 2 + (x - at_x) ** 2 < size**2
        bar = ((x - at_x).abs() < size / 2) if at_y < 7 else ((y - at_y).abs() < size / 2)
        pictures.append(bar if label else disc)
    return torch.stack(pictures)[:, None].to(torch.uint8) * 255, labels


def shapes(train: int = 120) -> Dataset:
    """What the generators here are to imitate, between -1 and 1."""
    splits: dict[str, Split] = {}
    for seed, (name, count) in enumerate((("train", train), ("test", 60))):
        pictures, labels = drawn(count, seed)
        splits[name] = TensorSplit(pictures, labels, name)
    spec = Spec((1, SIDE, SIDE), "chw", classes=NAMES)
    preprocessing = Preprocessing(size=(SIDE, SIDE), mode="L", fixed_size=True)
    return Dataset("shapes", spec, preprocessing, splits, "made here").between(-1, 1)


class Fixed(nn.Module):
    """A generator that gives the k-th of some samples for the k-th noise that it is shown, and any critic."""

    latent_size = 2

    def __init__(
        self,
        samples: Tensor | Callable[[Tensor, Tensor | None], Tensor],
        *,
        num_classes: int = 0,
        critic: Callable[[Tensor], Tensor] = lambda samples: samples.flatten(1).mean(1),
    ) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.weight = nn.Parameter(torch.zeros(1))
        self.generator = _Generator(samples)
        self._critic = critic

    def critic(self, samples: Tensor, labels: Tensor | None) -> Tensor:
        return self._critic(samples)


class _Generator(nn.Module):
    def __init__(self, samples: Tensor | Callable[[Tensor, Tensor | None], Tensor]) -> None:
        super().__init__()
        self.samples = samples
        self.known: dict[float, int] = {}

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        if not isinstance(self.samples, Tensor):
            return self.samples(latents, labels)
        which = [self.known.setdefault(float(row[0]), len(self.known)) for row in latents]
        return self.samples[torch.tensor(which) % len(self.samples)]


def unlike(count: int = 64, seed: int = 99) -> Tensor:
    """Pictures like those of the data, and none of them: what the best generator would make."""
    return as_made(drawn(count, seed)[0])


def as_made(pictures: Tensor) -> Tensor:
    return pictures.float() / 127.5 - 1
