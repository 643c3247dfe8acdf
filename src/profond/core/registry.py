"""Names to things, found by walking a folder; nothing is edited to add one.

The folder is read, not run: names, settings and summaries come from the syntax tree, so that listing
two hundred models costs milliseconds and never imports torch. Only the one asked for is imported.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from profond.core.errors import ConfigError, ProfondError, UnknownName
from profond.core.registration import Entry, registrations

Registered = TypeVar("Registered", bound=Callable[..., Any])


class Registry:
    """All things of one kind.

    ``@registry.register("resnet50", layers=[3, 4, 6, 3])`` above a class or function registers it; the
    decorator can stand several times, once for each variant. Arguments must be literals, or constants that are
    assigned in the same file.

    Args:
        kind: the singular noun, such as ``"model"``; the decorator is spelled ``register_<kind>``.
        package: the package whose files are walked, and its sub-packages', such as ``"profond.models"``.
    """

    def __init__(self, kind: str, package: str) -> None:
        self.kind = kind
        self.package = package
        self._found: dict[str, Entry] | None = None
        self._added: dict[str, tuple[Entry, Callable[..., Any]]] = {}

    def register(self, name: str, /, **config: Any) -> Callable[[Registered], Registered]:
        """Register a class or function of this package, or one of your own from anywhere.

        Registering a name of your own again replaces it, so that a cell of a notebook can be run twice.

        Raises: ConfigError for a name that a file of this package has already, or where no name is given.
        """
        if not isinstance(name, str) or not name:
            raise ConfigError(f"register_{self.kind} stands there without a name", self._spelling)

        def mark(thing: Registered) -> Registered:
            if not thing.__module__.startswith(self.package + "."):
                summary = (thing.__doc__ or "").strip().split("\n")[0]
                file = getattr(sys.modules.get(thing.__module__), "__file__", None)
                entry = Entry(name, thing.__module__, thing.__qualname__, summary, dict(config), file or "")
                known = self._entries().get(name)
                if known and not (file and os.path.realpath(file) == os.path.realpath(known.file)):
                    raise ConfigError(
                        f"{self.kind} {name!r} is there already: {known.where}", "register yours under another name"
                    )
                self._added[name] = (entry, thing)
            return thing

        return mark

    def added(self) -> list[str]:
        """Names of your own, that no file of this package has."""
        return sorted(self._added)

    def forget(self, name: str) -> None:
        """Take a name of your own back. Raises: UnknownName for any other."""
        if name not in self._added:
            raise UnknownName(self.kind, name, self.added())
        del self._added[name]

    @property
    def _spelling(self) -> str:
        return f'write @register_{self.kind}("a_name") above a class or a function'

    def names(self) -> list[str]:
        """Raises: ConfigError naming the file and the line that cannot be read."""
        return sorted({*self._entries(), *self._added}, key=_natural)

    def entry(self, name: str) -> Entry:
        """Raises: UnknownName with the nearest name as help; ConfigError."""
        if name in self._added:
            return self._added[name][0]
        try:
            return self._entries()[name]
        except KeyError:
            raise UnknownName(self.kind, name, self.names()) from None

    def load(self, name: str) -> Callable[..., Any]:
        """Import the one that carries this name.

        Raises: UnknownName; ConfigError when its file cannot be imported, saying which line of it stopped.
        """
        entry = self.entry(name)
        if name in self._added:
            return self._added[name][1]
        try:
            module = importlib.import_module(entry.module)
        except ProfondError:
            raise
        except Exception as error:
            import traceback

            lines = [
                frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == entry.file
            ]
            where = f"{entry.file}, line {lines[-1]}" if lines else entry.file
            reason = f"{type(error).__name__}: {error}"
            raise ConfigError(
                f"{self.kind} {name!r} cannot be imported: {reason} ({where})",
                f"`python -c 'import {entry.module}'` shows all of it",
            ) from error
        thing: Callable[..., Any] | None = getattr(module, entry.attribute, None)
        if thing is None:
            raise ConfigError(
                f"{self.kind} {name!r} is not there when {entry.file} is imported", f"line {entry.line} did not run"
            )
        return thing

    def _entries(self) -> dict[str, Entry]:
        if self._found is None:
            spec = importlib.util.find_spec(self.package)
            assert spec is not None, self.package
            assert spec.submodule_search_locations, self.package
            found: dict[str, Entry] = {}
            for folder in spec.submodule_search_locations:
                for parts in sorted(_files(folder)):
                    if parts != ("__init__",):
                        self._read(os.path.join(folder, *parts) + ".py", parts, found)
            self._found = found
        return self._found

    def _read(self, path: str, parts: tuple[str, ...], found: dict[str, Entry]) -> None:
        module = ".".join([self.package, *(part for part in parts if part != "__init__")])
        for entry in registrations(path, module, self.package, self.kind):
            if any("." in part for part in parts):
                raise ConfigError(f"{path} cannot be imported: its name holds a dot", "rename it")
            if entry.name in found:
                raise ConfigError(
                    f"{self.kind} {entry.name!r} is registered twice: {found[entry.name].where}, and {entry.where}",
                    "give one of them another name",
                )
            found[entry.name] = entry


def _files(folder: str) -> Iterator[tuple[str, ...]]:
    """Python files in a folder and below, each as its path in parts without the ending; hidden ones are left out."""
    with os.scandir(folder) as found:
        for one in found:
            if one.name.startswith("."):
                continue
            if one.is_dir(follow_symlinks=False):
                yield from ((one.name, *parts) for parts in _files(one.path))
            elif one.name.endswith(".py"):
                yield (one.name.removesuffix(".py"),)


def _natural(name: str) -> list[tuple[int, str]]:
    """L2 before L10."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", name)]
