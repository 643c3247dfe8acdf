"""Multi-layer perceptron.

Notable features:
- the input is flattened: the network does not know which pixels are neighbours
- two hidden layers of 512 by default, 669,706 parameters on 28×28 (R. Lguensat, Apprentissage Profond 2, 2020)
- ReLU by default; dropout after each hidden layer, off by default
"""

from __future__ import annotations

import math
from typing import ClassVar, Literal

from jaxtyping import Float
from torch import Tensor, nn

from profond.core.config import Share
from profond.core.errors import ConfigError
from profond.models import register_model
from profond.models.shape import check_classes, check_positive

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
}


@register_model("mlp")
class MLP(nn.Module):
    """Multi-layer perceptron, 512-512 by default.

    Args:
        input_shape: one sample of any shape; it is flattened.
        num_classes: number of logits.
        hidden: width of each hidden layer; none at all gives a linear classifier.
        activation: after each hidden layer.
        dropout: share of each hidden layer's outputs set to zero in training, in [0, 1).

    Raises: ConfigError for an impossible shape, width or share.
    """

    example_shape: ClassVar[tuple[int, ...]] = (1, 28, 28)

    def __init__(
        self,
        input_shape: tuple[int, ...],
        num_classes: int,
        hidden: tuple[int, ...] = (512, 512),
        activation: Literal["relu", "tanh", "sigmoid", "gelu", "silu"] = "relu",
        dropout: Share = 0.0,
    ) -> None:
        super().__init__()
        check_positive("mlp", input_shape)
        check_classes("mlp", num_classes)
        if any(width < 1 for width in hidden):
            raise ConfigError(f"mlp cannot have hidden layers of width {list(hidden)}", "every width is 1 or more")
        widths = [math.prod(input_shape), *hidden]
        self.flatten = nn.Flatten()
        self.hidden = nn.Sequential()
        for before, width in zip(widths, hidden, strict=False):
            layer = nn.Sequential(nn.Linear(before, width), ACTIVATIONS[activation]())
            if dropout:
                layer.append(nn.Dropout(dropout))
            self.hidden.append(layer)
        self.output = nn.Linear(widths[-1], num_classes)
        self.stages = tuple(f"hidden.{index}" for index in range(len(hidden)))
        self.head = "output"

    def forward(self, inputs: Float[Tensor, "n ..."]) -> Float[Tensor, "n k"]:
        logits: Tensor = self.output(self.hidden(self.flatten(inputs)))
        return logits
