"""`profond forecast`: what any table with a time column will be next, and whether learning was worth it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from profond.cli import register_verb
from profond.core.errors import UsageError

FILE = click.Path(path_type=Path)


class Steps(click.ParamType):  # type: ignore[type-arg]
    """A whole number from 1 up."""

    name = "steps"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> int:
        try:
            steps = int(value)
        except ValueError:
            steps = 0
        if steps < 1:
            self.fail(f"{value} is no whole number from 1 up", parameter, context)
        return steps


@register_verb("forecast", section="Use", line="What a table's series will be next, with intervals.")
@click.command()
@click.argument("table", type=FILE)
@click.option("--horizon", type=Steps(), required=True, metavar="STEPS", help="Steps to forecast.")
@click.option("--time", "time_column", metavar="COLUMN", help="The column of dates, by name or by number.")
@click.option("--target", metavar="COLUMN", help="The column to forecast.")
@click.option("--id", "ids", multiple=True, metavar="COLUMN", help="A column that tells series apart; may be repeated.")
@click.option("--frequency", metavar="STEP", help="The time between two values: hour, 15 min, weekday, month end …")
@click.option("--decimal", type=click.Choice([".", ",", "point", "comma"]), help="The decimal mark.")
@click.option("--dayfirst/--monthfirst", default=None, help="How 01/02/2024 is meant: 1 February or January 2.")
@click.option("--past", multiple=True, metavar="COLUMN", help="A column known up to now; may be repeated.")
@click.option("--future", multiple=True, metavar="COLUMN", help="A column known in advance; may be repeated.")
@click.option("--zone", metavar="ZONE", help="The clock's time zone, such as Europe/Paris.")
@click.option("--missing", multiple=True, metavar="WORD", help="A word that stands for no value; may be repeated.")
@click.option(
    "--level",
    type=click.FloatRange(50, 99.9),
    default=90,
    show_default=True,
    metavar="PERCENT",
    help="How often an interval is to hold the value.",
)
@click.option("--fast", is_flag=True, help="Only methods without a network: naive ones and ridge.")
@click.option("--language", type=click.Choice(["en", "fr"]), default="en", show_default=True, help="Of what is said.")
@click.option("--out", type=FILE, help="The table to write; TABLE.forecast.csv beside it when left out.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--quiet", is_flag=True, help="Print where the files are, and no more.")
def forecast(
    table: Path,
    horizon: int,
    time_column: str | None,
    target: str | None,
    ids: tuple[str, ...],
    frequency: str | None,
    decimal: str | None,
    dayfirst: bool | None,
    past: tuple[str, ...],
    future: tuple[str, ...],
    zone: str | None,
    missing: tuple[str, ...],
    level: float,
    fast: bool,
    language: str,
    out: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Forecast every series of TABLE, a text file with a column of dates; it is read as people write such tables.

    \b
    profond forecast sales.csv --horizon 24
    profond forecast ventes.csv --horizon 12 --language fr
    profond forecast meters.csv --horizon 48 --time stamp --target load --id meter

    It says what it took for granted and how each method did on the tail of the series. It writes the forecast as a
    table like yours, with the bounds of its interval, and a figure.
    """
    from profond.cli.output import print_json
    from profond.core.files import write_bytes
    from profond.data.timetable.asked import Asked
    from profond.data.timetable.read import read_table
    from profond.data.timetable.write import written
    from profond.forecasting import forecast as forecast_table
    from profond.forecasting import judge
    from profond.forecasting.figure import draw
    from profond.forecasting.report import report_lines, to_json
    from profond.forecasting.words import Words

    started = time.perf_counter()
    words = Words(language)
    file, picture = _targets(table, out)
    mark = {"point": ".", "comma": ","}.get(decimal or "", decimal)
    read = read_table(table, Asked(time_column, target, ids, past, future, mark, dayfirst, zone, missing), frequency)
    made = forecast_table(read, horizon, level / 100)
    verdict = judge(made)
    share = f"{level:g}"
    columns = ["", words("column.low", level=share), words("column.high", level=share)]
    # All of it is made before anything is written, so that an error leaves nothing behind.
    text, drawn = written(made.table, [one.values for one in made.series], columns), draw(made, words)
    write_bytes(file, text)
    write_bytes(picture, drawn)
    files = {"forecast": str(file), "figure": str(picture)}
    if as_json:
        fields = to_json(made, verdict, words)
        print_json("forecast", table=str(table), files=files, **fields, seconds=time.perf_counter() - started)
        return
    if not quiet:
        click.echo("\n".join(report_lines(made, verdict, words)) + "\n")
    for name, path in files.items():
        click.echo(words("files.line", name=words(f"files.{name}"), path=path))


def _targets(table: Path, out: Path | None) -> tuple[Path, Path]:
    """The table and the figure to write. Raises: UsageError where they would lie over the table that is read."""
    usual = f"{table.stem}.forecast{table.suffix or '.csv'}"
    file = table.with_name(usual) if out is None else out / usual if out.is_dir() else out
    picture = file.with_suffix(".png")
    if picture == file:
        raise UsageError(f"--out names the table to write, not a picture: {out}", "the figure is written beside it")
    for path in (file, picture):
        if path.resolve() == table.resolve():
            raise UsageError(f"--out {out} is the table that is read", "name another file")
    return file, picture
