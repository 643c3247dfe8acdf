"""`profond generate`: what a run makes by itself: texts that go on, pictures, points."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from profond.cli import register_verb
from profond.cli.find_run import find_run, split_out
from profond.cli.options import DEVICE, JSON, QUIET, RUNS
from profond.core.errors import UsageError

if TYPE_CHECKING:
    from profond.tasks.task import Drawn


@register_verb("generate", section="Use", line="What a run makes by itself: pictures, points, texts that go on.")
@click.command()
@click.argument("run", metavar="RUN")
@click.option("--count", type=int, help="How many are made.  [default: a sheet of pictures, one text]")
@click.option("--seed", type=int, help="Another seed, others; the i-th is the same whatever --count.  [default: 0]")
@click.option(
    "--class",
    "label",
    multiple=True,
    help="Of this class alone; several times, or with commas between, for several.",
)
@click.option("--truncation", type=float, help="Noise ends at so many deviations: 1 is more usual and less various.")
@click.option("--each", is_flag=True, help="Single pictures, in a folder, instead of one sheet.")
@click.option("--interpolate", "way", flag_value="interpolate", help="From picture to picture: a sheet and a film.")
@click.option("--walk", "way", flag_value="walk", help="Around a circle in the space of noise: a sheet and a film.")
@click.option(
    "--project",
    "photo",
    type=click.Path(path_type=Path),
    help="Find the nearest to this picture that the run can make.",
)
@click.option("--prompt", help="How a text begins.")
@click.option("--length", type=int, help="Of what is made: characters of a text.  [default: 400]")
@click.option("--temperature", type=float, help="0 always takes the most probable, 1 draws as it says.  [default: 0.8]")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="File or folder for what is made.  [default: samples-RUN.png; texts are printed]",
)
@RUNS
@DEVICE
@JSON
@QUIET
def generate(
    run: str,
    way: str | None,
    photo: Path | None,
    label: tuple[str, ...],
    each: bool,
    out: Path | None,
    runs: str | None,
    device: str,
    as_json: bool,
    quiet: bool,
    **given: Any,
) -> None:
    """Let RUN (a folder, a name, or `last`) make something: pictures, points, a text that goes on from --prompt.

    Pictures are written as one sheet, with a row for each class where the run knows classes; points as a table and
    where they lie. With --interpolate or --walk, --out may name a film: .gif, or .mp4 where PyAV is installed.

    \b
    profond generate last --count 64 --class sneaker --seed 0
    profond generate last --class sneaker,bag --truncation 1 --out shop.png
    profond generate last --count 100 --each --out pictures/
    profond generate last --walk --out walk.gif
    profond generate last --project photo.jpg
    profond generate last --prompt "And he said" --length 400 --temperature 0.8 --seed 0
    """
    from profond.cli.output import print_json, say
    from profond.experiments.experiment import load
    from profond.serve.making import find_again, make
    from profond.tasks.task import Drawn

    start = time.perf_counter()
    if photo is not None and way is not None:
        raise UsageError(f"both --project and --{way} are given", "give one of them")
    folder, out = split_out(run, runs, out)
    found = find_run(run, folder, quiet=quiet)
    experiment = load(found)
    for note in experiment.notes:
        say(note, quiet)
    asked = {name: value for name, value in {**given, "label": label or None}.items() if value is not None}
    if photo is not None:
        made = find_again(experiment, photo, device=device, say=lambda text: say(f"note: {text}", quiet), **asked)
    else:
        made = make(experiment, way or "generate", device=device, **asked)
    written: list[Path] = []
    if isinstance(made, Drawn):
        written = _write(made, _place(out, found.name, each), each, quiet)
    elif each or (out is not None and out.is_dir()):
        option = "--each" if each else f"--out {out}, a folder,"
        raise UsageError(f"{option} is for pictures, and this run makes texts", "--out FILE; --runs is where runs are")
    elif out is not None:
        written = _write_texts([one.whole() for one in made], out, quiet)
    if as_json:
        samples = [made] if photo is not None else made
        print_json(
            "generate",
            run=str(found.path),
            made=[one.to_json() for one in samples],
            files=[str(path) for path in written],
            seconds=round(time.perf_counter() - start, 3),
        )
    elif isinstance(made, Drawn):
        for line in made.lines():
            click.echo(line)
        for path in written[:_LISTED]:
            click.echo(path)
        if len(written) > _LISTED:
            click.echo(f"… and {len(written) - _LISTED:,} more")
    elif not written:
        click.echo(_BETWEEN.join(one.whole() for one in made))
    else:
        click.echo(out)


_LISTED = 10
_BETWEEN = "\n\n" + "-" * 40 + "\n\n"


def _place(out: Path | None, name: str, each: bool) -> Path:
    """Where pictures go: a folder for single ones, else a file."""
    usual = Path(f"samples-{name}")
    if each:
        if out is not None and out.is_file():
            raise UsageError(f"{out} is a file, and single pictures go into a folder", "name a folder")
        return out or usual
    picture = usual.with_name(f"{usual.name}.png")  # not with_suffix: a run's name may have a point in it
    if out is None:
        return picture
    return out / picture if out.is_dir() or not out.suffix else out


def _write(made: Drawn, path: Path, each: bool, quiet: bool) -> list[Path]:
    _say_what_is_replaced(made.paths(path, each=each), quiet)
    return made.write(path, each=each)


def _write_texts(texts: Sequence[str], path: Path, quiet: bool) -> list[Path]:
    from profond.core.files import write_text

    _say_what_is_replaced([path], quiet)
    write_text(path, _BETWEEN.join(texts) + "\n")
    return [path]


def _say_what_is_replaced(paths: Sequence[Path], quiet: bool) -> None:
    from profond.cli.output import warn

    there = [path for path in paths if path.exists()]
    if there:
        others = f" and {len(there) - 1:,} more" if len(there) > 1 else ""
        was, is_replaced = ("was", "is") if len(there) == 1 else ("were", "are")
        warn(f"{there[0]}{others} {was} there and {is_replaced} replaced")
