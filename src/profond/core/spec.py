"""What a batch looks like: the data tells the model its shape."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from profond.core.errors import ConfigError


@dataclass(frozen=True)
class Spec:
    """One sample's shape, axes and meaning.

    Args:
        shape: one sample as the model receives it, without the batch axis: ``(1, 28, 28)``.
        axes: a letter for each axis: ``"chw"`` image, ``"ct"`` signal, ``"cthw"`` clip, ``"tc"`` series.
        range: least and greatest value before normalisation, such as ``(0, 255)``.
        classes: class names in label order; empty when the target is not a class.
    """

    shape: tuple[int, ...]
    axes: str
    range: tuple[float, float] = (0.0, 255.0)
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.shape) != len(self.axes):
            raise ConfigError(f"shape {self.shape} has {len(self.shape)} axes, but they are named {self.axes!r}")

    @property
    def num_classes(self) -> int:
        return len(self.classes)

    def interface(self) -> dict[str, Any]:
        """The constructor arguments that the data decides: a model takes those that its signature names."""
        arguments: dict[str, Any] = {"input_shape": tuple(self.shape)}
        if self.classes:
            arguments["num_classes"] = self.num_classes
        return arguments

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Spec:
        return cls(tuple(data["shape"]), data["axes"], tuple(data["range"]), tuple(data["classes"]))
