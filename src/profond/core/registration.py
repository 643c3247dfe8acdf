"""What one file registers, read from its syntax tree; the file is not run."""

from __future__ import annotations

import ast
import operator
import os
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from profond.core.errors import ConfigError

_SIGNS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
    ast.Not: operator.not_,
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


# NOTE `profond --help` imports this file and waits for what it imports: no dataclasses, no pathlib and no json here.
class Entry(NamedTuple):
    """One registered name.

    Args:
        name: what a person types.
        module: where it is written, importable.
        attribute: its class or function in that module.
        summary: first line of its docstring.
        config: the settings that this name stands for (a variant is a row of a table, not a copy).
        file, line: where it is registered; empty and 0 where that is not known.
    """

    name: str
    module: str
    attribute: str
    summary: str
    config: dict[str, Any]
    file: str = ""
    line: int = 0

    @property
    def where(self) -> str:
        return f"{self.file}, line {self.line}"


def registrations(path: str, module: str, package: str, kind: str) -> list[Entry]:
    """Everything that a file registers, from top to bottom.

    The decorator may be imported under any name, or be reached through a module: ``@register_model(…)``,
    ``@models.register_model(…)``, ``@registry.register(…)``. Its arguments are literals, or constants of the file.

    Args:
        path: of the file.
        module: what it is imported as.
        package: the one whose registry it is, such as ``"profond.models"``.
        kind: the singular noun, such as ``"model"``.

    Raises: ConfigError naming file and line where the file is not Python, or registers in another way.
    """
    reader = Reader(path, module, package, kind)
    try:
        with open(path, "rb") as file:
            source = file.read()
        if (plain := reader.read_plain(source.decode("utf-8", "replace"))) is not None:
            return plain
        tree = ast.parse(source, path)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        where = f"{path}, line {line}" if line else path
        reason = getattr(error, "msg", None) or str(error)
        raise ConfigError(f"{where}: this is not Python: {reason}", "mend the file, or take it away") from None
    except (OSError, RecursionError) as error:
        raise ConfigError(f"{path} cannot be read: {error}", "check the file, or take it away") from None
    return reader.read(tree)


