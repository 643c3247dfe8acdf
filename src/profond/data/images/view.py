"""How one picture is looked at in one step of training; decided before it is decoded, and without knowing its size."""

from __future__ import annotations

from dataclasses import dataclass

TRIES = 10
NUMBERS = 4 * TRIES
"""How many random numbers a random region may need."""

_LOWEST, _HIGHEST = 3 / 4, 4 / 3


@dataclass(frozen=True, slots=True)
class View:
    """The size that is wanted, and the part of the picture that is taken.

    Args:
        size: height and width.
        least: share of the picture's area that a random region has at least.
        draws: `NUMBERS` uniform numbers in [0, 1) for a random region; none for the middle, as in evaluation.
        mirrored: left and right change places.
    """

    size: tuple[int, int]
    least: float = 1.0
    draws: tuple[float, ...] = ()
    mirrored: bool = False

    def region(self, width: int, height: int) -> tuple[int, int, int, int]:
        """Left, top, right and bottom of the random region of a picture of this size.

        Source: C. Szegedy et al., Going deeper with convolutions, CVPR 2015, section 6: an area evenly drawn from
        ``least`` to 1, proportions from 3:4 to 4:3. As in torchvision, the proportions are drawn evenly in their
        logarithm, a region that does not fit is drawn again, ten times at most, and then the middle is taken.
        """
        for first in range(0, len(self.draws), 4):
            share, proportion, down, across = self.draws[first : first + 4]
            area = width * height * (self.least + (1 - self.least) * share)
            ratio = _LOWEST * (_HIGHEST / _LOWEST) ** proportion
            wide, high = round((area * ratio) ** 0.5), round((area / ratio) ** 0.5)
            if 0 < wide <= width and 0 < high <= height:
                left, top = int(across * (width - wide + 1)), int(down * (height - high + 1))
                return left, top, left + wide, top + high
        wide, high = min(width, round(height * _HIGHEST)), min(height, round(width / _LOWEST))
        left, top = (width - wide) // 2, (height - high) // 2
        return left, top, left + wide, top + high

    def shrink(self, width: int, height: int) -> int:
        """1, 4 or 8: by how much a picture of this size may be decoded smaller and still hold enough pixels.

        NOTE not 2: reading a JPEG's bits is most of the work, so that half the size saves next to nothing.
        """
        if not self.draws:
            return 1
        left, top, right, bottom = self.region(width, height)
        spare = min((right - left) / self.size[1], (bottom - top) / self.size[0])
        return next((factor for factor in (8, 4) if factor <= spare), 1)
