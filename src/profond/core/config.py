"""Settings checked at the door: a callable's signature is its schema."""

from __future__ import annotations

import inspect
import json
import typing
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from profond.core.errors import ConfigError, suggest


def bind(target: Callable[..., Any], settings: Mapping[str, Any], *, what: str) -> dict[str, Any]:
    """Check settings against the annotations of a callable, converting text such as ``"1e-3"`` or ``"[3, 4]"``.

    Args:
        target: a function, class or dataclass whose parameters are annotated.
        settings: settings by name.
        what: how to call it in an error, such as ``"model 'lenet5'"``.

    Returns: the given settings, converted; nothing is added.

    Raises: ConfigError for an unknown name, a wrong type, or a missing required setting.
    """
    parameters = inspect.signature(target).parameters
    hints = typing.get_type_hints(target.__init__ if inspect.isclass(target) else target)
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
        raise ConfigError(f"{what} needs {', '.join(missing)}", f"give it as --set {missing[0]}=…")
    return checked


def convert(value: Any, annotation: Any, what: str) -> Any:
    """One value to the annotated type. Raises: ConfigError saying what was received and what is accepted."""
    adapter = _adapter(annotation)
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        if isinstance(value, str):
            try:
                return adapter.validate_python(json.loads(value))
            except (ValidationError, json.JSONDecodeError):
                pass
        expected = error.errors()[0]["msg"]
        raise ConfigError(f"{what}: {value!r} does not fit", expected[0].lower() + expected[1:]) from None


def _adapter(annotation: Any) -> TypeAdapter[Any]:
    try:
        return TypeAdapter(annotation, config=ConfigDict(arbitrary_types_allowed=True))
    except Exception:  # a type with a config of its own refuses another
        return TypeAdapter(annotation)
