"""The Python blocks of these pages run as tests: each page from top to bottom in one empty folder.

The blocks of a page build on each other. A block is one test, and first runs those above it that did not run yet, so
that it passes alone, in any order, and in whichever process it comes to.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

from sybil import Document, Example, Region, Sybil
from sybil.parsers.markdown import PythonCodeBlockParser
from sybil.typing import Evaluator

from profond.core.registry import Registry


def from_the_top(document: Document) -> Iterator[Region]:
    """The Python blocks of a page, each of which first runs those above it."""
    run: dict[int, Evaluator] = {}

    def run_down_to(example: Example) -> None:
        done: dict[int, Exception | None] = example.namespace["_done"]
        for above in document.examples():
            if above.start > example.start:
                break
            if above.start not in done:
                try:
                    run[above.start](above)
                    done[above.start] = None
                except Exception as error:
                    done[above.start] = error
            if (failure := done[above.start]) is not None:
                raise failure

    for region in PythonCodeBlockParser()(document):
        run[region.start] = region.evaluator
        region.evaluator = run_down_to
        yield region


def registries() -> list[Registry]:
    """Those that the pages have imported."""
    found = (getattr(module, "registry", None) for module in list(sys.modules.values()))
    return [one for one in found if isinstance(one, Registry)]


def enter_an_empty_folder(namespace: dict[str, Any]) -> None:
    namespace.clear()  # of the last time, where tests of another page came between
    namespace["__name__"] = "__main__"  # as in a notebook
    namespace["_done"] = {}
    namespace["_left"] = os.getcwd()
    namespace["_folder"] = tempfile.TemporaryDirectory()
    os.chdir(namespace["_folder"].name)


def leave_it(namespace: dict[str, Any]) -> None:
    for registry in registries():  # what a page has registered is nobody else's
        for name in registry.added():
            registry.forget(name)
    os.chdir(namespace["_left"])
    namespace["_folder"].cleanup()


pytest_collect_file = Sybil(
    parsers=[from_the_top],
    patterns=["*.md"],
    setup=enter_an_empty_folder,
    teardown=leave_it,
).pytest()
