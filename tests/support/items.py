"""What a lecture item's file says, read without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from profond.lecture import registry

CALLS = {"Claim": ("claim", "measured"), "Picture": ("figure",), "Table": ("table",)}
"""What an outcome is made of, and the texts that the catalogue has for each."""


def calls(item: str) -> Iterator[tuple[str, ast.Call]]:
    """Every claim, picture and table that stands in an item's file."""
    tree = ast.parse(Path(registry.entry(item).file).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS and node.args:
            yield node.func.id, node


def needed_by(item: str) -> set[str]:
    """Keys that an item's file asks for, as far as they are written out there."""
    keys = {f"{item}.{part}" for part in ("title", "stated", "method")}
    for kind, call in calls(item):
        first = call.args[0]
        if isinstance(first, ast.Constant):
            keys |= {f"{item}.{part}.{first.value}" for part in CALLS[kind]}
    return keys
