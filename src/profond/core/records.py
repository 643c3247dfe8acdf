"""What stands in each JSON file of a run, as far as anybody relies on it; what does not fit is damage."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from profond.core.tokens import SPECIAL

DEEPEST = 64
"""Objects inside objects: what any of our files need, many times over."""

_LARGEST = 256 * 2**20


class _Record(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", allow_inf_nan=True)


class State(_Record):
    """``run.json``"""

    name: str | None = None
    status: str | None = None
    created: str | None = None
    updated: str | None = None
    error: str | None = None
    device: str | None = None
    precision: str | None = None
    seconds: float | None = None
    features_seconds: float | None = None
    steps: int | None = None
    total_steps: int | None = None
    warnings: list[str] = []
    lengthened: list[dict[str, Any]] = []


class _Named(_Record):
    name: str | None = None


class Settings(_Record):
    """``config.json``"""

    recipe: str | None = None
    data: _Named | None = None
    model: _Named | None = None
    task: _Named | None = None
    training: dict[str, Any] | None = None
    loader: dict[str, Any] | None = None
    augment: dict[str, Any] | None = None
    transfer: dict[str, Any] | None = None


class Samples(_Record):
    """``split.json``; ``content`` is younger than the others."""

    hash: dict[str, str]
    sizes: dict[str, int] = {}
    content: dict[str, str] = {}


class Labels(_Record):
    """``labels.json``, in runs of version 0.1.0."""

    classes: list[str]


class Estimated(_Record):
    """A quantity of ``spec.json``."""

    name: str
    unit: str = ""


class Vocabulary(_Record):
    """What texts are written in, in ``spec.json`` and ``preprocessing.json``; see `profond.core.tokens.Tokens`."""

    kind: Literal["words", "characters", "pieces"]
    entries: list[str] = []
    lower: bool = False
    longest: int = Field(0, ge=0)
    model: str = ""

    @model_validator(mode="after")
    def _each_once(self) -> Vocabulary:
        if self.kind != "pieces" and tuple(self.entries[: len(SPECIAL)]) != SPECIAL:
            raise ValueError(f"its entries do not begin with {', '.join(SPECIAL)}")
        if self.kind == "pieces" and not self.model:
            raise ValueError("its pieces have no model")
        if len(set(self.entries)) < len(self.entries):
            raise ValueError("an entry is there twice")
        return self


class Prepared(_Record):
    """``preprocessing.json``, as far as texts need it; `profond.data.preprocessing` checks the rest."""

    text: Vocabulary | None = None


class Specification(_Record):
    """``spec.json``; runs of version 0.1.0 have none."""

    shape: list[Annotated[int, Field(ge=1)]]
    axes: str = Field(pattern=r"^(c?t?(hw)?|tc|x+)$")  # x: what version 0.1.0 did not name
    range: list[float] = Field(min_length=2, max_length=2)
    classes: list[str]
    quantities: list[Estimated] = []
    tokens: Vocabulary | None = None
    text: Vocabulary | None = None
    each: str = ""
    rate: float = 0.0

    @model_validator(mode="after")
    def _classes_or_quantities(self) -> Specification:
        if self.classes and self.quantities:
            raise ValueError("it has classes and quantities both")
        return self

    @model_validator(mode="after")
    def _letter_for_each_axis(self) -> Specification:
        if len(self.shape) != len(self.axes):
            raise ValueError("it has not a letter for each axis")
        return self


class Measure(_Record):
    """A number with its interval and its words; version 0.1.0 wrote no words."""

    value: float
    low: float | None = None
    high: float | None = None
    unit: str = ""
    better: Literal["higher", "lower"] | None = None
    title: str = ""

    @model_validator(mode="after")
    def _both_ends(self) -> Measure:
        if (self.low is None) != (self.high is None):
            raise ValueError("an interval has two ends")
        return self


class Evaluation(_Record):
    """``evaluation.json``: metrics by split and name."""

    metrics: dict[str, dict[str, Measure | float]]
    samples: dict[str, int] = {}
    headline: str | None = None
    lines: dict[str, list[str]] = {}


class Scores(_Record):
    """Which column of ``predictions.csv`` two runs are compared by, and what it means."""

    metric: str
    column: str
    unit: str = ""
    better: Literal["higher", "lower"]


class Kept(_Record):
    """``evaluation/<split>/report.json``"""

    count: int = Field(ge=0)
    classes: list[str] = []
    split_hash: str | None = None
    headline: str | None = None
    scores: Scores | None = None
    metrics: dict[str, Measure | float] = {}


class Line(_Record):
    """One line of ``metrics.jsonl``."""

    step: int
    split: str
    epoch: float | None = None
    seconds: float | None = None
    loss: float | None = None


KINDS: dict[str, type[_Record]] = {
    "run.json": State,
    "config.json": Settings,
    "split.json": Samples,
    "spec.json": Specification,
    "preprocessing.json": Prepared,
    "labels.json": Labels,
    "evaluation.json": Evaluation,
    "report.json": Kept,
    "metrics.jsonl": Line,
}
"""By the name of the file; of any other, only that it holds one object is known."""


def read_text(path: Path, errors: str = "strict") -> str:
    """A text of a run; ``errors`` is what becomes of bytes that are not UTF-8, as `open` takes it.

    Raises: FileNotFoundError where there is none; ValueError for all that is no readable text.
    """
    try:
        os.lstat(path)
        if not path.is_file():  # a folder; a pipe, which would be waited for; a link that leads nowhere
            raise ValueError("it is not a file")
        if path.stat().st_size > _LARGEST and path.suffix == ".json":
            raise ValueError("it is far too large")
        return path.read_bytes().decode("utf-8", errors)
    except FileNotFoundError:
        raise
    except NotADirectoryError:
        raise FileNotFoundError(str(path)) from None
    except OSError as error:
        raise ValueError(error.strerror or str(error)) from None


def parse(text: str, name: str) -> dict[str, Any]:
    """The object that a text stands for, as it was written. Raises: ValueError for any other text.

    Args:
        name: of the file, which says what must be in it.
    """
    try:
        data = json.loads(text)
    except RecursionError:
        raise ValueError("objects are nested too deep") from None
    if not isinstance(data, dict):
        raise ValueError("not a JSON object")
    _check_words(data)
    kind = KINDS.get(name)
    if kind is not None:
        try:
            kind.model_validate(data)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"]))
            said = "it is no object" if first["type"] == "model_type" else first["msg"].removeprefix("Value error, ")
            raise ValueError(f"{where}: {said[0].lower()}{said[1:]}") from None
    return data


def _check_words(data: Any) -> None:
    """No text that is no text, no number beyond all use, no depth that reading it again would fall over."""
    level = [data]
    for _ in range(DEEPEST):
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                below += [*value, *value.values()]
            elif isinstance(value, list):
                below += value
            elif isinstance(value, str):
                # NOTE a file's name that is not UTF-8 is kept with its odd bytes as surrogates; those alone are meant.
                value.encode("utf-8", "surrogateescape")
            elif isinstance(value, int) and abs(value) >= 2**64:
                raise ValueError("a number is far too large")
        if not below:
            return
        level = below
    raise ValueError("objects are nested too deep")
