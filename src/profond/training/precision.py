"""The arithmetic that suits a device and a model."""

from __future__ import annotations

import torch
from torch import nn

from profond.core.device import Arithmetic, Precision, choose_precision


def precision_for(model: nn.Module, device: torch.device, asked: Precision = "auto") -> Arithmetic:
    """What the device does well, unless the model cannot bear it or something else was asked for.

    NOTE On processors with AVX512-BF16, torch 2.13 sometimes gives 1e35 for the gradient of a Conv3d on small maps in
    bf16, and directions that are off the rest of the time: cosine 0.7 to 0.8 to the one in fp32.
    """
    chosen = choose_precision(device, asked)
    spatial = any(isinstance(part, nn.Conv3d | nn.ConvTranspose3d) for part in model.modules())
    if spatial and asked == "auto" and chosen.precision == "bf16" and device.type == "cpu":
        return Arithmetic("fp32", "3-D convolutions are not to be trusted in bf16 on processors")
    return chosen
