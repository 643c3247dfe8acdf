"""R3GAN's two bodies: how wide they are at each size."""

from __future__ import annotations

import pytest
import torch

from profond.models import create


@pytest.mark.parametrize("body", ["strided", "residual"])
def test_other_channels_at_full_size_leave_the_smaller_sizes_as_they_are(body: str) -> None:
    def shapes(**settings: int) -> dict[str, torch.Size]:
        model = create("r3gan", input_shape=(1, 28, 28), num_classes=10, body=body, width=8, latent_size=4, **settings)
        assert model(torch.zeros(2, 4), torch.tensor([0, 1])).shape == (2, 1, 28, 28)
        assert model.critic(torch.zeros(2, 1, 28, 28), torch.tensor([0, 1])).shape == (2,)
        return {name: weight.shape for name, weight in model.named_parameters()}

    plain, fine = shapes(), shapes(finest=3)
    changed = {name for name, shape in plain.items() if fine[name] != shape}
    ends = ("generator.body.2.", "generator.output.", "critic.input.", "critic.body.0.", "critic.body.1.channels.")
    assert changed
    assert all(name.startswith(ends) for name in changed)
    assert fine["generator.output.weight"][1] == fine["critic.input.weight"][0] == 3
