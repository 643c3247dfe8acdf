"""By how many degrees was a digit turned? A 2-D convnet that keeps where things are, on turned digits of MNIST."""

from __future__ import annotations

from profond.recipes import register_recipe
from profond.recipes.recipe import Expected, Loader, Recipe
from profond.training.settings import Training


@register_recipe("turned_digits")
def turned_digits() -> Recipe:
    """A 2-D convnet estimates by how many degrees a digit was turned, 9 degrees off; the mean is 23 off."""
    return Recipe(
        data={"name": "turned_digits"},
        model={"name": "convnet2d", "summary": "flatten"},
        task={"name": "regress"},
        training=Training(epochs=6, optimizer="adamw", learning_rate=6e-3, weight_decay=0.01, warmup=0.2),
        loader=Loader(batch_size=128),
        expected=Expected(
            "test", "mae", 8.0, 9.4, 12, "2 cores", "measured here: MathWorks's example turns digits that were drawn"
        ),
    )
