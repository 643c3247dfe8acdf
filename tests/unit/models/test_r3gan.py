"""R3GAN's two bodies: how wide they are at each size."""

from __future__ import annotations

import pytest
import torch

from profond.models import create
from profond.models.r3gan import Modulation


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


def test_a_modulated_generator_hears_latent_and_class_at_every_size() -> None:
    model = create("r3gan", input_shape=(1, 28, 28), num_classes=10, body="strided", width=8, modulated=True).eval()
    generator = model.generator
    with torch.no_grad():
        generator.project.weight.zero_()  # nothing is said at the beginning
    latents, labels = torch.randn(2, model.latent_size), torch.tensor([3, 3])
    made = model(latents, labels)
    assert not torch.allclose(made[0], made[1])
    assert not torch.allclose(made, model(latents, torch.tensor([4, 4])))
    with torch.no_grad():
        for modulation in generator.modulation:
            modulation.style.weight.zero_()
    silent = model(latents, labels)
    torch.testing.assert_close(silent[0], silent[1])
    assert len(generator.modulation) == len(generator.body) == 3


def test_maps_that_are_modulated_are_of_one_length_before() -> None:
    torch.manual_seed(0)
    maps, latents = 100 * torch.randn(2, 5, 3, 4), torch.randn(2, 6)
    modulation = Modulation(6, 5)
    scale, shift = modulation.style(latents)[:, :, None, None].chunk(2, 1)
    plain = (modulation(maps, latents) - shift) / (1 + scale)
    torch.testing.assert_close(plain.square().mean(1), torch.ones(2, 3, 4))
    torch.testing.assert_close(plain * maps.square().mean(1, keepdim=True).sqrt(), maps)
