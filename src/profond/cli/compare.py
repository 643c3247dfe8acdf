"""`profond runs compare`: is one run better than another, or only luckier?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from profond.cli.output import print_json
from profond.core.names import as_text

if TYPE_CHECKING:
    from profond.evaluation.compare import Comparison


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN RUN...")
@click.option("--split", default="test", show_default=True, help="Evaluated split to compare on.")
@click.option("--out", default="runs", show_default=True, help="Folder where names of runs are looked up.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def compare(runs: tuple[str, ...], split: str, out: str, as_json: bool) -> None:
    """Compare runs sample by sample on the same split.

    Says of each pair whether the difference is larger than chance (exact McNemar test where a sample is right or
    wrong, else a paired bootstrap; corrected when there are more than two runs), and in which settings the runs
    differ. Runs measured on other samples are refused.
    """
    from profond.cli.find_run import find_run
    from profond.evaluation.compare import compare as compare_runs

    comparison = compare_runs(*(find_run(run, out) for run in runs), split=split)
    if as_json:
        print_json("runs compare", **comparison.to_json())
    else:
        _tell(comparison)


def _tell(comparison: Comparison) -> None:
    letters = {name: _letter(place) for place, name in enumerate(comparison.measured)}
    width = max(map(len, letters))
    click.echo(f"{comparison.split}, {comparison.count:,} samples, {comparison.metric.replace('_', ' ')}\n")
    for name, measured in comparison.measured.items():
        interval = "" if measured.ends is None else f" [{', '.join(measured.ends)}]"
        click.echo(f"{letters[name]}  {name:{width}}  {measured.written}{interval}")
    click.echo("")
    for pair in comparison.pairs:
        first, second = letters[pair.first], letters[pair.second]
        click.echo(pair.words(first, second))
        if pair.right_or_wrong:
            click.echo(f"   only {first} right {pair.only_first:,}, only {second} right {pair.only_second:,}")
        else:
            click.echo(f"   {first} better on {pair.only_first:,}, {second} better on {pair.only_second:,}")
    if len(comparison.pairs) > 1:
        click.echo("p-values are corrected for the number of pairs (Holm).")
    click.echo("\nsettings that differ" if comparison.settings else "\nall settings are the same")
    names = max((len(name) for name in comparison.settings), default=0)
    for setting, values in comparison.settings.items():
        shown = "   ".join(f"{_letter(place)} {_short(value)}" for place, value in enumerate(values))
        click.echo(f"  {setting:{names}}  {shown}")


def _letter(place: int) -> str:
    return chr(ord("A") + place) if place < 26 else f"R{place + 1}"


def _short(value: Any, longest: int = 40) -> str:
    text = "not set" if value is None else as_text(str(value))
    return text if len(text) <= longest else text[: longest - 1] + "…"
