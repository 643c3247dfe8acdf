"""`profond baseline`: what simple methods make of series with classes."""

from __future__ import annotations

import time

import click

from profond.cli import register_verb
from profond.cli.options import JSON, QUIET
from profond.cli.output import print_json, warn


@register_verb("baseline", section="Use", line="What simple methods make of series: the least to beat.")
@click.command()
@click.argument("reference", metavar="DATA")
@click.option("--split", help="By default test, else valid.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="A setting of the data, as in train.")
@JSON
@QUIET
def baseline(reference: str, split: str | None, settings: tuple[str, ...], as_json: bool, quiet: bool) -> None:
    """Measure simple methods on DATA: a registered set of series, a folder, a table or a .ts file.

    The most frequent class, the nearest series of train (zeros behind shorter ones), and logistic regression on six
    statistics of each channel; all learn from train alone. A network that does not beat them is not worth its time.

    \b
    profond baseline japanese_vowels
    profond baseline GunPoint_TRAIN.ts --json
    """
    from profond.cli.models import read_change
    from profond.data.open import accepts, open_dataset
    from profond.evaluation.other_data import usual_split
    from profond.measures.series_baselines import series_baselines

    start = time.perf_counter()
    options = {key.removeprefix("data."): value for key, value in map(read_change, settings)}
    if accepts(reference, "ends"):
        options = {"ends": "missing", **options}
    dataset = open_dataset(reference, **options)
    for warning in () if quiet else dataset.warnings:
        warn(warning)
    chosen = split or usual_split(dataset)
    found = series_baselines(dataset, chosen)
    if as_json:
        rows = [{"name": one.name, **one.measured.to_json()} for one in found]
        seconds = round(time.perf_counter() - start, 3)
        print_json("baseline", data=dataset.name, split=chosen, baselines=rows, seconds=seconds)
        return
    click.echo(f"{dataset.name}, {chosen}: {len(dataset.split(chosen)):,} series")
    for one in found:
        click.echo(f"{one.measured.written:>9}  {one.measured.range:20}  {one.name}")
