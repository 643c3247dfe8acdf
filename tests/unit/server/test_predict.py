"""`profond-serve predict`: a line for each input, and for each series of a table."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner
from support.exported import of_series

from profond.server.predict import predict


def test_a_table_gets_a_line_for_each_series_and_what_cannot_be_used_is_told(tmp_path: Path) -> None:
    known = {"channels": 1, "length": 3, "table": "wide", "label": "kind", "names": ["value"]}
    file = str(of_series(tmp_path / "speed.onnx", known))
    table, one, bad = (str(tmp_path / name) for name in ("new.csv", "one.csv", "bad.csv"))
    Path(table).write_text("kind;a;b;c\nx;1,5;2;3\ny;4;5;6\n")
    Path(one).write_text("1\n2\n6\n")
    Path(bad).write_text("a,b\nno,yes\n")
    done = CliRunner().invoke(predict, [file, table, one, bad])
    assert done.exit_code == 3
    assert done.stdout == f"{table}#1\tspeed 2.16667 m/s\n{table}#2\tspeed 5 m/s\n{one}\tspeed 3 m/s\n"
    assert "not laid out like the table" in done.stderr
    said = json.loads(CliRunner().invoke(predict, [file, table, "--json"]).stdout)
    assert [found["source"] for found in said["predictions"]] == [f"{table}#1", f"{table}#2"]
