"""Options that several verbs share."""

from __future__ import annotations

import click

OUT = click.option(
    "--out", default="runs", show_default=True, help="Folder of the runs, where names and `last` are looked up."
)
RUNS = click.option("--runs", help="Folder of the runs, where names and `last` are looked up.  [default: runs]")
DEVICE = click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1 or mps.")
BATCH = click.option(
    "--batch-size", type=click.IntRange(min=1), default=256, show_default=True, help="Samples at once."
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
QUIET = click.option("--quiet", is_flag=True, help="No progress and no notes.")
