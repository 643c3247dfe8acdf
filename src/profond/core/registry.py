"""Names to things, found by walking a folder; nothing is edited to add one.

The folder is read, not run: names, settings and summaries come from the syntax tree, so that listing
two hundred models costs milliseconds and never imports torch. Only the one asked for is imported.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from profond.core.errors import UnknownName

Registered = TypeVar("Registered", bound=Callable[..., Any])


@dataclass(frozen=True)
class Entry:
    """One registered name.

    Args:
        name: what a person types.
        module: where it is written, importable.
        attribute: its class or function in that module.
        summary: first line of its docstring.
        config: the settings that this name stands for (a variant is a row of a table, not a copy).
    """

    name: str
    module: str
    attribute: str
    summary: str
    config: dict[str, Any] = field(default_factory=dict)


class Registry:
    """All things of one kind.

    ``@registry.register("resnet50", layers=[3, 4, 6, 3])`` above a class or function registers it; the
    decorator can stand several times, once for each variant. Arguments must be literals.

    Args:
        kind: the singular noun, such as ``"model"``; the decorator is spelled ``register_<kind>``.
        package: the package whose files are walked, such as ``"profond.models"``.
    """

    def __init__(self, kind: str, package: str) -> None:
        self.kind = kind
        self.package = package
        self._found: dict[str, Entry] | None = None
        self._added: dict[str, tuple[Entry, Callable[..., Any]]] = {}

    def register(self, name: str, /, **config: Any) -> Callable[[Registered], Registered]:
        """Register a class or function of this package, or one of your own from anywhere."""

        def mark(thing: Registered) -> Registered:
            if not thing.__module__.startswith(self.package + "."):
                summary = (thing.__doc__ or "").strip().split("\n")[0]
                entry = Entry(name, thing.__module__, thing.__qualname__, summary, dict(config))
                self._added[name] = (entry, thing)
            return thing

        return mark

    def names(self) -> list[str]:
        return sorted({*self._entries(), *self._added}, key=_natural)

    def entry(self, name: str) -> Entry:
        """Raises: UnknownName with the nearest name as help."""
        if name in self._added:
            return self._added[name][0]
        try:
            return self._entries()[name]
        except KeyError:
            raise UnknownName(self.kind, name, self.names()) from None

    def load(self, name: str) -> Callable[..., Any]:
        """Import the one that carries this name. Raises: UnknownName."""
        entry = self.entry(name)
        if name in self._added:
            return self._added[name][1]
        thing: Callable[..., Any] = getattr(importlib.import_module(entry.module), entry.attribute)
        return thing

    def _entries(self) -> dict[str, Entry]:
        if self._found is None:
            spec = importlib.util.find_spec(self.package)
            assert spec is not None, self.package
            assert spec.submodule_search_locations, self.package
            self._found = {}
            for folder in spec.submodule_search_locations:
                for path in sorted(Path(folder).glob("*.py")):
                    if path.name != "__init__.py":
                        self._read(path)
        return self._found

    def _read(self, path: Path) -> None:
        assert self._found is not None
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if not isinstance(node, ast.ClassDef | ast.FunctionDef):
                continue
            summary = (ast.get_docstring(node) or "").split("\n")[0]
            for mark in node.decorator_list:
                if not (isinstance(mark, ast.Call) and isinstance(mark.func, ast.Name)):
                    continue
                if mark.func.id != f"register_{self.kind}":
                    continue
                name = ast.literal_eval(mark.args[0])
                config = {word.arg: ast.literal_eval(word.value) for word in mark.keywords if word.arg}
                assert name not in self._found, f"{self.kind} {name!r} is registered twice"
                module = f"{self.package}.{path.stem}"
                self._found[name] = Entry(name, module, node.name, summary, config)


def _natural(name: str) -> list[tuple[int, str]]:
    """L2 before L10."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", name)]
