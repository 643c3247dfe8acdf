"""Several paths side by side, their outputs stacked as channels: the Inception module."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Branches(nn.Module):
    """All branches see the same input; their maps are concatenated in the order given.

    Args:
        branches: by name; each puts out maps of the same size.

    NOTE No branch may begin with an activation in place: it would change what the next branch sees.

    Source: C. Szegedy et al., Going deeper with convolutions, CVPR 2015, section 4, figure 2.
    """

    def __init__(self, **branches: nn.Module) -> None:
        super().__init__()
        for name, branch in branches.items():
            self.add_module(name, branch)

    def forward(self, inputs: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        return torch.cat([branch(inputs) for branch in self.children()], 1)
