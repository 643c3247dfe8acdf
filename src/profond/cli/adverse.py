"""`profond evaluate RUN --adverse`: a table of conditions and severities."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from profond.cli.output import print_json, progress_bar

if TYPE_CHECKING:
    import torch

    from profond.core.run import Run
    from profond.evaluation.adverse import Adverse
    from profond.evaluation.other_data import Other
    from profond.experiments.experiment import Experiment


def tell_adverse(
    run: Run,
    experiment: Experiment,
    measured: Other,
    batch_size: int,
    device: torch.device,
    pictures: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Measure, keep and print. Raises: ConfigError when the samples are not pictures; StorageError."""
    from profond.data.images.adverse import CONDITIONS, SEVERITIES
    from profond.evaluation.adverse import MOST, evaluate_adverse, keep_adverse

    start = time.perf_counter()
    samples = measured.dataset.split(measured.split)
    total = min(len(samples), MOST) * (1 + len(CONDITIONS) * len(SEVERITIES))
    with progress_bar(total, "evaluate", " samples", hidden=quiet) as advance:
        found = evaluate_adverse(
            experiment,
            measured.split,
            data=measured.other,
            device=device,
            batch_size=batch_size,
            progress=advance,
        )
    folder = keep_adverse(run, measured.name, found, samples, pictures)
    if as_json:
        print_json(
            "evaluate",
            run=str(run.path),
            headline=found.headline,
            clean=found.clean.to_json(),
            adverse={name: [one.to_json() for one in values] for name, values in found.found.items()},
            count=found.count,
            files=[str(path) for path in sorted(folder.iterdir())],
            seconds=round(time.perf_counter() - start, 3),
        )
        return
    click.echo(f"{run.path} on {measured.dataset.name}, {measured.split}, under adverse conditions\n")
    click.echo("\n".join(_lines(found)))
    click.echo(f"\n{folder}/\n  " + "  ".join(sorted(path.name for path in folder.iterdir())))


def _lines(found: Adverse) -> list[str]:
    from profond.data.images.adverse import SEVERITIES

    wide = max(map(len, found.found))
    rows = [[one.written for one in values] for values in found.found.values()]
    column = max(len(found.clean.written), *(len(text) for row in rows for text in row)) + 2
    lines = [
        f"{found.clean.title or found.headline} of {found.count:,} of {found.of:,} samples, as they are: {found.clean}"
    ]
    lines += [
        "",
        " " * wide + "".join(f"{f'severity {one}' if one == 1 else one:>{max(column, 12)}}" for one in SEVERITIES),
    ]
    lines += [
        f"{name:{wide}}" + "".join(f"{text:>{max(column, 12)}}" for text in row)
        for name, row in zip(found.found, rows, strict=True)
    ]
    return lines
