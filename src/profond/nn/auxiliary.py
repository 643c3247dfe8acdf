"""What a network with auxiliary heads puts out in training."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Logits(NamedTuple):
    """The logits to be used, and those of heads that stand further down only to teach the layers below them.

    Args:
        main: n k.
        auxiliary: heads n k.
    """

    main: Tensor
    auxiliary: Tensor
