"""Who speaks? The Japanese Vowels by a 1-D convnet, an MLP with as many parameters, an LSTM and a GRU."""

from __future__ import annotations

from profond.recipes import register_recipe
from profond.recipes.recipe import Expected, Loader, Recipe
from profond.training.settings import Training

TRAINING = Training(epochs=60, optimizer="adamw", learning_rate=3e-3, weight_decay=0.01, warmup=0.2)


@register_recipe("vowels")
def vowels() -> Recipe:
    """A 1-D convnet tells nine speakers apart by one vowel."""
    return Recipe(
        data={"name": "japanese_vowels"},
        model={"name": "convnet1d", "widths": [32, 64], "kernel": 5, "pool": 2},
        training=TRAINING,
        loader=Loader(batch_size=32),
        expected=Expected("test", "accuracy", 0.96, 1.0, 3, "2 cores", "Kudo et al. 1999 (94.1 % by their method)"),
    )


@register_recipe("vowels_mlp")
def vowels_mlp() -> Recipe:
    """The same by an MLP with as many parameters."""
    return Recipe(
        data={"name": "japanese_vowels"},
        model={"name": "mlp", "hidden": [36]},
        training=TRAINING,
        loader=Loader(batch_size=32),
        expected=Expected("test", "accuracy", 0.94, 0.99, 2, "2 cores", "Kudo et al. 1999 (94.1 % by their method)"),
    )


@register_recipe("vowels_lstm")
def vowels_lstm() -> Recipe:
    """The same by a bidirectional LSTM, which reads each utterance to its own end."""
    return Recipe(
        data={"name": "japanese_vowels"},
        model={"name": "lstm", "hidden": 64},
        training=TRAINING,
        loader=Loader(batch_size=32),
        expected=Expected("test", "accuracy", 0.95, 1.0, 8, "2 cores", "Kudo et al. 1999 (94.1 % by their method)"),
    )


@register_recipe("vowels_gru")
def vowels_gru() -> Recipe:
    """The same by a bidirectional GRU."""
    return Recipe(
        data={"name": "japanese_vowels"},
        model={"name": "gru", "hidden": 64},
        training=TRAINING,
        loader=Loader(batch_size=32),
        expected=Expected("test", "accuracy", 0.95, 1.0, 8, "2 cores", "Kudo et al. 1999 (94.1 % by their method)"),
    )
