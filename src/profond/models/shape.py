"""Input shapes, class counts and dropout, checked at the door of every model."""

from __future__ import annotations

from collections.abc import Sequence

from profond.core.errors import ConfigError

KINDS = {
    2: "that is a series: lstm, gru, convnet1d and mlp take series",
    4: "that is a clip: convnet3d and mlp take clips",
}
"""What a sample of so many axes is, and which networks take it."""
AXES = {1: ("channels", "samples"), 2: ("channels", "height", "width"), 3: ("channels", "frames", "height", "width")}


def check_input(model: str, input_shape: Sequence[int], dimensions: int, smallest: int = 1, instead: str = "") -> None:
    """Check one sample's shape (no batch axis): channels first, then ``dimensions`` axes of at least ``smallest``.

    Args:
        instead: what else helps where the input is too small, such as a setting of the model.

    Raises: ConfigError that names the smallest size.
    """
    axes = AXES[dimensions]
    if len(input_shape) != len(axes):
        raise ConfigError(
            f"{model} takes one sample as ({', '.join(axes)}), not {tuple(input_shape)}",
            KINDS.get(len(input_shape), f"for example {'x'.join(['3', *['32'] * dimensions])}"),
        )
    check_positive(model, input_shape)
    if min(input_shape[1:]) < smallest:
        least = (input_shape[0], *[smallest] * dimensions)
        sizes = f"`train --set size={smallest}`, `finetune --size {smallest}`, " if dimensions == 2 else ""
        raise ConfigError(
            f"{model} needs inputs of at least {by([smallest] * dimensions)}, not {by(input_shape[1:])}",
            f"the smallest input_shape is {least}: {sizes}`models show --input {'x'.join(map(str, least))}`{instead}",
        )


def check_picture(model: str, input_shape: Sequence[int]) -> None:
    """Check one sample's shape of a generator of pictures: (channels, height, width), 16 pixels a side at least.

    Raises: ConfigError, which for points names the generator that makes them.
    """
    if len(input_shape) == 1:
        raise ConfigError(
            f"{model} makes pictures, and a sample is {input_shape[0]} numbers", "for points: --model points_gan"
        )
    check_input(model, input_shape, 2, smallest=16)


def check_positive(model: str, input_shape: Sequence[int]) -> None:
    """Raises: ConfigError for an empty shape or an axis without length."""
    if not input_shape or min(input_shape) < 1:
        raise ConfigError(
            f"{model} cannot take an input of shape {tuple(input_shape)}", "every axis has a length of 1 or more"
        )


def check_classes(model: str, num_classes: int) -> None:
    """Raises: ConfigError for fewer than one class."""
    if num_classes < 1:
        raise ConfigError(f"{model} cannot tell {num_classes} classes apart", "num_classes is 1 or more")


def check_forecaster(model: str, input_shape: Sequence[int], horizon: int, quantiles: int, smallest: int = 1) -> int:
    """Check the window of a forecasting network, (channels, look-back + horizon).

    Returns: the look-back.

    Raises: ConfigError for a horizon that leaves no past, or fewer than none quantiles.
    """
    if len(input_shape) != 2:
        raise ConfigError(
            f"{model} takes one window as (channels, look-back + horizon), not {tuple(input_shape)}",
            "channel 0 is the series, the others are known in advance",
        )
    check_positive(model, input_shape)
    if horizon < 1 or quantiles < 0:
        raise ConfigError(
            f"{model} cannot forecast {horizon} steps with {quantiles} quantiles each",
            "num_classes, the number of steps, is 1 or more; quantiles is 0 or more",
        )
    look_back = input_shape[1] - horizon
    if look_back < smallest:
        raise ConfigError(
            f"{model} needs a past of {smallest} steps or more, and a window of {input_shape[1]} leaves {look_back}"
            f" before the {horizon} to forecast",
            "look further back, or forecast fewer steps",
        )
    return look_back


def check_widths(model: str, **widths: int) -> None:
    """Raises: ConfigError for a setting that counts something and is less than 1."""
    for name, width in widths.items():
        if width < 1:
            raise ConfigError(f"{name} of {model} is {width}", "use a whole number of 1 or more")


def by(sizes: Sequence[int]) -> str:
    """Sizes as people write them: ``28×28``."""
    return "×".join(str(size) for size in sizes)
