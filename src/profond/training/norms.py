"""Batch normalisation over all processes of a training: the statistics of the whole batch, as one process has them.

NOTE torch's own SyncBatchNorm is for GPUs only, and takes the place of modules in a model that is not ours to change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

Sum = Callable[[Tensor], Tensor]


class SharedNorms(TorchFunctionMode):
    """Within it every ``batch_norm`` that takes its batch's statistics takes those of all processes.

    Args:
        total: adds a tensor up over all processes.
    """

    def __init__(self, total: Sum) -> None:
        super().__init__()
        self.total = total

    def __torch_function__(
        self, function: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if function is F.batch_norm:
            return self._normalised(*args, **(kwargs or {}))
        return function(*args, **(kwargs or {}))

    def _normalised(
        self,
        inputs: Tensor,
        running_mean: Tensor | None,
        running_var: Tensor | None,
        weight: Tensor | None = None,
        bias: Tensor | None = None,
        training: bool = False,
        momentum: float = 0.1,
        eps: float = 1e-5,
    ) -> Tensor:
        if not training:
            return F.batch_norm(inputs, running_mean, running_var, weight, bias, training, momentum, eps)
        outputs, mean, variance, count = _Normalised.apply(  # type: ignore[no-untyped-call]
            inputs, weight, bias, eps, self.total
        )
        if running_mean is not None and running_var is not None:
            running_mean.lerp_(mean.to(running_mean.dtype), momentum)
            running_var.lerp_((variance * count / (count - 1)).to(running_var.dtype), momentum)
        return outputs


class _Normalised(torch.autograd.Function):
    """Source: S. Ioffe, C. Szegedy, Batch normalization, ICML 2015, algorithm 1 and the gradients below it.

    Each process takes mean and variance of its own part, without squares of numbers far from zero, whose rounding would
    be taken for variance; they are put together in float64, where the mean of the squares less the square of the mean
    loses nothing.
    """

    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float, total: Sum
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        axes = [0, *range(2, inputs.ndim)]
        wide = inputs.float()
        count = inputs.new_full((1,), inputs.numel() // inputs.shape[1], dtype=torch.float64)
        variance_here, mean_here = (part.double() for part in torch.var_mean(wide, axes, correction=0))
        here = [mean_here, variance_here + mean_here.square()]
        everywhere = total(torch.cat([*(count * part for part in here), count]))
        mean, square = (everywhere[:-1] / everywhere[-1]).chunk(2)
        if everywhere[-1] < 2:
            raise ValueError("Expected more than 1 value per channel when training")  # torch's words for it
        variance = (square - mean.square()).clamp_min(0)
        ctx.save_for_backward(inputs, weight, mean.float(), (variance + eps).rsqrt().float())
        ctx.axes, ctx.count, ctx.total, ctx.biased = axes, everywhere[-1], total, bias is not None
        outputs = F.batch_norm(inputs, mean.float(), variance.float(), weight, bias, False, 0.0, eps)
        ctx.mark_non_differentiable(mean, variance, everywhere[-1])
        return outputs, mean, variance, everywhere[-1]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor | None, Tensor | None, None, None]:
        inputs, weight, mean, inverse = ctx.saved_tensors
        gradient = gradients[0].float()
        shape = [1, -1, *[1] * (inputs.ndim - 2)]
        normalised = (inputs.float() - mean.view(shape)) * inverse.view(shape)
        of_bias = gradient.sum(ctx.axes)
        of_weight = (gradient * normalised).sum(ctx.axes)
        means = ctx.total(torch.cat([of_bias, of_weight]).double()) / ctx.count
        of_mean, of_scale = (part.float().view(shape) for part in means.chunk(2))
        scale = inverse if weight is None else inverse * weight
        of_inputs = (gradient - of_mean - normalised * of_scale) * scale.view(shape)
        return (
            of_inputs.to(inputs.dtype),
            None if weight is None else of_weight,
            of_bias if ctx.biased else None,
            None,
            None,
        )
