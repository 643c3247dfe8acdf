"""A convolutional network with three spatial transformers, for traffic signs.

Notable features:
- before each of the three convolutions a small network looks at the maps and says how to move, turn and stretch them
- it starts from "leave them as they are", and learns from the classes alone where a sign is
- local contrast normalisation after each pooling
"""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from profond.core.config import Positive
from profond.core.errors import ConfigError
from profond.models import register_model
from profond.models.shape import check_classes, check_input
from profond.nn.contrast import LocalContrast

SMALLEST = 32
WIDTHS = (200, 250, 350)
KERNELS = (7, 4, 4)
LOCALISATION = ((250, 250, 250), (150, 200, 300), (150, 200, 300))
"""Of each transformer: channels of its two convolutions, and hidden units."""


@register_model("stn_signs")
class SignTransformer(nn.Module):
    """Three spatial transformers and three convolutions, for traffic signs: 14,613,761 parameters on 3×48×48.

    Args:
        input_shape: (channels, height, width); 32×32 pixels or more.
        num_classes: number of logits.
        width: a factor of all widths; 1 is the paper's network.

    Raises: ConfigError for too small an image, or an impossible setting.

    Source: M. Jaderberg, K. Simonyan, A. Zisserman, K. Kavukcuoglu, Spatial transformer networks, NeurIPS 2015; Á.
        Arcos-García, J. Álvarez-García, L. Soria-Morillo, Deep neural network for traffic sign recognition systems: an
        analysis of spatial transformers and stochastic optimisation methods, Neural Networks 99, 2018, tables 2 to 4.
        Deviations: weights start as He et al., 2015, and those of the maps near 0; beyond the border of
        a map its last values go on, where theirs are zeros; the window of the contrast normalisation is 7×7, as in
        `local_contrast`.
    """

    example_shape: ClassVar[tuple[int, ...]] = (3, 32, 32)
    example_settings: ClassVar[dict[str, float]] = {"width": 0.1}
    stages = ("transformer1", "block1", "transformer2", "block2", "transformer3", "block3", "hidden")
    head = "output"

    def __init__(self, input_shape: tuple[int, ...], num_classes: int, width: Positive = 1.0) -> None:
        super().__init__()
        if width > 4:
            raise ConfigError(f"width of stn_signs is {width}", "use a factor of up to 4")
        check_input("stn_signs", input_shape, 2, smallest=SMALLEST)
        check_classes("stn_signs", num_classes)
        channels, *sides = input_shape

        def wide(count: int) -> int:
            return max(1, round(width * count))

        parts: list[nn.Module] = []
        for out, kernel, (first, second, units) in zip(WIDTHS, KERNELS, LOCALISATION, strict=True):
            parts.append(SpatialTransformer(channels, (wide(first), wide(second)), wide(units), (sides[0], sides[1])))
            convolution = nn.Conv2d(channels, wide(out), kernel, padding=2)
            nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
            nn.init.zeros_(convolution.bias)  # type: ignore[arg-type]
            parts.append(nn.Sequential(convolution, nn.ReLU(inplace=True), nn.MaxPool2d(2), LocalContrast()))
            channels, sides = wide(out), [(side + 4 - kernel + 1) // 2 for side in sides]
        self.transformer1, self.block1, self.transformer2, self.block2, self.transformer3, self.block3 = parts
        self.hidden = nn.Sequential(
            nn.Flatten(), nn.Linear(channels * sides[0] * sides[1], wide(400)), nn.ReLU(inplace=True)
        )
        self.output = nn.Linear(wide(400), num_classes)

    def forward(self, inputs: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        maps = self.block1(self.transformer1(inputs))
        maps = self.block2(self.transformer2(maps))
        maps = self.block3(self.transformer3(maps))
        logits: Tensor = self.output(self.hidden(maps))
        return logits


class SpatialTransformer(nn.Module):
    """Moves, turns and stretches maps by an affine map that it finds for each sample.

    Args:
        channels: of the maps.
        widths: channels of the two convolutions that look at them.
        hidden: units between these and the six numbers of the affine map.
        sides: height and width of the maps; 8 or more.

    Source: Jaderberg et al., NeurIPS 2015, section 3.
    """

    def __init__(self, channels: int, widths: tuple[int, int], hidden: int, sides: tuple[int, int]) -> None:
        super().__init__()
        first, second = widths
        self.localisation = nn.Sequential(
            nn.MaxPool2d(2),
            nn.Conv2d(channels, first, 5, padding=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Conv2d(first, second, 5, padding=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(second * (sides[0] // 8) * (sides[1] // 8), hidden),
            nn.ReLU(inplace=True),
        )
        self.map = nn.Linear(hidden, 6)
        nn.init.normal_(self.map.weight, std=1e-3)  # not 0, so that what is below it learns from the first step
        with torch.no_grad():
            self.map.bias.copy_(torch.tensor([1.0, 0.0, 0.0, 0.0, 1.0, 0.0]))

    def forward(self, maps: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        found = self.map(self.localisation(maps)).float().view(-1, 2, 3)  # places need more digits than bf16 has
        grid = F.affine_grid(found, [*maps.shape], align_corners=False)
        return F.grid_sample(maps.float(), grid, padding_mode="border", align_corners=False)
