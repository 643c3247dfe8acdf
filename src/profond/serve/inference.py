"""A trained model made ready to answer fast: laid out, folded and in the arithmetic that the device does well."""

from __future__ import annotations

import copy
import warnings
from typing import Literal

import torch
from torch import Tensor, nn
from torch.fx.proxy import TraceError

from profond.core.device import choose_precision

Precision = Literal["fp32", "bf16", "auto"]


def prepared(model: nn.Module, device: torch.device, precision: Precision = "fp32") -> nn.Module:
    """A model that gives the same answers as one in eval mode, sooner.

    Args:
        model: trained; left as it is, except that ``"fp32"`` moves it to the device and lays it out.
        precision: ``"fp32"`` answers as evaluation does. ``"bf16"`` folds BatchNorm into the convolutions before it
            and holds all weights in bfloat16: probabilities then differ in the third digit. ``"auto"`` takes bf16
            where the device does it well.

    Returns: takes float32 inputs and gives float32 outputs.
    """
    wanted = choose_precision(device).precision if precision == "auto" else precision
    model = model.to(device).eval()
    pictures = any(isinstance(part, nn.Conv2d) for part in model.modules())
    if wanted != "bf16":
        return model.to(memory_format=torch.channels_last) if pictures else model  # type: ignore[call-overload]
    return _Ready(_folded(model).to(torch.bfloat16), pictures)


def _folded(model: nn.Module) -> nn.Module:
    """A copy in which BatchNorm is part of the convolutions; as it was where its forward pass cannot be traced."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of its own imports
        from torch.fx.experimental.optimization import fuse
    try:
        folded: nn.Module = fuse(model)
        return folded
    except (TraceError, TypeError, ValueError, NotImplementedError):
        return copy.deepcopy(model)


class _Ready(nn.Module):
    def __init__(self, model: nn.Module, pictures: bool) -> None:
        super().__init__()
        self.layout = torch.channels_last if pictures else torch.contiguous_format
        self.model = model.to(memory_format=self.layout) if pictures else model  # type: ignore[call-overload]

    @torch.inference_mode()
    def forward(self, inputs: Tensor) -> Tensor:
        layout = self.layout if inputs.ndim == 4 else torch.contiguous_format
        outputs: Tensor = self.model(inputs.to(torch.bfloat16, memory_format=layout))
        return outputs.float()
