"""The Python blocks of these pages run as tests: each page from top to bottom in one empty folder.

The blocks of a page build on each other, so one process runs them all: ``--dist=loadfile`` in pyproject.toml.
"""

from __future__ import annotations

import os
import tempfile
from typing import Any

from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser


def enter_an_empty_folder(namespace: dict[str, Any]) -> None:
    namespace["__name__"] = "__main__"  # as in a notebook
    namespace["_left"] = os.getcwd()
    namespace["_folder"] = tempfile.TemporaryDirectory()
    os.chdir(namespace["_folder"].name)


def leave_it(namespace: dict[str, Any]) -> None:
    os.chdir(namespace["_left"])
    namespace["_folder"].cleanup()


pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser(), SkipParser()],
    patterns=["*.md"],
    setup=enter_an_empty_folder,
    teardown=leave_it,
).pytest()
