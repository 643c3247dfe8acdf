"""A pool of pictures that generators made before, so that a critic does not forget what it once told apart."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


class PicturePool:
    """The critic is shown new pictures in half of the cases, and old ones, whose place the new ones take, in the other.

    Args:
        size: pictures that it holds at most; with 0 every picture is passed on.

    Source: A. Shrivastava et al., Learning from simulated and unsupervised images through adversarial training, CVPR
        2017, section 2.3; as CycleGAN's authors have it.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.pictures: list[Tensor] = []

    def exchange(self, made: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """As many pictures as are given, new or old; all that is random is drawn from torch's random state."""
        if not self.size:
            return made
        shown = []
        for picture in made:
            if len(self.pictures) < self.size:
                self.pictures.append(picture.clone())
                shown.append(picture)
            elif float(torch.rand(())) > 0.5:
                place = int(torch.randint(self.size, ()))
                shown.append(self.pictures[place].to(picture.device))
                self.pictures[place] = picture.clone()
            else:
                shown.append(picture)
        return torch.stack(shown)

    def state(self) -> Tensor | None:
        """All pictures (k, c, h, w); None while there is none."""
        return torch.stack(self.pictures) if self.pictures else None

    def restore(self, pictures: Tensor | None) -> None:
        """Go on from a `state`. Raises: ValueError for more pictures than it holds."""
        if pictures is not None and (pictures.ndim != 4 or len(pictures) > self.size):
            raise ValueError(f"a pool of {self.size} pictures cannot hold {tuple(pictures.shape)}")
        self.pictures = [] if pictures is None else list(pictures.unbind())
