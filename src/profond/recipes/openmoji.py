"""Drawings in colour become outlines: two heaps of different drawings, without pairs, scored where pairs are known."""

from __future__ import annotations

from profond.recipes import register_recipe
from profond.recipes.recipe import Expected, Loader, Recipe
from profond.training.settings import Training


@register_recipe("openmoji")
def openmoji() -> Recipe:
    """FastCUT turns drawings in colour into outlines, from other drawings' outlines alone; 10,000 pictures of each.

    A critic of colours stands beside the one of patches: alone, that one learned the 980 outlines by heart, and dark
    fills were left black. Skips leave the lines where they are; with them critics as fast as the generator soon know
    what is made from what is real, and dark fills smear: so they learn at less than a third of its rate, and the
    training is short; 25,000 pictures were no better.
    """
    return Recipe(
        data={"name": "openmoji"},
        model={"name": "fastcut", "colours": [1, 4], "skips": True},
        task={"name": "translate_images", "contrast": 1.0, "places": 128},
        training=Training(
            steps=2500,
            optimizer="adam",
            learning_rate=5e-4,
            betas=(0.5, 0.999),
            schedule="late_linear",
            ema=0.999,
            phases={"critic": {"learning_rate": 1.5e-4}},
        ),
        loader=Loader(batch_size=8, balanced=True, drop_last=True),
        augment={"flip": True},
        expected=Expected(
            "test",
            "l1",
            0.015,
            0.032,
            400,
            "1 core with bf16",
            "measured here, three seeds; no other source has this task; untouched pictures are at 0.080, and a network"
            " that is shown the pairs reaches 0.015",
        ),
    )
