"""`profond features`: what images become inside a network, as numbers for other programs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from profond.cli import register_verb
from profond.cli.inputs import input_of, report_refused, shown_name, tell_refused
from profond.cli.options import BATCH, DEVICE, JSON, QUIET
from profond.cli.output import print_json, progress_bar
from profond.cli.pretrained import open_predictor, pretrained_options, split_words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from profond.core.errors import ProfondError


@register_verb("features", section="Use", line="What samples become inside a network, to .npy or .csv.")
@click.command()
@click.argument("words", nargs=-1, metavar="RUN INPUT...")
@pretrained_options()
@click.option("--stage", metavar="NAME", help="A module of the network; by default what goes into its head.")
@click.option("--average", is_flag=True, help="Average maps over their positions: one number for each map.")
@click.option("--out", "table", required=True, type=click.Path(dir_okay=False, path_type=Path), help="A .npy or .csv.")
@click.option("--runs", default="runs", show_default=True, help="Folder of the runs, where names are looked up.")
@BATCH
@DEVICE
@JSON
@QUIET
def features(
    words: tuple[str, ...],
    model: str | None,
    pretrained: bool,
    weights: str | None,
    changes: tuple[str, ...],
    stage: str | None,
    average: bool,
    table: Path,
    runs: str,
    batch_size: int,
    device: str,
    as_json: bool,
    quiet: bool,
) -> None:
    """Write what images or series become at a stage of a run's network, or of one with published weights.

    A .npy holds one array, images first, in the order of the inputs; a .csv a line for each image: path, then numbers.

    \b
    profond features last photos/ --out features.npy
    profond features --model efficientnet_lite0 --pretrained photos/ --stage body.3 --average --out features.csv
    """
    from profond.core.errors import UsageError

    if table.suffix not in (".npy", ".csv"):
        raise UsageError(f"--out {table} is neither .npy nor .csv", "choose one of the two endings")
    start = time.perf_counter()
    run, inputs = split_words(words, model, pretrained, weights, changes)
    if not inputs:
        raise UsageError("no images were given", "name files, a folder, or - for standard input")
    predictor, name = open_predictor(run, runs, model, weights, changes, device=device, quiet=quiet)
    sources: list[str] = []
    rows: list[NDArray[np.float32]] = []
    failed: list[tuple[str, ProfondError]] = []
    with input_of(predictor.takes, inputs) as given:
        paths, names = given.paths, given.names
        refuse = report_refused(names, failed)
        with progress_bar(len(paths), "features", f" {given.kind}", hidden=quiet) as advance:
            found = predictor.features(paths, stage, average=average, batch_size=batch_size, refused=refuse)
            for source, tensor in found:
                sources.append(shown_name(source, names))
                rows.append(tensor.numpy())
                advance(1)
    failed += given.blocked
    if rows:
        _write(table, sources, rows)
    shape = [len(rows), *(rows[0].shape if rows else ())]
    if as_json:
        print_json(
            "features",
            model=name,
            stage=stage,
            out=str(table),
            shape=shape,
            sources=sources,
            refused=[{"source": source, "error": error.message} for source, error in failed],
            passed_over=given.to_json(),
            seconds=round(time.perf_counter() - start, 3),
        )
    else:
        click.echo(f"{table}  {'×'.join(map(str, shape))}")
    given.tell(quiet)
    tell_refused(failed, len(paths), given.kind)


def _write(path: Path, sources: list[str], rows: list[NDArray[np.float32]]) -> None:
    import io

    import numpy as np

    from profond.core.files import write_bytes, write_text
    from profond.evaluation.kept import table

    if path.suffix == ".npy":
        buffer = io.BytesIO()
        np.save(buffer, np.stack(rows), allow_pickle=False)
        write_bytes(path, buffer.getvalue())
        return
    head = ["path", *(f"feature_{number}" for number in range(rows[0].size))]
    write_text(
        path, table(head, ([s, *(f"{v:.7g}" for v in row.ravel())] for s, row in zip(sources, rows, strict=True)))
    )
