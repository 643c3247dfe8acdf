"""Which way does the camera move? A 3-D convnet on clips of films, and an MLP with as many parameters."""

from __future__ import annotations

from profond.recipes import register_recipe
from profond.recipes.recipe import Expected, Loader, Recipe
from profond.training.settings import Training

TRAINING = Training(epochs=6, optimizer="adamw", learning_rate=3e-3, weight_decay=0.01, warmup=0.2)


@register_recipe("clips")
def clips() -> Recipe:
    """A 3-D convnet sees the camera's direction in 8 frames."""
    return Recipe(
        data={"name": "clips"},
        model={"name": "convnet3d"},
        training=TRAINING,
        loader=Loader(batch_size=64),
        expected=Expected(
            "test", "accuracy", 0.88, 0.99, 40, "2 cores", "measured here: no other source has this task"
        ),
    )


@register_recipe("clips_mlp")
def clips_mlp() -> Recipe:
    """The same by an MLP with as many parameters."""
    return Recipe(
        data={"name": "clips"},
        model={"name": "mlp", "hidden": [8, 320]},
        training=TRAINING,
        loader=Loader(batch_size=64),
        expected=Expected("test", "accuracy", 0.43, 0.9, 20, "2 cores", "measured here: no other source has this task"),
    )
