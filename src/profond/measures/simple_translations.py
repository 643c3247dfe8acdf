"""What translates without learning, to be set beside what learned: every measure must find it worse."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_BRIGHTNESS = torch.tensor([0.299, 0.587, 0.114])[:, None, None]
"""Of red, green and blue, as ITU-R BT.601 weighs them."""
BLUR = 2.0
"""Standard deviation of the blur, in pixels."""


def simple_translations(before: Tensor, kind: Tensor) -> dict[str, Tensor]:
    """By name, as pictures from 0 to 1: untouched, a white page, blurred, and with the colours of B.

    Args:
        before: pictures of A, uint8 (n, c, h, w).
        kind: pictures of B, uint8 (m, c, h, w), in no order: which belongs to which is not used.
    """
    from scipy.ndimage import gaussian_filter  # a second that a validation should not pay

    plain = before.float() / 255
    blurred = torch.from_numpy(gaussian_filter(plain.numpy(), (0, 0, BLUR, BLUR)))
    return {
        "untouched": plain,
        "a white page": torch.ones_like(plain),
        "blurred": blurred,
        "colours of B": matched_colours(before, kind),
    }


def matched_colours(before: Tensor, kind: Tensor) -> Tensor:
    """Pictures of A whose colours, taken all together, are spread like those of B, each channel by itself; 0 to 1.

    A value of A becomes the mean of those values of B that have the same rank. Where all of B is grey, it is the
    brightness of A that is spread like B's: a grey page from each channel by itself would keep A's colours.
    """
    if len(kind) and before.shape[1] == 3 and bool((kind == kind[:, :1]).all()):
        grey = (before.float() * _BRIGHTNESS).sum(1, keepdim=True).round().to(torch.uint8)
        return matched_colours(grey, kind[:, :1]).expand(-1, 3, -1, -1)
    channels = [
        torch.from_numpy(_mapping(before[:, channel].numpy(), kind[:, channel].numpy()))[before[:, channel].long()]
        for channel in range(before.shape[1])
    ]
    return torch.stack(channels, 1)


def _mapping(values: NDArray[np.uint8], wanted: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What each of 256 values becomes, from 0 to 1."""
    shares = [np.bincount(one.ravel(), minlength=256) / one.size for one in (values, wanted)]
    ends, others = np.cumsum(shares[0]), np.concatenate([[0.0], np.cumsum(shares[1])])
    areas = np.concatenate([[0.0], np.cumsum(shares[1] * np.arange(256))])  # of the wanted values, up to a rank
    up_to = np.interp(np.concatenate([[0.0], ends]), others, areas)
    found = np.divide(np.diff(up_to), shares[0], out=np.arange(256, dtype=np.float64), where=shares[0] > 1e-9)
    mapping: NDArray[np.float32] = (found.clip(0, 255) / 255).astype(np.float32)
    return mapping
