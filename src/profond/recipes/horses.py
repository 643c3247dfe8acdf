"""CycleGAN at its full size, as published, on any folder with trainA, trainB, testA and testB.

NOTE Not run here: it is for a GPU. The pictures of horses and zebras that its authors trained on are theirs to give:
`profond train cyclegan_horses --data horse2zebra/` takes their folder, or one of your own. Where this differs:

- pictures are cropped at random to four fifths of their area or more, where the authors enlarge them to 286 pixels and
  take 256 of these
- the critics learn after the generators in each step, from the same pictures, as in the authors' code; the equations
  of the paper leave the order open

Source: J.-Y. Zhu et al., Unpaired image-to-image translation using cycle-consistent adversarial networks, ICCV 2017,
    section 7; github.com/junyanz/pytorch-CycleGAN-and-pix2pix, scripts/train_cyclegan.sh. The result is that of
    T. Park et al., ECCV 2020, table 1: Fréchet distance 77.2 by Inception's features, 0.40 seconds a step.
"""

from __future__ import annotations

from profond.recipes import register_recipe
from profond.recipes.recipe import Expected, Loader, Recipe
from profond.training.settings import Training


@register_recipe("cyclegan_horses")
def cyclegan_horses() -> Recipe:
    """CycleGAN at 256 pixels for 200 passes, as published (Fréchet distance 77); for a GPU, not run here."""
    return Recipe(
        data={"name": "horse2zebra", "size": 256},
        model={"name": "cyclegan_256"},
        task={"name": "translate_images", "cycle": 10.0, "identity": 0.5, "kept": 50},
        training=Training(
            epochs=200,
            optimizer="adam",
            learning_rate=2e-4,
            betas=(0.5, 0.999),
            schedule="late_linear",
        ),
        loader=Loader(batch_size=2, balanced=True, drop_last=True),  # one horse and one zebra
        augment={"flip": True, "crop": 0.8},
        expected=Expected(
            "test",
            "frechet_distance",
            60.0,
            90.0,
            107_000,
            "one GPU",
            "T. Park et al., ECCV 2020, table 1: 77.2 by Inception's features",
            published=True,
        ),
    )
