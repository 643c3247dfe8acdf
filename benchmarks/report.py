"""Tables, and the page that keeps the last one of each benchmark."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.machine import ROOT

PAGE = ROOT / "docs" / "benchmarks.md"
HEAD = """# Benchmarks

Profond beside its peers. Every table is made by the command above it; the variants of a table ran interleaved, in one
run, each in a fresh interpreter, one at a time, bound to two cores with two threads. `scripts/bench` makes them all.
Numbers of different machines cannot be compared; ratios within a table can.
"""


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the first column is text, the others are numbers."""
    lines = [" | ".join(columns), " | ".join(["---"] + ["---:"] * (len(columns) - 1)), *map(" | ".join, rows)]
    return "\n".join(f"| {line} |" for line in lines)


def spread(values: Sequence[float], digits: int = 1) -> str:
    """Median, and least and greatest where there are several."""
    middle = f"{statistics.median(values):,.{digits}f}"
    return middle if len(values) < 2 else f"{middle} ({min(values):,.{digits}f} to {max(values):,.{digits}f})"


def keep(name: str, title: str, command: str, text: str, machine: str, page: Path = PAGE) -> None:
    """Put a benchmark's section in the page, in place of its last one."""
    section = f"<!-- {name} -->\n## {title}\n\n    {command}\n\n{machine}\n\n{text.strip()}\n<!-- end of {name} -->\n"
    before = page.read_text(encoding="utf-8") if page.exists() else HEAD
    marked = re.compile(rf"<!-- {name} -->\n.*?<!-- end of {name} -->\n", re.DOTALL)
    after = marked.sub(lambda _: section, before) if marked.search(before) else f"{before.rstrip()}\n\n{section}"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(after, encoding="utf-8")
