"""The arithmetic that suits a device and a model: torch's autocast, and loss scaling for fp16."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import torch
from torch import Tensor, nn

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


class Mixed:
    """A training's steps in an arithmetic: forward under autocast, gradients scaled where fp16 would lose them.

    Args:
        arithmetic: fp16 on a processor, which has no fast arithmetic for it, is bf16.
        device: where the model is.
    """

    def __init__(self, arithmetic: Arithmetic, device: torch.device) -> None:
        self.device = device.type
        scaled = arithmetic.precision == "fp16" and device.type != "cpu"
        self.kind = torch.float16 if scaled else None if arithmetic.precision == "fp32" else torch.bfloat16
        self.scaler = torch.amp.GradScaler(device.type) if scaled else None

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """For the forward pass and the loss."""
        return contextlib.nullcontext() if self.kind is None else torch.autocast(self.device, self.kind)

    def backward(self, loss: Tensor) -> None:
        scaled: Tensor = loss if self.scaler is None else self.scaler.scale(loss)
        scaled.backward()  # type: ignore[no-untyped-call]

    def clip(self, optimizer: torch.optim.Optimizer, parameters: Sequence[nn.Parameter], largest: float) -> None:
        """Scale the gradients down to this norm.

        Raises: RuntimeError where the norm is not finite; scaled gradients are allowed to be, and the step is left out.
        """
        if self.scaler is not None:
            self.scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(parameters, largest, error_if_nonfinite=self.scaler is None)

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        if self.scaler is None:
            optimizer.step()
        else:
            self.scaler.step(optimizer)
            self.scaler.update()
