"""SqueezeNet 1.1.

Notable features:
- AlexNet's accuracy with 1,235,496 parameters, a fiftieth of them
- "fire" modules: a 1×1 convolution squeezes the maps, then 1×1 and 3×3 convolutions side by side expand them
- no fully connected layer: the output is a map for each class, averaged
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from profond.core.config import Share
from profond.core.errors import ConfigError
from profond.models import register_model
from profond.models.shape import check_classes, check_input
from profond.nn.convolution import ConvNorm


@register_model("squeezenet1_1")
class SqueezeNet(nn.Module):
    """SqueezeNet 1.1: squeeze, then expand; 1,235,496 parameters.

    Args:
        input_shape: (channels, height, width); 17×17 pixels or more, 31×31 where ``ceil_mode`` is False.
        num_classes: number of logits.
        padding: of the first convolution: zeros on each side, or ``"same"`` as TensorFlow has it.
        ceil_mode: the three poolings round sizes up (Caffe, torchvision), not down (Keras's and TensorFlow's forms).
        dropout: before the output, in [0, 1).

    Raises: ConfigError for too small an image, or an impossible setting.

    Source: F. Iandola et al., SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size,
        2016, and the authors' version 1.1, which needs 2.4 times fewer multiplications.
    """

    example_shape: ClassVar[tuple[int, ...]] = (3, 48, 48)
    head = "output"
    stages = ("stem", "body.stage1", "body.stage2", "body.stage3")

    def __init__(
        self,
        input_shape: tuple[int, ...] = (3, 224, 224),
        num_classes: int = 1000,
        padding: int | Literal["same"] = 0,
        ceil_mode: bool = True,
        dropout: Share = 0.5,
    ) -> None:
        super().__init__()
        if isinstance(padding, int) and not 0 <= padding <= 1:
            raise ConfigError(f"padding of squeezenet is {padding}", "use 0, 1 or same")
        smallest = next(side for side in range(1, 64) if last_side(side, padding, ceil_mode) > 0)
        check_input("squeezenet", input_shape, 2, smallest)
        check_classes("squeezenet", num_classes)

        def pool() -> nn.Module:
            return nn.MaxPool2d(3, 2, ceil_mode=ceil_mode)

        self.stem = ConvNorm(input_shape[0], 64, 3, 2, padding=padding, bias=True, norm=False)
        self.body = nn.Sequential(
            OrderedDict(
                stage1=nn.Sequential(OrderedDict(pool=pool(), fire2=Fire(64, 16, 64), fire3=Fire(128, 16, 64))),
                stage2=nn.Sequential(OrderedDict(pool=pool(), fire4=Fire(128, 32, 128), fire5=Fire(256, 32, 128))),
                stage3=nn.Sequential(
                    OrderedDict(
                        pool=pool(),
                        fire6=Fire(256, 48, 192),
                        fire7=Fire(384, 48, 192),
                        fire8=Fire(384, 64, 256),
                        fire9=Fire(512, 64, 256),
                    )
                ),
            )
        )
        self.output = nn.Sequential(
            OrderedDict(
                dropout=nn.Dropout(dropout),
                convolution=nn.Conv2d(512, num_classes, 1),
                activation=nn.ReLU(inplace=True),
                average=nn.AdaptiveAvgPool2d(1),
                flatten=nn.Flatten(),
            )
        )

    def forward(self, inputs: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        logits: Tensor = self.output(self.body(self.stem(inputs)))
        return logits


class Fire(nn.Module):
    """1×1 to a few maps; from these, as many 1×1 as 3×3.

    Args:
        channels: of the input.
        width: maps between the two steps.
        half: maps that each kind of convolution gives.
    """

    def __init__(self, channels: int, width: int, half: int) -> None:
        super().__init__()
        settings: dict[str, Any] = {"bias": True, "norm": False}
        self.squeeze = ConvNorm(channels, width, 1, **settings)
        self.expand1 = ConvNorm(width, half, 1, **settings)
        self.expand3 = ConvNorm(width, half, 3, **settings)

    def forward(self, inputs: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d h w"]:
        squeezed = self.squeeze(inputs)
        return torch.cat([self.expand1(squeezed), self.expand3(squeezed)], 1)


def last_side(side: int, padding: int | str, ceil_mode: bool) -> int:
    """Rows that a side of so many pixels leaves at the end; 0 or less: none."""
    side = (side + 1) // 2 if padding == "same" else (side + 2 * int(padding) - 3) // 2 + 1
    for _ in range(3):
        side = (side - 2) // 2 + 1 if ceil_mode else (side - 3) // 2 + 1
    return side
