"""From dates as people write them, in English and French, to ISO 8601, letter by letter."""

from __future__ import annotations

from profond.recipes import register_recipe
from profond.recipes.recipe import Expected, Loader, Recipe
from profond.training.settings import Training


@register_recipe("dates")
def dates() -> Recipe:
    """An encoder-decoder with attention writes 7 mars 1998, or the 7th of March 1998, as 1998-03-07."""
    return Recipe(
        data={"name": "dates"},
        model={"name": "seq2seq", "width": 32, "hidden": 96, "dropout": 0.0, "attention": "additive"},
        task={"name": "seq2seq", "judged_by": "exact_match"},
        training=Training(epochs=12, optimizer="adamw", learning_rate=5e-3, warmup=0.1, gradient_clip=1.0),
        loader=Loader(batch_size=64),
        expected=Expected("test", "exact_match", 0.99, 1.0, 45, "1 core", "measured here"),
    )
