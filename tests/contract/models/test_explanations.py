"""Every feedforward network can be explained, and is left as it was: the lightest of each paper."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from contract.models.feedforward import FEEDFORWARD
from torch import Tensor, nn

from profond import models
from profond.core.errors import ConfigError
from profond.explain.network.filters import filters
from profond.explain.network.stages import feature_maps, map_stage, stage_shapes
from profond.explain.why.attribution import grad_cam, smooth_grad


def state(model: nn.Module) -> tuple[list[bool], list[object], list[bool], list[Tensor], int]:
    """All that looking into a model might disturb."""
    modules = list(model.modules())
    return (
        [module.training for module in modules],
        [getattr(module, "inplace", None) for module in modules],
        [one.requires_grad for one in model.parameters()],
        [one.clone() for one in model.state_dict().values()],
        sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in modules),
    )


@pytest.mark.parametrize("name", FEEDFORWARD.lightest())
def test_it_is_explained_and_left_as_it_was(name: str) -> None:
    torch.manual_seed(0)
    shape = models.example_shape(name)
    model = FEEDFORWARD.build(name).train()
    next(model.parameters()).requires_grad_(False)
    before = state(model)
    sample = torch.randn(shape, generator=torch.Generator().manual_seed(1))

    found = smooth_grad(model, sample, 3, samples=2)
    assert found.values.shape == shape
    assert np.isfinite(found.values).all()
    assert found.values.any()
    if not any(len(one) > 1 and math.prod(one[1:]) > 1 for one in stage_shapes(model, sample).values()):
        with pytest.raises(ConfigError, match="no maps"):
            grad_cam(model, sample, 3)
    else:
        stage = map_stage(model, sample)
        maps = feature_maps(model, sample)
        assert stage in model.stages
        seen = grad_cam(model, sample, 3)
        assert seen.facts == {"stage": stage}
        assert seen.values.shape == maps.shape[1:]
        assert np.isfinite(seen.values).all()
        assert (seen.values >= 0).all()
        assert filters(model).values.shape[1] in (1, shape[0])

    after = state(model)
    assert after[:3] == before[:3]
    assert after[4] == before[4]
    assert all(torch.equal(one, other) for one, other in zip(after[3], before[3], strict=True))
    assert all(one.grad is None for one in model.parameters())
