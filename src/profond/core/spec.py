"""What a batch looks like: the data tells the model its shape."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from profond.core.errors import ConfigError
from profond.core.tokens import Tokens

_WITH_UNIT = re.compile(r"(?P<name>.*?)\s*(\((?P<round>[^()]*)\)|\[(?P<square>[^\[\]]*)\])\s*", re.DOTALL)


@dataclass(frozen=True)
class Quantity:
    """A number to be estimated.

    Args:
        name: such as ``"weight"``.
        unit: such as ``"kg"``; empty where none is known.
    """

    name: str
    unit: str = ""

    @classmethod
    def parse(cls, text: str) -> Quantity:
        """From a column's name: ``weight (kg)`` or ``weight [kg]``."""
        found = _WITH_UNIT.fullmatch(text.strip())
        if found is None or not found["name"]:
            return cls(text.strip())
        return cls(found["name"].strip(), (found["round"] or found["square"] or "").strip())

    def __str__(self) -> str:
        return f"{self.name} ({self.unit})" if self.unit else self.name


@dataclass(frozen=True)
class Spec:
    """One sample's shape, axes and meaning.

    Args:
        shape: one sample as the model receives it, without the batch axis: ``(1, 28, 28)``.
        axes: a letter for each axis: ``"chw"`` image, ``"ct"`` signal, ``"cthw"`` clip, ``"t"`` tokens.
        range: least and greatest value before normalisation, such as ``(0, 255)``.
        classes: class names in label order; empty when the target is not a class.
        quantities: what is estimated, where the target is numbers; else empty.
        tokens: what the inputs are written in, where they are texts.
        text: what the model writes: targets are its tokens, between start and end.
        each: the axis each step of which has a class, or a token to be written, such as ``"t"``; else empty.
        mirrors: of pictures, the class of each class's mirror image, in label order: its own where that looks alike, or
            another (``keep left`` of ``keep right``), or -1 where it is of none. Empty where every class is its own.
        rate: steps of time in a second; 0 where it is not known.
    """

    shape: tuple[int, ...]
    axes: str
    range: tuple[float, float] = (0.0, 255.0)
    classes: tuple[str, ...] = ()
    quantities: tuple[Quantity, ...] = ()
    tokens: Tokens | None = None
    text: Tokens | None = None
    each: str = ""
    rate: float = 0.0
    mirrors: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if len(self.shape) != len(self.axes):
            raise ConfigError(f"shape {self.shape} has {len(self.shape)} axes, but they are named {self.axes!r}")
        if self.classes and self.quantities:
            raise ConfigError("a target is a class or numbers, and not both", "give classes or quantities")
        if self.mirrors and not (
            len(self.mirrors) == len(self.classes) > max(self.mirrors) and min(self.mirrors) >= -1
        ):
            raise ConfigError(
                f"mirrors are {list(self.mirrors)} for {len(self.classes)} classes", "give a class, or -1, for each"
            )
        if self.text is not None and (self.classes or self.quantities):
            raise ConfigError("a target is a text, or a class or numbers, and not both", "give one of them")
        if self.each and (self.each not in self.axes or not (self.classes or self.text)):
            raise ConfigError(
                f"each step of axis {self.each!r} is to have a class, and there are {len(self.classes)} classes and the"
                f" axes {self.axes!r}",
                "name one of the axes, and the classes",
            )

    @property
    def num_classes(self) -> int:
        return len(self.classes)

    @property
    def has_target(self) -> bool:
        """Whether something is to be said of a sample; not where such samples are to be made, and no more is known."""
        return bool(self.classes or self.quantities) or self.text is not None

    @property
    def num_outputs(self) -> int:
        """How many numbers a model gives for one sample: a score for each class, or an estimate of each quantity."""
        return len(self.classes) or len(self.quantities)

    @property
    def purpose(self) -> str:
        """What the outputs are for, in words: ``for 3 classes``, or ``to estimate weight (kg)``."""
        if self.quantities:
            return f"to estimate {', '.join(map(str, self.quantities))}"
        if self.text is not None:
            return f"to write {self.text.kind}"
        if not self.has_target:
            return "to make such samples"
        return f"for {self.num_classes} classes" + (" at each step" if self.each else "")

    def interface(self) -> dict[str, Any]:
        """The constructor arguments that the data decides: a model takes those that its signature names.

        The width of a model's last layer is called ``num_classes``, whatever it stands for.
        """
        given: dict[str, Any] = {"input_shape": tuple(self.shape)}
        if self.num_outputs:
            given["num_classes"] = self.num_outputs
        if self.tokens is not None:
            given["vocabulary"] = len(self.tokens)
        if self.text is not None:
            given["output_vocabulary"] = len(self.text)
        return given

    @property
    def target_name(self) -> str:
        """What one target is called in a table that people read."""
        return "text" if self.text is not None else "class" if self.classes else "target"

    def target_text(self, target: int | float | Sequence[float]) -> str:
        """A target as text: its class's name, that of each step, its numbers, or the text itself."""
        if isinstance(target, int):
            return self.classes[target] if 0 <= target < len(self.classes) else str(target)
        if self.text is not None and not isinstance(target, float):
            return self.text.decode(int(token) for token in target)
        if self.each and not isinstance(target, float):
            return " ".join(self.target_text(int(step)) for step in target if step >= 0)
        return numbers_text([target] if isinstance(target, float) else target)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def described(self) -> dict[str, Any]:
        """For people, JSON-able: of a vocabulary its size, not all its words."""
        sizes = {"tokens": self.tokens, "text": self.text}
        short = {name: {"kind": one.kind, "size": len(one)} for name, one in sizes.items() if one is not None}
        return {**self.to_json(), "tokens": None, "text": None, **short}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Spec:
        quantities = tuple(Quantity(one["name"], one.get("unit", "")) for one in data.get("quantities", ()))
        tokens, text = (Tokens.from_json(data[name]) if data.get(name) else None for name in ("tokens", "text"))
        return cls(
            tuple(data["shape"]),
            data["axes"],
            tuple(data["range"]),
            tuple(data["classes"]),
            quantities,
            tokens,
            text,
            data.get("each", ""),
            data.get("rate", 0.0),
            tuple(data.get("mirrors", ())),
        )


def numbers_text(values: Sequence[float]) -> str:
    """Numbers with the digits that float32 holds, the same for everybody: ``3.1 12``."""
    import numpy as np  # not above: listing the verbs must not pay for it

    return " ".join(str(np.float32(value)).removesuffix(".0") for value in values)
