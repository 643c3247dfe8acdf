"""A small 2-D convnet on MNIST, and an MLP with as many parameters."""

from __future__ import annotations

from profond.recipes import register_recipe
from profond.recipes.recipe import Expected, Loader, Recipe
from profond.training.settings import Training

TRAINING = Training(epochs=2, optimizer="adamw", learning_rate=6e-3, weight_decay=0.01, warmup=0.2)


@register_recipe("digits")
def digits() -> Recipe:
    """A 2-D convnet of 24,058 parameters on MNIST."""
    return Recipe(
        data={"name": "mnist"},
        model={"name": "convnet2d"},
        training=TRAINING,
        loader=Loader(batch_size=128),
        expected=Expected("test", "accuracy", 0.985, 0.995, 20, "2 cores", "LeCun et al. 1998, fig. 9"),
    )


@register_recipe("digits_mlp")
def digits_mlp() -> Recipe:
    """The same by an MLP with as many parameters."""
    return Recipe(
        data={"name": "mnist"},
        model={"name": "mlp", "hidden": [30]},
        training=TRAINING,
        loader=Loader(batch_size=128),
        expected=Expected("test", "accuracy", 0.945, 0.975, 3, "2 cores", "LeCun et al. 1998, fig. 9"),
    )
