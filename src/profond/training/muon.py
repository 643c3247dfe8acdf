"""Muon: the momentum of every matrix, orthogonalised; AdamW for biases and scales."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the quintic that brings singular values between 0 and 1 to about 1 in five steps."""
STEPS = 5
ADAM_SIZE = 0.2
"""Root mean square of AdamW's usual step, in learning rates: with steps of this size, its rates serve here too."""


class Muon(torch.optim.AdamW):
    """Every parameter with two axes or more is taken as a matrix (first axis against all others).

    A matrix moves along its Nesterov momentum with all singular values made equal, so that directions which the
    gradients rarely show are learned as fast as the others: fewer steps are needed, and each costs five small matrix
    products more.

    Args:
        params: parameters or groups, as of every optimizer.
        lr: learning rate; a matrix's step has the root mean square ``0.2 lr`` where it is not square, as AdamW's has.
        momentum: of matrices.
        betas: of all the rest.
        weight_decay: decoupled, as AdamW's.
        fused: of AdamW.

    Source: K. Jordan et al., Muon: an optimizer for hidden layers in neural networks, 2024; the size of the step from
    J. Liu et al., Muon is scalable for LLM training, arXiv 2502.16982, section 2.2.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0.9,
        betas: tuple[float, float] = (0.9, 0.999),
        weight_decay: float = 0.0,
        fused: bool | None = None,
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, weight_decay=weight_decay, fused=fused)
        self.momentum = momentum
        # A fused AdamW undoes the scaling of fp16's gradients itself; matrices need it undone before.
        self._step_supports_amp_scaling = False

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step. The gradients of matrices are used up: they are None afterwards."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.ndim >= 2 and parameter.grad is not None:
                    self._move(parameter, parameter.grad, group["lr"], group["weight_decay"])
                    parameter.grad = None  # AdamW passes over what has none
        super().step()
        return loss

    def _move(self, parameter: Tensor, gradient: Tensor, rate: float, decay: float) -> None:
        state = self.state[parameter]
        if not state:  # AdamW looks for its count of steps in whatever state it is given back
            state["step"] = torch.zeros((), device=parameter.device)
            state["momentum"] = torch.zeros_like(parameter)
        momentum = state["momentum"].lerp_(gradient, 1 - self.momentum)
        direction = orthogonalised(gradient.lerp(momentum, self.momentum).flatten(1))
        if decay:
            parameter.mul_(1 - rate * decay)
        parameter.add_(direction.reshape(parameter.shape), alpha=-rate * ADAM_SIZE * max(direction.shape) ** 0.5)


def orthogonalised(matrix: Float[Tensor, "m n"], steps: int = STEPS) -> Float[Tensor, "m n"]:
    """The nearest matrix whose singular values are all alike, nearly: they end between 0.68 and 1.14.

    Newton-Schulz iteration: matrix products alone, in the matrix's own precision.
    """
    first, second, third = COEFFICIENTS
    tall = matrix.shape[0] > matrix.shape[1]
    found = matrix.mT if tall else matrix
    found = found / (found.norm() + 1e-7)
    for _ in range(steps):
        square = found @ found.mT
        found = torch.addmm(found, torch.addmm(square, square, square, beta=second, alpha=third), found, beta=first)
    return found.mT if tall else found
