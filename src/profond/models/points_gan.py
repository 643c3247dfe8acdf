"""A generator and a critic of points: two multi-layer perceptrons, for distributions that can be drawn.

Notable features:
- samples are rows of numbers, such as the places of points in a plane: a ring, a grid, two moons
- leaky ReLU, no normalisation; the same hidden layers in both
- of a class, where the data have classes: its embedding beside the latent, its projection in the critic

Source: of the test that a ring of 8 and a grid of 25 normal distributions make, L. Metz et al., "Unrolled generative
adversarial networks", ICLR 2017, and A. Srivastava et al., "VEEGAN", NeurIPS 2017.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, ClassVar

from jaxtyping import Float, Int
from torch import Tensor, nn

from profond.core.config import Count
from profond.core.errors import ConfigError
from profond.models import register_model
from profond.models.shape import check_positive
from profond.nn.adversarial import SLOPE, Labelled, Projection, conditional_classes, scaled


def _layers(sizes: Sequence[int]) -> nn.Sequential:
    layers = nn.Sequential()
    for before, after in itertools.pairwise(sizes):
        layer = nn.Linear(before, after)
        scaled(layer.weight, before)
        nn.init.uniform_(layer.bias, -1, 1)  # else all kinks go through the origin
        layers.append(nn.Sequential(layer, nn.LeakyReLU(SLOPE)))
    return layers


class PointsGenerator(nn.Module):
    """Latents (n, z) to samples (n, d)."""

    def __init__(self, size: int, latent_size: int, num_classes: int, hidden: Sequence[int]) -> None:
        super().__init__()
        labelled = Labelled(latent_size, num_classes)
        self.hidden = _layers((labelled.size, *hidden))
        self.output = nn.Linear(hidden[-1], size)
        scaled(self.output.weight, hidden[-1], gain=1.0)
        self.labelled = labelled

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        samples: Tensor = self.output(self.hidden(self.labelled(latents, labels)))
        return samples


class PointsCritic(nn.Module):
    """Samples (n, d) to scores (n,)."""

    def __init__(self, size: int, num_classes: int, hidden: Sequence[int]) -> None:
        super().__init__()
        self.hidden = _layers((size, *hidden))
        self.score = Projection(hidden[-1], num_classes)

    def forward(self, samples: Tensor, labels: Tensor | None = None) -> Tensor:
        scores: Tensor = self.score(self.hidden(samples), labels)
        return scores


@register_model("points_gan")
class PointsGAN(nn.Module):
    """Generator and critic of points, two perceptrons of three hidden layers of 128 by default.

    Args:
        input_shape: of one sample: (d,).
        num_classes: of the data; 0 for none.
        conditional: whether samples of a class can be asked for; None where the data have classes.
        latent_size: numbers that a sample is made from.
        hidden: width of each hidden layer of both.

    Raises: ConfigError for pictures, and for no hidden layer.
    """

    family = "generator"
    usual: ClassVar[dict[str, Any]] = {
        "loader.batch_size": 256,
        "task.penalty_weight": 0.05,
        "training.precision": "fp32",  # in bf16, places near 1 lie 0.008 apart
    }
    example_shape: ClassVar[tuple[int, ...]] = (2,)
    example_settings: ClassVar[dict[str, Any]] = {"hidden": (16, 16), "latent_size": 3}

    def __init__(
        self,
        input_shape: tuple[int, ...],
        num_classes: int = 0,
        conditional: bool | None = None,
        latent_size: Count = 8,
        hidden: tuple[Count, ...] = (128, 128, 128),
    ) -> None:
        super().__init__()
        if len(input_shape) != 1:
            raise ConfigError(
                f"points_gan takes one sample as (numbers,), not {tuple(input_shape)}",
                "for pictures: --model r3gan, or dcgan",
            )
        check_positive("points_gan", input_shape)
        if not hidden:
            raise ConfigError("points_gan has no hidden layer", "give at least one width")
        self.latent_size = latent_size
        self.num_classes = conditional_classes(num_classes, conditional)
        self.forward_shape = (latent_size,)
        self.generator = PointsGenerator(input_shape[0], latent_size, self.num_classes, hidden)
        self.critic = PointsCritic(input_shape[0], self.num_classes, hidden)
        self.stages = tuple(
            f"{part}.hidden.{layer}" for part in ("generator", "critic") for layer in range(len(hidden))
        )
        self.head = "critic.score"

    def forward(self, latents: Float[Tensor, "n z"], labels: Int[Tensor, " n"] | None = None) -> Float[Tensor, "n d"]:
        """Samples made from latents."""
        samples: Tensor = self.generator(latents, labels)
        return samples
