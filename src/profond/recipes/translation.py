"""From English to French: an encoder-decoder with attention on 25,000 aligned verses."""

from __future__ import annotations

from profond.recipes import register_recipe
from profond.recipes.recipe import Expected, Loader, Recipe
from profond.training.settings import Training


@register_recipe("translation")
def translation() -> Recipe:
    """An encoder-decoder with attention translates verses from English to French."""
    return Recipe(
        data={"name": "verses"},
        model={"name": "seq2seq", "width": 256, "hidden": 256, "dropout": 0.1},
        task={"name": "seq2seq", "label_smoothing": 0.1, "beam": 4},
        training=Training(
            epochs=6,
            optimizer="adamw",
            learning_rate=2e-3,
            weight_decay=0.01,
            warmup=0.1,
            gradient_clip=1.0,
            keep="best",
            precision="auto",
        ),
        loader=Loader(batch_size=48),
        expected=Expected(
            "test", "chrf", 43.0, 47.0, 1010, "1 core", "the translation of the most similar verse of train has 28.3"
        ),
    )