class Reader:
    """One file of a room, read for what it registers; the arguments are those of `registrations`."""

    def __init__(self, path: str, module: str, package: str, kind: str) -> None:
        self.path, self.module, self.kind = path, module, kind
        self.spelled = f"register_{kind}"
        self.meant = {f"{package}.{self.spelled}", f"{package}.registry.register"}
        above = module if os.path.basename(path) == "__init__.py" else module.rpartition(".")[0]
        self.above = above.split(".")
        self.names: dict[str, str] = {}  # what the file imports, in full
        self.constants: dict[str, Any] = {}

    def read_plain(self, source: str) -> list[Entry] | None:
        """The same without the tree of the whole file, which takes most of the time; None where only that can tell.

        Plain is what stands in most files: the decorator in one line at the margin, with literals alone, then a
        function or a class with a docstring, and no other mention of it but its import.
        """
        if self.spelled not in source and not ("registry" in source and "register(" in source):
            return []
        mentions = source.count(self.spelled)
        start, imported = f"@{self.spelled}(", (f" {self.spelled}", f",{self.spelled}")
        found: list[Entry] = []
        pending: list[tuple[int, str, dict[str, Any]]] = []
        lines = iter(enumerate(source.splitlines(), 1))
        for number, line in lines:
            if line.startswith(start):
                mentions -= 1
                try:
                    pending.append((number, *self._arguments(ast.parse(line[1:], mode="eval").body)))
                except (SyntaxError, ConfigError):
                    return None
            elif pending and (head := re.match(r"(?:def|class) (\w+)", line)):
                while not line.endswith(":"):
                    _, line = next(lines, (0, ":"))
                _, first = next(lines, (0, ""))
                summary = re.match(r' {4}"""([^"\\]+)(?:"""$|$)', first)
                if not summary:
                    return None
                found += [
                    Entry(name, self.module, head[1], summary[1], config, self.path, marked)
                    for marked, name, config in pending
                ]
                pending = []
            elif pending and line[:1] not in ("@", " ", ")"):
                return None
            elif line.startswith("from ") and line.endswith(imported):
                mentions -= 1
        return found if found and not pending and not mentions else None

    def read(self, tree: ast.Module) -> list[Entry]:
        """Everything that the file registers, from top to bottom. Raises: ConfigError."""
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                self._import(node)
        found: list[Entry] = []
        understood: set[int] = set()
        for node in _statements(tree.body):
            self._assign(node)
            if not isinstance(node, ast.ClassDef | ast.FunctionDef):
                continue
            summary = (ast.get_docstring(node) or "").split("\n")[0]
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and self._registers(mark.func):
                    understood.add(id(mark.func))
                    name, config = self._arguments(mark)
                    found.append(Entry(name, self.module, node.name, summary, config, self.path, mark.lineno))
        for inner in ast.walk(tree):
            used = inner.func if isinstance(inner, ast.Call) else None
            bare = getattr(inner, "decorator_list", [])
            for one in [*([used] if used is not None else []), *bare]:
                if self._registers(one) and id(one) not in understood:
                    raise self._refusal(one, f"{self.spelled} is used in a way that listing cannot read")
        return found

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        if isinstance(node, ast.Import):
            for one in node.names:
                first = one.name.split(".")[0]
                self.names[one.asname or first] = one.name if one.asname else first
            return
        above = self.above[: len(self.above) - node.level + 1] if node.level else []
        start = ".".join([*above, *([node.module] if node.module else [])])
        for one in node.names:
            self.names[one.asname or one.name] = f"{start}.{one.name}"

    def _registers(self, node: ast.AST) -> bool:
        words = _dotted(node)
        if not words:
            return False
        in_full = ".".join([self.names.get(words[0], words[0]), *words[1:]])
        return words[-1] == self.spelled or in_full in self.meant

    def _assign(self, node: ast.stmt) -> None:
        """Keeps the constants of the file as they are at this line."""
        targets: list[ast.expr]
        value: ast.expr | None
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.AnnAssign | ast.AugAssign):
            targets, value = [node.target], node.value if isinstance(node, ast.AnnAssign) else None
        else:
            return
        for target in targets:
            for name in [one.id for one in ast.walk(target) if isinstance(one, ast.Name)]:
                self.constants.pop(name, None)
            if isinstance(target, ast.Name) and value is not None:
                try:
                    self.constants[target.id] = constant(value, self.constants)
                except ValueError:
                    continue  # it may be anything, as long as no registration asks for it

    def _arguments(self, mark: ast.expr) -> tuple[str, dict[str, Any]]:
        if not isinstance(mark, ast.Call) or len(mark.args) != 1:
            raise self._refusal(mark, f"{self.spelled} takes one name, then settings as key=value")
        config: dict[str, Any] = {}
        for word in mark.keywords:
            value = self._value(word.value, word.arg or "**")
            if word.arg is None and not isinstance(value, dict):
                raise self._refusal(word.value, "what stands after ** is no dictionary")
            config |= value if word.arg is None else {word.arg: value}
        name = self._value(mark.args[0], "name")
        if not isinstance(name, str) or not name:
            raise self._refusal(mark, f"{name!r} is no name")
        if not all(map(_plain, config.values())):
            import json

            try:
                json.dumps(config)
            except (TypeError, ValueError) as error:
                raise self._refusal(mark, f"the settings of {name!r} cannot be stored as JSON: {error}") from None
        return name, config

    def _value(self, node: ast.expr, what: str) -> Any:
        try:
            return constant(node, self.constants)
        except ValueError as error:
            raise self._refusal(node, f"{what}={ast.unparse(node)}: {error}") from None

    def _refusal(self, node: Any, reason: str) -> ConfigError:
        return ConfigError(
            f"{self.path}, line {node.lineno}: {reason}",
            f'write @{self.spelled}("a_name", setting=value) directly above a class or function of the file; '
            "values are literals, or constants assigned above in the same file",
        )


def _plain(value: Any) -> bool:
    """Whether a setting can be stored as JSON without asking json, which `profond --help` would wait for."""
    if isinstance(value, list | tuple):
        return all(map(_plain, value))
    return value is None or type(value) in (str, int, bool)


def constant(node: ast.expr, known: Mapping[str, Any]) -> Any:
    """The value of an expression made of literals, known names and arithmetic. Raises: ValueError."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        if node.id not in known:
            raise ValueError(f"{node.id} is no constant that is assigned above in this file")
        return known[node.id]
    if isinstance(node, ast.List | ast.Tuple):
        items = [constant(one, known) for one in node.elts]
        return items if isinstance(node, ast.List) else tuple(items)
    if isinstance(node, ast.Dict) and None not in node.keys:
        keys = [constant(one, known) for one in node.keys if one is not None]
        return dict(zip(keys, [constant(one, known) for one in node.values], strict=True))
    try:
        if isinstance(node, ast.UnaryOp) and type(node.op) in _SIGNS:
            return _SIGNS[type(node.op)](constant(node.operand, known))
        if isinstance(node, ast.BinOp) and type(node.op) in _SIGNS:
            return _SIGNS[type(node.op)](constant(node.left, known), constant(node.right, known))
    except (TypeError, ArithmeticError) as error:
        raise ValueError(str(error)) from None
    raise ValueError("the file is read, not run, and this would have to be")


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Those of a file's own level, also within ``if``, ``try`` and ``with``."""
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try | ast.With):
            yield from _statements(node.body)
            for handler in getattr(node, "handlers", []):
                yield from _statements(handler.body)
            yield from _statements(getattr(node, "orelse", []))
            yield from _statements(getattr(node, "finalbody", []))


def _dotted(node: ast.AST) -> list[str]:
    """``a.b.c`` in words; empty for anything else."""
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Attribute):
        above = _dotted(node.value)
        return [*above, node.attr] if above else []
    return []
