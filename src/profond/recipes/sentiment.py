"""Is a sentence of a film review for or against the film? A recurrent network over its words."""

from __future__ import annotations

from profond.recipes import register_recipe
from profond.recipes.recipe import Expected, Loader, Recipe
from profond.training.settings import Training


@register_recipe("sentiment")
def sentiment() -> Recipe:
    """A bidirectional LSTM on sentences of film reviews; a linear model of words and pairs does as well."""
    return Recipe(
        data={"name": "film_reviews"},
        model={"name": "text_lstm"},
        training=Training(epochs=5, optimizer="adamw", learning_rate=3e-3, weight_decay=0.01, warmup=0.1),
        loader=Loader(batch_size=64),
        expected=Expected(
            "test", "accuracy", 0.76, 0.82, 60, "1 core", "measured here; Pang and Lee 2005's sentences: 0.76 to 0.80"
        ),
    )
