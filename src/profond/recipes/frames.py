"""Which digit is it in each frame? A convnet with an LSTM over time on moving digits, and the same convnet alone."""

from __future__ import annotations

from profond.recipes import register_recipe
from profond.recipes.recipe import Expected, Loader, Recipe
from profond.training.settings import Training

TRAINING = Training(epochs=8, optimizer="adamw", learning_rate=4e-3, weight_decay=0.01, warmup=0.15)
SOURCE = "measured here: no other source has this task"


@register_recipe("frames")
def frames() -> Recipe:
    """A convnet and an LSTM in both directions of time name the digit in each frame, hidden ones too."""
    return Recipe(
        data={"name": "moving_digits"},
        model={"name": "frame_lstm"},
        task={"name": "label_frames"},
        training=TRAINING,
        loader=Loader(batch_size=32),
        expected=Expected("test", "accuracy", 0.82, 0.95, 70, "1 core", SOURCE),
    )


@register_recipe("frames_convnet")
def frames_convnet() -> Recipe:
    """The same convnet, which sees each frame alone."""
    return Recipe(
        data={"name": "moving_digits"},
        model={"name": "frame_convnet"},
        task={"name": "label_frames"},
        training=TRAINING,
        loader=Loader(batch_size=32),
        expected=Expected("test", "accuracy", 0.6, 0.72, 65, "1 core", SOURCE),
    )
