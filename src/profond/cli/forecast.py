"""`profond forecast`: what any table with a time column will be next, and whether learning was worth it."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import click

from profond.cli import register_verb
from profond.core.errors import Interrupted, UsageError

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
@click.option("--horizon", type=Steps(), metavar="STEPS", help="Steps to forecast; of the run, with --from.")
@click.option("--time", "time_column", metavar="COLUMN", help="The column of dates, by name or by number.")
@click.option("--target", multiple=True, metavar="COLUMN", help="The column to forecast; repeated, a series each.")
@click.option("--id", "ids", multiple=True, metavar="COLUMN", help="A column that tells series apart; may be repeated.")
@click.option("--frequency", metavar="STEP", help="The time between two values: hour, 15 min, weekday, month end …")
@click.option("--decimal", type=click.Choice([".", ",", "point", "comma"]), help="The decimal mark.")
@click.option("--dayfirst/--monthfirst", default=None, help="How 01/02/2024 is meant: 1 February or January 2.")
@click.option("--past", multiple=True, metavar="COLUMN", help="A column known up to now; may be repeated.")
@click.option("--future", multiple=True, metavar="COLUMN", help="A column known in advance; may be repeated.")
@click.option(
    "--static", multiple=True, metavar="COLUMN", help="A column that never changes within a series; may be repeated."
)
@click.option("--holidays", metavar="COUNTRY", help="Public holidays are known in advance: FR, GB, DE-BY …")
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
@click.option("--thorough", is_flag=True, help="Train the networks more than twice as long.")
@click.option("--quantiles", is_flag=True, help="Networks learn the bounds of their intervals too.")
@click.option(
    "--classics/--no-classics", default=True, help="Try ETS, Theta and ARIMA, where statsforecast is installed."
)
@click.option("--from", "run", metavar="RUN", help="Forecast by what this run learned: a folder, a name, or `last`.")
@click.option("--warm-start", metavar="RUN", help="Networks start from those of this run.")
@click.option("--runs", type=FILE, default="runs", show_default=True, help="Where runs are kept.")
@click.option("--language", type=click.Choice(["en", "fr"]), default="en", show_default=True, help="Of what is said.")
@click.option("--out", type=FILE, help="The table to write; TABLE.forecast.csv beside it when left out.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--quiet", is_flag=True, help="Print where the files are, and no more.")
def forecast(
    table: Path,
    horizon: int | None,
    time_column: str | None,
    target: tuple[str, ...],
    ids: tuple[str, ...],
    frequency: str | None,
    decimal: str | None,
    dayfirst: bool | None,
    past: tuple[str, ...],
    future: tuple[str, ...],
    static: tuple[str, ...],
    holidays: str | None,
    zone: str | None,
    missing: tuple[str, ...],
    level: float,
    fast: bool,
    classics: bool,
    thorough: bool,
    quantiles: bool,
    run: str | None,
    warm_start: str | None,
    runs: Path,
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
    profond forecast later.csv --from last

    It says what it took for granted and how each method did on the tail of the series. It writes the forecast as a
    table like yours, with the bounds of its interval, a figure and a report beside your table, and keeps what it
    learned in a run.
    """
    from profond.calls.forecast import Settings, make
    from profond.cli.output import print_json, say
    from profond.core.files import write_bytes, write_text
    from profond.data.timetable.asked import Asked
    from profond.forecasting.words import Words

    if horizon is None and run is None:
        raise UsageError("no horizon is given", "--horizon 24 forecasts 24 steps")
    words = Words(language)
    file, picture, report = _targets(table, out)
    mark = {"point": ".", "comma": ","}.get(decimal or "", decimal)
    asked = Asked(time_column, target or None, ids, past, future, mark, dayfirst, zone, missing, static)
    hidden = quiet or as_json
    try:
        made = make(
            table,
            Settings(asked, frequency, horizon, level / 100, holidays, fast, classics, thorough, quantiles),
            run=run,
            warm_start=warm_start,
            out=runs,
            language=language,
            command=shlex.join(["profond", *sys.argv[1:]]),
            tell=lambda name: say(words("doing", name=words(f"method.{name}")), hidden),
            progress=not hidden,
        )
    except (KeyboardInterrupt, Interrupted):
        raise Interrupted("stopped, and nothing was written", "the same command begins anew") from None
    page = made.page(language, file.name)
    write_bytes(file, made.table(language))
    write_bytes(picture, made.figures(language)[0])
    write_text(report, page)
    files = {"forecast": str(file), "figure": str(picture), "report": str(report)}
    assert made.run is not None
    if as_json:
        fields = made.to_json(language)
        print_json("forecast", table=str(table), run=str(made.run.path), files=files, **fields, seconds=made.seconds)
        return
    if not quiet:
        click.echo("\n".join(made.lines(language)) + "\n")
    for name, path in (*files.items(), ("run", str(made.run.path))):
        click.echo(words("files.line", name=words(f"files.{name}"), path=path))


def _targets(table: Path, out: Path | None) -> tuple[Path, Path, Path]:
    """The table, the figure and the report to write.

    Raises: UsageError where they would lie over the table that is read.
    """
    usual = f"{table.stem}.forecast{table.suffix or '.csv'}"
    file = table.parent / usual if out is None else out / usual if out.is_dir() else out
    picture, report = file.with_suffix(".png"), file.with_suffix(".html")
    if file in (picture, report):
        raise UsageError(f"--out names the table to write: {out}", "the figure and the report are written beside it")
    for path in (file, picture, report):
        if path.resolve() == table.resolve():
            raise UsageError(f"--out {out} is the table that is read", "name another file")
    return file, picture, report
