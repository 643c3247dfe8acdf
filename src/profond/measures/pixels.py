"""Pictures as a generator makes them, and as files hold them."""

from __future__ import annotations

import torch
from torch import Tensor


def as_pixels(pictures: Tensor) -> Tensor:
    """Pictures (n, c, h, w) between -1 (black) and 1 (white) as uint8; what lies outside is cut."""
    return ((pictures.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
