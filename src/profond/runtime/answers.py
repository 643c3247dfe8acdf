"""What the outputs of an exported file say of one sample, in words and numbers that are JSON-able."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profond.core.errors import ConfigError
from profond.core.tokens import Tokens
from profond.runtime.engines.engine import Arrays

TOP = 5
"""Classes that are named, the most probable first."""
LABEL = "label"
"""The output with the name of the most probable class, where there are classes."""


def with_labels(said: Mapping[str, Any], outputs: Arrays) -> dict[str, NDArray[Any]]:
    """The outputs of a batch, and of a classification the names of the most probable classes, where they lack.

    ONNX files compute these; OpenVINO's own have no texts.

    Args:
        said: as of `answer`.
    """
    if said.get("kind") != "classes" or LABEL in outputs or "probabilities" not in outputs:
        return dict(outputs)
    names = np.array(said.get("classes", ()), object)
    best = outputs["probabilities"].argmax(1)
    if best.size and best.max() >= len(names):
        raise ConfigError(f"there are {len(names)} names of classes, and more are told apart", "export it again")
    return {**outputs, LABEL: names[best]}


def answer(said: Mapping[str, Any], outputs: Arrays, index: int, tokens: Tokens | None = None) -> dict[str, Any]:
    """One sample's answer.

    Args:
        said: what the file says of its outputs: the kind, names of classes, units.
        outputs: of a batch, by name.
        index: of the sample in it.
        tokens: what texts are written in, where the answer is one.

    Raises: ConfigError where a number of it is not finite, or there are not as many as names.
    """
    rows = {name: values[index] for name, values in outputs.items()}
    for name, values in rows.items():
        if np.asarray(values).dtype.kind == "f" and not np.isfinite(values).all():
            raise ConfigError(f"the network's output {name!r} is not finite", "train again, or give another input")
    first = next(iter(rows.values()))
    kind = said.get("kind")
    if kind == "classes":
        return top_classes(rows.get("probabilities", first), said.get("classes", ()))
    if kind == "numbers":
        return {"estimates": _numbers(first, said.get("quantities", ()))}
    if kind == "text" and tokens is not None and np.asarray(first).dtype.kind in "iu":
        return {"text": tokens.decode(np.ravel(first).tolist())}
    return {name: _plain(values) for name, values in rows.items()}


def top_classes(probabilities: NDArray[Any], names: Any) -> dict[str, Any]:
    """The most probable class, and the next ones. Raises: ConfigError."""
    if len(names) != len(probabilities):
        raise ConfigError(f"the file names {len(names)} classes and tells {len(probabilities)} apart", "export again")
    best = np.argsort(-probabilities, kind="stable")[:TOP]
    top = [{"label": str(names[i]), "probability": float(probabilities[i])} for i in best]
    return {**top[0], "top": top}


def line(found: Mapping[str, Any], shown: int = 3) -> str:
    """An answer in one line for a terminal; columns parted by tabs.

    Args:
        shown: classes that are named.
    """
    if "top" in found:
        first, *others = found["top"][:shown]
        parts = [first["label"], f"{first['probability']:.4f}"]
        return "\t".join([*parts, *(f"{one['label']} {one['probability']:.4f}" for one in others)])
    if "estimates" in found:
        return "\t".join(
            f"{one['name']} {one['value']:.6g}{' ' if one['unit'] else ''}{one['unit']}" for one in found["estimates"]
        )
    return "\t".join(f"{name} {str(value)[:200]}" for name, value in found.items())


def _numbers(values: NDArray[Any], quantities: Any) -> list[dict[str, Any]]:
    values = np.ravel(values)
    if len(quantities) != len(values):
        raise ConfigError(f"the file names {len(quantities)} numbers and gives {len(values)}", "export it again")
    return [
        {"name": one.get("name", ""), "unit": one.get("unit", ""), "value": float(f"{value:.7g}")}
        for one, value in zip(quantities, map(float, values), strict=True)
    ]


def _plain(values: Any) -> Any:
    """Lists of Python's numbers; float32 with the digits that it has."""
    array = np.asarray(values)
    if array.dtype.kind != "f":
        return array.tolist()
    return _short(array.tolist())


def _short(values: Any) -> Any:
    if isinstance(values, list):
        return [_short(one) for one in values]
    return float(f"{values:.7g}") if math.isfinite(values) else None
