"""The same picture seen a little otherwise, so that what is said of it can be averaged."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def views_of(inputs: Float[Tensor, "n ..."], share: float) -> Iterator[Tensor]:
    """Six views of pictures (n, c, h, w) or clips (n, c, t, h, w), none of them a mirror image.

    Args:
        share: of the picture by which it is moved to the left, right, up and down, and made larger and smaller; beyond
            a border the pixels at the border go on.
    """
    flat = inputs.flatten(1, -3)  # a clip's frames move together
    for zoom, across, down in (
        (1.0, share, 0.0),
        (1.0, -share, 0.0),
        (1.0, 0.0, share),
        (1.0, 0.0, -share),
        (1 / (1 + share), 0.0, 0.0),
        (1 + share, 0.0, 0.0),
    ):
        # NOTE places reach from -1 to 1, so that a whole picture is 2 wide
        rows = [[zoom, 0.0, 2 * across], [0.0, zoom, 2 * down]]
        places = torch.tensor(rows, dtype=flat.dtype, device=flat.device).expand(flat.shape[0], 2, 3)
        grid = F.affine_grid(places, [*flat.shape], align_corners=False)
        yield F.grid_sample(flat, grid, padding_mode="border", align_corners=False).view(inputs.shape)
