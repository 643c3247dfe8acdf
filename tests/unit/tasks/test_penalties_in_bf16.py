"""Penalties of gradients, which are differentiated twice, in the arithmetic that trainings use where there is bf16."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from profond import models
from profond.tasks.generate import Generate
from profond.tasks.task import Loss, Phase
from tests.support.processor import MAY_USE_BF16


def critic_learns(game: Any, body: str, bf16: bool) -> tuple[Loss, Tensor]:
    """The critic's loss in a step with a penalty, and its whole gradient."""
    torch.manual_seed(0)
    model: Any = models.create("r3gan", input_shape=(1, 16, 20), num_classes=2, body=body, width=8, latent_size=6)
    model = model.to(memory_format=torch.channels_last)
    torch.manual_seed(1)
    batch = (torch.rand(16, 1, 16, 20) * 2 - 1, torch.arange(16) % 2)
    for parameter in model.critic.parameters():  # a critic that has learned: steeper than at its start
        parameter.data.mul_(1.5)
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        loss = Generate(loss=game, penalty_every=1).loss(model, batch, Phase("critic", "critic"))
    gradients = torch.autograd.grad(loss.value, list(model.critic.parameters()), materialize_grads=True)
    return loss, torch.cat([one.float().flatten() for one in gradients])


@MAY_USE_BF16
@pytest.mark.parametrize("body", ["strided", "residual"])
@pytest.mark.parametrize("game", ["relativistic", "wasserstein"])
def test_a_penalty_in_bf16_is_that_of_float32_and_so_is_what_it_teaches(game: str, body: str) -> None:
    (exact, wanted), (rough, found) = (critic_learns(game, body, bf16) for bf16 in (False, True))
    assert not torch.equal(wanted, found), "the two are the same arithmetic"
    assert rough.value.dtype == torch.float32
    torch.testing.assert_close(rough.value, exact.value, rtol=0.02, atol=0.01)
    torch.testing.assert_close(rough.report["steepness"], exact.report["steepness"], rtol=0.05, atol=1e-3)
    assert torch.cosine_similarity(wanted, found, dim=0) > 0.995
    assert float(found.norm() / wanted.norm()) == pytest.approx(1, abs=0.02)
