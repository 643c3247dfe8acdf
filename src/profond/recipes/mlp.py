"""The lecture's MLP 512-512 (669,706 parameters) on MNIST."""

from __future__ import annotations

from profond.recipes import register_recipe
from profond.recipes.recipe import Expected, Loader, Recipe
from profond.training.settings import Training


@register_recipe("mlp")
def mlp() -> Recipe:
    """MLP 784-512-512-10 on MNIST: the network of the lecture's first part."""
    return Recipe(
        data={"name": "mnist"},
        model={"name": "mlp"},
        training=Training(epochs=5, optimizer="adam", learning_rate=2e-3, warmup=0.2),
        loader=Loader(batch_size=128),
        expected=Expected("test", "accuracy", 0.978, 0.992, 12, "2 cores", "LeCun et al. 1998, fig. 9"),
    )
