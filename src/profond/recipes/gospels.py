"""A text goes on, character by character: the gospels, the last twentieth of which is never seen."""

from __future__ import annotations

from profond.recipes import register_recipe
from profond.recipes.recipe import Expected, Loader, Recipe
from profond.training.settings import Training


@register_recipe("gospels")
def gospels() -> Recipe:
    """A character LSTM on the four gospels, in bits a character; counts of short contexts beside it."""
    return Recipe(
        data={"name": "gospels"},
        model={"name": "char_lstm"},
        task={"name": "continue_text"},
        training=Training(
            epochs=8, optimizer="adamw", learning_rate=4e-3, weight_decay=0.01, warmup=0.1, gradient_clip=1.0
        ),
        loader=Loader(batch_size=32),
        expected=Expected(
            "test", "bits_per_token", 1.7, 2.2, 150, "1 core", "measured here: no other source has this text"
        ),
    )
