"""LeNet-5 on MNIST, modern (61,706 parameters) and as in 1998 (60,000)."""

from __future__ import annotations

from dataclasses import replace

from profond.recipes import register_recipe
from profond.recipes.recipe import Expected, Loader, Recipe
from profond.training.settings import Training

MODERN = Recipe(
    data={"name": "mnist"},
    model={"name": "lenet5"},
    task={"name": "classify", "label_smoothing": 0.05},
    training=Training(epochs=2, optimizer="muon", learning_rate=1.5e-2, momentum=0.8, betas=(0.9, 0.99), warmup=0.1),
    loader=Loader(batch_size=256),
    augment={"shift": 1},
    expected=Expected("test", "accuracy", 0.991, 0.996, 7, "2 cores", "LeCun et al. 1998, fig. 9"),
)


@register_recipe("lenet5")
def lenet5() -> Recipe:
    """LeNet-5, modern, on MNIST: 99.37 % in two passes."""
    return MODERN


@register_recipe("lenet5_fast")
def lenet5_fast() -> Recipe:
    """LeNet-5, modern, on MNIST: 99.16 % in three quarters of a pass."""
    return replace(
        MODERN,
        training=replace(MODERN.training, epochs=0.75, learning_rate=2e-2, schedule="linear"),
        expected=Expected("test", "accuracy", 0.985, 0.994, 3, "2 cores", "LeCun et al. 1998, fig. 9"),
    )


@register_recipe("lenet5_1998")
def lenet5_1998() -> Recipe:
    """LeNet-5 as in 1998, on MNIST: partial connections, trainable subsampling, RBF output."""
    return Recipe(
        data={"name": "mnist"},
        model={"name": "lenet5_1998"},
        training=Training(epochs=4, optimizer="adam", learning_rate=3e-3, warmup=0.2),
        loader=Loader(batch_size=128),
        augment={"shift": 1},
        expected=Expected("test", "accuracy", 0.98, 0.996, 60, "2 cores", "LeCun et al. 1998, fig. 9"),
    )
