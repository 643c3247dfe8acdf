"""A trained model made ready to answer fast: laid out, folded and in the arithmetic that the device does well."""

from __future__ import annotations

import copy
import warnings
from typing import Literal

import torch
from torch import Tensor, nn
from torch.fx.proxy import TraceError

from profond.core.device import choose_precision
from profond.core.errors import ConfigError
from profond.serve.openvino import OpenVino, installed

Precision = Literal["fp32", "bf16", "auto"]
Engine = Literal["torch", "openvino", "auto"]


def prepared(
    model: nn.Module, device: torch.device, precision: Precision = "fp32", engine: Engine = "torch"
) -> nn.Module:
    """A model that gives the same answers as one in eval mode, sooner.

    Args:
        model: trained; left as it is, except that ``"fp32"`` moves it to the device and lays it out.
        precision: ``"fp32"`` answers as evaluation does. ``"bf16"`` folds BatchNorm into the convolutions before it
            and holds all weights in bfloat16: probabilities then differ in the third digit. ``"auto"`` takes bf16
            where the device does it well.
        engine: what computes: PyTorch, or OpenVINO, which compiles the network for the CPU when the first batch comes.
            ``"auto"`` takes OpenVINO where it is installed and gives the network's answers.

    Returns: takes float32 inputs and gives float32 outputs.

    Raises: MissingError when OpenVINO is wanted and not installed; ConfigError when it is, on another device.
    """
    wanted = choose_precision(device).precision if precision == "auto" else precision
    if engine == "openvino" and device.type != "cpu":
        raise ConfigError(f"OpenVINO works on the CPU here, not on {device}", "use --device cpu, or --engine torch")
    if engine == "openvino" or (engine == "auto" and device.type == "cpu" and installed()):
        usual = None if engine == "openvino" else prepared(model, device, precision)
        return OpenVino(model.to(device).eval(), "bf16" if wanted == "bf16" else "fp32", usual)
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
