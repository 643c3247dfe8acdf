"""The way from one class of clothes to another."""

from __future__ import annotations

import torch

from profond import models
from profond.lecture.items.l23_fashion import between_classes
from profond.measures.latents import latents
from profond.measures.pixels import as_pixels
from profond.tasks.samples import samples_of


def test_a_way_between_classes_begins_and_ends_as_these_classes_and_changes_nothing_of_the_model() -> None:
    torch.manual_seed(0)
    model = models.create("dcgan", input_shape=(1, 16, 16), num_classes=3, width=4, latent_size=8)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    noise = latents(8, range(1), 0)
    ends = [as_pixels(samples_of(model, noise, torch.tensor([label]))) for label in (2, 1)]
    way = between_classes(model, noise[0], 2, 1, 5)
    assert way.shape == (5, 1, 16, 16)
    for frame, end in zip((way[:1], way[-1:]), ends, strict=True):
        assert int((frame.int() - end.int()).abs().max()) <= 1
    assert not torch.equal(ends[0], ends[1])
    assert torch.equal(as_pixels(samples_of(model, noise, torch.tensor([2]))), ends[0])
