"""Texts that are piped in."""

from __future__ import annotations

import io

import pytest

from profond.cli.inputs import input_texts
from profond.serve.text import Text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_lines_from_standard_input_are_read_as_files_are(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    piped = io.TextIOWrapper(io.BytesIO("très bon\n\nraté\n".encode(encoding)))
    monkeypatch.setattr("sys.stdin", piped)
    assert [(one.text, one.source) for one in input_texts(("-",)).paths if isinstance(one, Text)] == [
        ("très bon", "line 1"),
        ("raté", "line 3"),
    ]
