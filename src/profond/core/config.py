"""Settings checked at the door: a callable's signature is its schema."""

from __future__ import annotations

import functools
import inspect
import json
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Annotated, Any, Literal, ParamSpec, TypeVar, Union, get_args, get_origin

from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from profond.core.errors import ConfigError, suggest

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def _no_truth_value(value: Any) -> Any:
    if isinstance(value, bool):
        raise PydanticCustomError("number", "it must be a number")
    return value


Number = Annotated[float, BeforeValidator(_no_truth_value)]
"""Any number but true and false, which Python counts as 1 and 0."""

Integer = Annotated[int, BeforeValidator(_no_truth_value)]

Positive = Annotated[Number, Field(gt=0, allow_inf_nan=False)]
"""More than 0, and finite."""

NotNegative = Annotated[Number, Field(ge=0, allow_inf_nan=False)]
"""0 or more, and finite."""

Share = Annotated[Number, Field(ge=0, lt=1)]
"""From 0 up to, not including, 1."""

Count = Annotated[Integer, Field(ge=1)]
"""1 or more."""

Natural = Annotated[Integer, Field(ge=0)]
"""0 or more."""

Between = Annotated[Number, Field(gt=0, lt=1)]
"""Between 0 and 1, neither included."""

Factor = Annotated[Number, Field(gt=0, le=1)]
"""More than 0, and 1 at most."""

Seed = Annotated[Integer, Field(ge=0, lt=2**63)]

P = ParamSpec("P")
R = TypeVar("R")


def bind(target: Callable[..., Any], settings: Mapping[str, Any], *, what: str) -> dict[str, Any]:
    """Check settings against the annotations of a callable, converting text such as ``"1e-3"`` or ``"[3, 4]"``.

    Args:
        target: a function, class or dataclass whose parameters are annotated.
        settings: settings by name.
        what: how to call it in an error, such as ``"model 'lenet5'"``.

    Returns: the given settings, converted; nothing is added.

    Raises: ConfigError for an unknown name, a wrong type, a number out of its range, a word that is none of those to
    choose from, or a missing required setting.
    """
    parameters = inspect.signature(target).parameters
    hints = _hints(target)
    open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    checked: dict[str, Any] = {}
    for name, value in settings.items():
        if name not in parameters:
            if open_ended:
                checked[name] = value
                continue
            raise ConfigError(f"{what} has no setting {name!r}", suggest(name, parameters))
        checked[name] = convert(value, hints.get(name, Any), f"{name} of {what}")
    missing = [
        name
        for name, p in parameters.items()
        if p.default is p.empty and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL) and name not in checked
    ]
    if missing:
        first = f"{missing[0]}=…"
        raise ConfigError(f"{what} needs {', '.join(missing)}", f"give {first}; on the command line: --set {first}")
    return checked


def check_fields(settings: DataclassInstance, what: str) -> None:
    """Check and convert the fields of a frozen dataclass as `bind` does; for its ``__post_init__``.

    Raises: as `bind`.
    """
    given = {field.name: getattr(settings, field.name) for field in fields(settings)}
    # The defaults need no check: a dataclass is made often, and mostly of these.
    chosen = {f.name: given[f.name] for f in fields(settings) if f.default is MISSING or given[f.name] != f.default}
    for name, value in bind(type(settings), chosen, what=what).items():
        if value != given[name]:  # 2 stays 2 where 2.0 would do
            object.__setattr__(settings, name, value)


def checked(what: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorates a callable, so that arguments with a range, such as a `Share`, are checked whenever it is called.

    They are converted as in `bind`; the others pass as they are.

    Args:
        what: as in `bind`.
    """

    def around(target: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(target)

        @functools.wraps(target)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            given = signature.bind(*args, **kwargs)
            for name, value in given.arguments.items():
                annotation = _hints(target).get(name)
                if _has_range(annotation):
                    given.arguments[name] = convert(value, annotation, f"{name} of {what}")
            return target(*given.args, **given.kwargs)

        return call

    return around


def _has_range(annotation: Any) -> bool:
    return get_origin(annotation) is Annotated or any(_has_range(part) for part in get_args(annotation))


def convert(value: Any, annotation: Any, what: str) -> Any:
    """One value to the annotated type. Raises: ConfigError saying what was received and what is accepted."""
    adapter = _adapter(annotation)
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if isinstance(value, str):
            try:
                return adapter.validate_python(json.loads(value))
            except ValidationError as second:
                first = second.errors(include_url=False)[0]
            except json.JSONDecodeError:
                pass
        words = _words(annotation)
        if words and isinstance(value, str) and first["type"] == "literal_error":
            raise ConfigError(f"{what}: {value!r} does not fit", suggest(value, words)) from None
        expected = _EXPECTED.get(first["type"]) or first["msg"].replace("Input should", "it must", 1)
        hint = "; ".join([expected[0].lower() + expected[1:], *_said(annotation)])
        raise ConfigError(f"{what}: {value!r} does not fit", hint) from None


_LIST = """it must be a list, such as '["a", "b"]' or '[1, 2]'"""
_EXPECTED = {"tuple_type": _LIST, "list_type": _LIST}


def _said(annotation: Any) -> list[str]:
    """What an annotation says of its numbers besides their range."""
    parts = getattr(annotation, "__metadata__", ())
    return [one.description for one in parts if isinstance(one, FieldInfo) and one.description]


def _words(annotation: Any) -> list[str]:
    """The words that an annotation lets one choose from; none where it takes other things too."""
    if get_origin(annotation) is Literal:
        return [word for word in get_args(annotation) if isinstance(word, str)]
    if get_origin(annotation) in (Union, types.UnionType):
        parts = [part for part in get_args(annotation) if part is not type(None)]
        return _words(parts[0]) if len(parts) == 1 else []
    return []


@functools.lru_cache(maxsize=512)
def _hints(target: Callable[..., Any]) -> dict[str, Any]:
    return typing.get_type_hints(target.__init__ if inspect.isclass(target) else target, include_extras=True)


def _adapter(annotation: Any) -> TypeAdapter[Any]:
    try:
        return _known_adapter(annotation)
    except TypeError:  # an annotation that cannot be a key
        return _fresh_adapter(annotation)


@functools.lru_cache(maxsize=1024)
def _known_adapter(annotation: Any) -> TypeAdapter[Any]:
    return _fresh_adapter(annotation)


def _fresh_adapter(annotation: Any) -> TypeAdapter[Any]:
    try:
        return TypeAdapter(annotation, config=ConfigDict(arbitrary_types_allowed=True))
    except Exception:  # a type with a config of its own refuses another
        return TypeAdapter(annotation)
