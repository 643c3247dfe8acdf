"""ReLU6 that keeps one copy of its maps for the gradient, not two."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class ReLU6(nn.ReLU6):
    """min(max(x, 0), 6), and its gradient, as `nn.ReLU6` has them.

    PyTorch's keeps its inputs for the gradient, while the layer behind it keeps its outputs; in place, it copies the
    inputs first. The gradient can be told from the outputs just as well, which saves the copy and its memory.
    """

    def forward(self, inputs: Float[Tensor, ...]) -> Float[Tensor, ...]:
        if not (torch.is_grad_enabled() and inputs.requires_grad):
            return super().forward(inputs)
        outputs: Tensor = _Clipped.apply(inputs)  # type: ignore[no-untyped-call]
        return outputs


class _Clipped(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, inputs: Tensor) -> Tensor:
        outputs = F.relu6(inputs)
        context.save_for_backward(outputs)
        return outputs

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        (outputs,) = context.saved_tensors
        through: Tensor = torch.ops.aten.hardtanh_backward(gradient, outputs, 0.0, 6.0)
        return through
