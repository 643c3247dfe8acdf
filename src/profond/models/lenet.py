"""LeNet-5 as it is built today.

Notable features:
- two convolutions of 5×5, each followed by 2×2 pooling, then three fully connected layers: 120, 84, classes
- 61,706 parameters on 32×32 in grey levels, or on 28×28 with two pixels of padding
- ReLU and max pooling where the paper squashes and averages; logits instead of radial basis functions

The network of the paper itself is in lenet_1998.py.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from profond.core.errors import ConfigError
from profond.models import register_model
from profond.models.pooled_convolution import from_blocks, pooled_convolution, to_blocks
from profond.models.shape import check_classes, check_input

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}


@register_model("lenet5")
class LeNet5(nn.Module):
    """LeNet-5, modern: ReLU, max pooling, 61,706 parameters on 28×28.

    Args:
        input_shape: (channels, height, width); 12×12 pixels or more.
        num_classes: number of logits.
        activation: after each layer but the last.
        pooling: ``"max"`` or ``"average"``, over 2×2.
        padding: pixels of zeros around the input; by default 2 below 32×32, as if the image were the paper's 32×32.

    Raises: ConfigError for an image that the two convolutions and poolings would use up.

    Source: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Gradient-based learning applied to document recognition,
        Proc. IEEE 86(11), 1998, section II-B. Deviations: every map of C3 sees all maps of S2; S2 and S4 have no
        parameters; ReLU; max pooling; linear output.
    """

    example_shape: ClassVar[tuple[int, ...]] = (1, 28, 28)
    stages = ("c1", "s2", "c3", "s4", "c5", "f6")
    head = "output"

    def __init__(
        self,
        input_shape: tuple[int, ...],
        num_classes: int,
        activation: Literal["relu", "tanh", "sigmoid"] = "relu",
        pooling: Literal["max", "average"] = "max",
        padding: int | None = None,
    ) -> None:
        super().__init__()
        if padding is not None and not 0 <= padding <= 64:
            raise ConfigError(f"padding of lenet5 is {padding}", "use a number of pixels from 0 to 64")
        if padding is None:
            padding = 2 if min(input_shape[1:], default=0) < 32 else 0
        check_input("lenet5", input_shape, 2, smallest=max(1, 16 - 2 * padding))
        check_classes("lenet5", num_classes)
        channels, *sides = input_shape
        height, width = (((side + 2 * padding - 4) // 2 - 4) // 2 for side in sides)

        def squash() -> nn.Module:
            return ACTIVATIONS[activation]()

        def pool() -> nn.Module:
            # NOTE The greatest of four and an increasing function commute: squash a quarter of the numbers.
            if pooling == "max":
                return nn.Sequential(nn.MaxPool2d(2), squash())
            return nn.Sequential(squash(), nn.AvgPool2d(2))

        self.padding = padding
        self.merges = activation == "relu" and pooling == "max"
        self.c1 = nn.Conv2d(channels, 6, 5, padding=padding)
        self.s2 = pool()
        self.c3 = nn.Conv2d(6, 16, 5)
        self.s4 = pool()
        self.flatten = nn.Flatten()
        self.c5 = nn.Sequential(nn.Linear(16 * height * width, 120), squash())
        self.f6 = nn.Sequential(nn.Linear(120, 84), squash())
        self.output = nn.Linear(84, num_classes)

    def forward(self, inputs: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        if self._merges(inputs):
            maps = self._merged(inputs)
        else:
            maps = self.s4(self.c3(self.s2(self.c1(inputs))))
        logits: Tensor = self.output(self.f6(self.c5(self.flatten(maps))))
        return logits

    def _merges(self, inputs: Tensor) -> bool:
        """Whether training on a processor may take the faster way to the same numbers; hooks see the stages."""
        parts = (self.c1, self.s2, self.c3, self.s4)
        return (
            self.training
            and self.merges
            and inputs.device.type == "cpu"
            and not torch.compiler.is_compiling()
            and not any(part._forward_hooks or part._forward_pre_hooks for part in parts)
        )

    def _merged(self, inputs: Tensor) -> Tensor:
        """C1 to S4, each convolution with its pooling and ReLU as one matrix product."""
        blocks = to_blocks(F.pad(inputs, (self.padding,) * 4), 4)
        blocks = pooled_convolution(blocks, self.c1.weight, self.c1.bias, 2)  # type: ignore[arg-type]
        blocks = pooled_convolution(blocks, self.c3.weight, self.c3.bias, 1)  # type: ignore[arg-type]
        return from_blocks(blocks, 1)
