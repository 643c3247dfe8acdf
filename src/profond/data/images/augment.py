"""Random changes to whole batches, on the device, the same for the same generator."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Generator, Tensor

from profond.core.config import Integer, Natural, NotNegative, Share, check_fields
from profond.core.errors import ConfigError

Side = Annotated[Integer, Field(ge=32, le=4096, multiple_of=32)]


@dataclass(frozen=True)
class Augment:
    """What may happen to an image, or to all frames of a clip alike.

    What comes in from outside a picture by shift, rotate and scale, and what erase leaves, has the colour of the data's
    background: that of most of the pixels along the pictures' borders, where most of them agree, such as the white
    on which transparency is laid; otherwise it is black. ``preprocessing.json`` keeps it as ``background``.

    Args:
        shift: up to this many pixels in each direction.
        flip: left and right change places in half of the samples; not in those of a class that is then no sample of
            any class, as the data say (`Spec.mirrors`), and where it is one of another class, it becomes one of that.
        rotate: up to this many degrees either way.
        perspective: up to this share one side of the picture is nearer than the other, across and down.
        scale: up to this share larger or smaller: 0.1 is 0.9 to 1.1 times.
        crop: 0 for none, or the least share of the area that a random crop keeps; it is resized to the whole.
        erase: side of a square of background at a random place, in pixels.
        brightness: up to this share brighter or darker.
        contrast: up to this share more or less.
        decode_crop: like ``crop``, but of the picture as it is in its file, while it is decoded: a random region in
            proportions of 3:4 to 4:3 is brought to the size that is wanted in one go.
        sizes: sides of the square that pictures are brought to as training goes on: pairs of the share of all epochs
            from which it counts, the first 0, and the side, a multiple of 32. ((0, 160), (0.75, 192)) trains the
            last quarter with larger pictures; evaluation keeps its own size.
        mixup: 0 for none, or alpha of Beta(alpha, alpha): two samples and their classes, or numbers, are blended.
    """

    shift: Natural = 0
    flip: bool = False
    rotate: NotNegative = 0.0
    scale: Share = 0.0
    perspective: Share = 0.0
    crop: Share = 0.0
    erase: Natural = 0
    brightness: Share = 0.0
    contrast: Share = 0.0
    mixup: NotNegative = 0.0
    decode_crop: Share = 0.0
    sizes: tuple[tuple[Share, Side], ...] = ()

    def __post_init__(self) -> None:
        check_fields(self, "augmentation")
        starts = [share for share, _ in self.sizes]
        if starts and (starts[0] != 0 or starts != sorted(set(starts))):
            raise ConfigError(
                f"augmentation sizes start at {starts}", "use shares of all epochs: 0 first, then rising, below 1"
            )

    def side(self, share: float) -> int:
        """Of ``sizes``, the side that counts when this share of all epochs is done."""
        return [side for start, side in self.sizes if start <= share + 1e-9][-1]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def changes_pixels(self) -> bool:
        """Whether anything but the shift (which happens while gathering) and mixup is asked for."""
        return self.warps or self.flip or self.erase > 0 or self.brightness > 0 or self.contrast > 0

    @property
    def warps(self) -> bool:
        return self.rotate > 0 or self.scale > 0 or self.crop > 0 or self.perspective > 0

    def draw(self, count: int, height: int, width: int, random: Generator) -> dict[str, Tensor]:
        """One draw for each of ``count`` samples, on the CPU. All that is random about a batch is decided here."""
        drawn: dict[str, Tensor] = {}
        if self.shift:
            drawn["shift"] = torch.randint(0, 2 * self.shift + 1, (count, 2), generator=random)
        if self.flip:
            drawn["flip"] = torch.randint(0, 2, (count,), generator=random).bool()
        if self.warps:
            drawn["warp"] = self._warps(count, height / width, random)
        if self.erase:
            limits = torch.tensor([height, width])
            drawn["erase"] = (torch.rand(count, 2, generator=random) * limits).long()
        if self.brightness:
            drawn["brightness"] = 1 + self.brightness * (2 * torch.rand(count, generator=random) - 1)
        if self.contrast:
            drawn["contrast"] = 1 + self.contrast * (2 * torch.rand(count, generator=random) - 1)
        return drawn

    def _warps(self, count: int, ratio: float, random: Generator) -> Tensor:
        """Maps from output to input places in [-1, 1]: affine (count, 2, 3), or with a perspective (count, 3, 3)."""
        uniform = 2 * torch.rand(count, 5, generator=random) - 1
        angle = uniform[:, 0] * math.radians(self.rotate)
        zoom = 1 / (1 + uniform[:, 1] * self.scale)
        across = zoom.clone()
        down = zoom.clone()
        x = torch.zeros(count)
        y = torch.zeros(count)
        if self.crop:
            area = self.crop + (1 - self.crop) * (uniform[:, 1] + 1) / 2
            stretch = (4 / 3) ** (uniform[:, 2] / 2)  # proportions between 3:4 and 4:3, as in Inception's crops
            wide, high = (area.sqrt() * stretch).clamp(max=1), (area.sqrt() / stretch).clamp(max=1)
            across, down = across * wide, down * high
            x, y = uniform[:, 3] * (1 - wide), uniform[:, 4] * (1 - high)
        cosine, sine = angle.cos(), angle.sin()
        rows = (
            torch.stack((cosine * across, -sine * down * ratio, x), 1),
            torch.stack((sine * across / ratio, cosine * down, y), 1),
        )
        if not self.perspective:
            return torch.stack(rows, 1)
        # The last row is what places are divided by: 1 in the middle, 1 ± the share at opposite sides.
        tilt = self.perspective * (2 * torch.rand(count, 2, generator=random) - 1)
        return torch.stack((*rows, torch.cat((tilt, torch.ones(count, 1)), 1)), 1)

    def apply(self, inputs: Tensor, drawn: dict[str, Tensor], black: Tensor, outside: Tensor | None = None) -> Tensor:
        """All but shift and mixup, on normalised (n, c, h, w) or (n, c, t, h, w).

        Args:
            inputs: changed in place where that saves memory.
            drawn: from ``draw``, on the inputs' device.
            black: (c,), the normalised value of a black pixel, from which brightness counts.
            outside: (c,), that of the background; None is black.
        """
        floor = black.view(1, -1, *(1,) * (inputs.ndim - 2))
        ground = floor if outside is None else outside.view(floor.shape)
        if "flip" in drawn:
            inputs = torch.where(_spread(drawn["flip"], inputs), inputs.flip(-1), inputs)
        if "warp" in drawn:
            inputs = self._warp(inputs - ground, drawn["warp"]) + ground
        if "brightness" in drawn:
            inputs = (inputs - floor) * _spread(drawn["brightness"], inputs) + floor
        if "contrast" in drawn:
            middle = inputs.flatten(1).mean(1)
            inputs = torch.lerp(_spread(middle, inputs), inputs, _spread(drawn["contrast"], inputs))
        if "erase" in drawn:
            inputs = torch.where(self._square(inputs, drawn["erase"]), ground, inputs)
        return inputs

    def _warp(self, inputs: Tensor, maps: Tensor) -> Tensor:
        flat = inputs.flatten(1, -3)  # a clip's frames move together
        size = [*flat.shape]
        grid = F.affine_grid(maps[:, :2], size, align_corners=False)
        if maps.shape[1] == 3:
            unchanged = F.affine_grid(torch.eye(2, 3, device=maps.device)[None], [1, *size[1:]], align_corners=False)
            divided_by = torch.einsum("hwi,ni->nhw", unchanged[0], maps[:, 2, :2]) + 1
            grid = grid / divided_by.unsqueeze(-1)
        return F.grid_sample(flat, grid, padding_mode="zeros", align_corners=False).view(inputs.shape)

    def _square(self, inputs: Tensor, centre: Tensor) -> Tensor:
        height, width = inputs.shape[-2:]
        rows = torch.arange(height, device=inputs.device)
        columns = torch.arange(width, device=inputs.device)
        top, left = centre[:, 0, None] - self.erase // 2, centre[:, 1, None] - self.erase // 2
        down = (rows >= top) & (rows < top + self.erase)
        across = (columns >= left) & (columns < left + self.erase)
        square = down[:, :, None] & across[:, None, :]
        return square.view(len(inputs), *(1,) * (inputs.ndim - 3), height, width)

    def mix(
        self, inputs: Tensor, targets: Tensor, num_classes: int, random: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """Blend each sample with its mirror in the batch; classes become probabilities (n, k), numbers their mean.

        Source: Zhang et al., "mixup: Beyond Empirical Risk Minimization", 2018; one weight for a batch, as there.
        """
        weight = random.beta(self.mixup, self.mixup)
        if not targets.is_floating_point():
            targets = F.one_hot(targets, num_classes).to(torch.float32)
        inputs = torch.lerp(inputs.flip(0), inputs, weight)
        return inputs, torch.lerp(targets.flip(0), targets, weight)


def _spread(values: Tensor, inputs: Tensor) -> Tensor:
    return values.view(-1, *(1,) * (inputs.ndim - 1))
