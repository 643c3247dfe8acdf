"""`profond export`: a run as one file that needs no Python."""

from __future__ import annotations

import time
from pathlib import Path

import click

from profond.cli import register_verb
from profond.cli.find_run import find_run
from profond.cli.options import JSON, QUIET, RUNS
from profond.cli.output import print_json, progress_bar
from profond.cli.pretrained import pretrained_options, settings
from profond.core.errors import UsageError


@register_verb("export", section="Use", line="A run as one file that needs no Python, proved equal.")
@click.command()
@click.argument("run", required=False)
@pretrained_options()
@click.option(
    "--format",
    type=click.Choice(["onnx", "torch", "openvino"]),
    default="onnx",
    show_default=True,
    help="onnx runs nearly everywhere, openvino is quickest on Intel's processors, torch is for programs with PyTorch.",
)
@click.option(
    "--precision",
    type=click.Choice(["fp32", "bf16", "int8"]),
    default="fp32",
    show_default=True,
    help="Of openvino. bf16 is a hint in the file; int8 takes its ranges from the run's own training pictures. How "
    "many labels stay, and how many are right, is printed and stands in the file.",
)
@click.option("--out", type=click.Path(path_type=Path), help="The file to write.  [default: the run's name, here]")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@RUNS
@JSON
@QUIET
def export(
    run: str | None,
    model: str | None,
    pretrained: bool,
    weights: str | None,
    changes: tuple[str, ...],
    format: str,
    precision: str,
    out: Path | None,
    force: bool,
    runs: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Write RUN (a folder, a name, or `last`), or published weights, as one file: preprocessing, network and names.

    The file takes pictures as they come out of their files, of any size, and gives probabilities and the label. It is
    proved on 200 inputs of all kinds against what `profond predict` says before it gets its name; where one answer
    differs there is no file, and the exit code is 1.

    \b
    profond export last
    profond export last --format openvino --precision int8 --out signs.xml
    profond export --model efficientnet_lite0 --pretrained
    """
    from profond.calls.leave import export as leave
    from profond.calls.leave import export_pretrained
    from profond.export.verify import SAMPLES

    start = time.perf_counter()
    if model is None and (pretrained or weights or changes):
        raise UsageError("published weights need a network", "add --model NAME; `profond weights list` shows them")
    if model is not None and run is not None:
        raise UsageError(f"both a run ({run}) and a model ({model}) are named", "name one of them")
    if model is not None and not pretrained and weights is None:
        raise UsageError(f"{model} has no weights yet", "add --pretrained, or --weights FILE")
    if model is None and run is None:
        raise UsageError("no run was given", "`profond export RUN`, such as `profond export last`")
    with progress_bar(SAMPLES, "prove", " inputs", hidden=quiet) as advance:
        if model is not None:
            made = export_pretrained(
                model,
                weights,
                format,
                out,
                precision=precision,
                force=force,
                settings=settings(changes),
                progress=advance,
            )
        else:
            found = find_run(str(run), runs or "runs", quiet=quiet, kind=None)
            made = leave(found.path, format, out, precision=precision, force=force, progress=advance)
    if as_json:
        seconds = round(time.perf_counter() - start, 3)
        print_json("export", format=format, exported=[one.to_json() for one in made], seconds=seconds)
        return
    for one in made:
        size = sum(file.stat().st_size for file in one.files)
        click.echo(f"{', '.join(map(str, one.files))}  {size / 1e6:.1f} MB")
        for kind, ports in (("takes", one.inputs), ("gives", one.outputs)):
            for port in ports:
                click.echo(f"  {kind}  {port}")
        click.echo(f"  {one.verified.line()}")
        if one.lowered is not None:
            click.echo(f"  {one.lowered.line()}")
