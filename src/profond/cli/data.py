"""``profond data``: list, fetch, check, split and shard data."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click

from profond.cli import register_verb
from profond.cli.output import escaped


@register_verb("data", section="Find", line="List, fetch, check and split data.")
@click.group()
def data() -> None:
    """List, fetch, check, split and shard data.

    \b
    profond data check photos/
    profond data split photos/ --out photos.csv

    \b
    A data set is one of
      a registered name        mnist, fashion_mnist …  (`profond data list`)
      a folder of images       one sub-folder a class; train/ valid/ test/ above, or not
      images without classes   in one folder, for networks that make such pictures; in train/ test/, or not
      two domains of images    trainA/ trainB/ testA/ testB/, or two folders (`profond train --from A/ --to B/`)
      a folder of series       likewise: .csv, .npy or .wav files, each one series
      ImageNet's folder        train/n01440764/ …, val/, and the devkit; or as Kaggle has it
      a folder of tar shards   in WebDataset's layout: train-000000.tar …
      a CSV manifest           path,label and, if wished, split and group; of images or of series; without label, of
                               images without classes
      images with captions     a folder that holds captions.csv: path,caption and, if wished, split and group
      a table of series        a row for each series (label,values…), or for each step (id,time,values…,label)
      a .ts file               of series, as the archives of time series classification have them
      a folder of videos       with labels.csv in it: video,start,end,label, or video,frame,label, or path,label
      a table of texts         text,label and, if wished, split and group; .csv, .tsv or .jsonl
      a folder of texts        one sub-folder of .txt files a class
      a table of pairs         source,target and, if wished, split and group: texts, and what is to be written of each
      a long text              one .txt, to be written on
    A table with a column of dates is no data set: `profond forecast TABLE` says what comes next.

    \b
    Instead of classes a table may hold numbers to be estimated: path,value or path,value (kg); any other column is
    named by --set data.target=COLUMN, several with commas between them.

    \b
    For training, pictures are brought to one size: --set data.size=96. Of others than square ones the middle is used;
      --set data.resize=pad        keeps all of them, with borders
      --set data.resize=stretch    squashes them
      --set data.unreadable=skip   leaves out what cannot be read, and keeps a list of it in the run
    Texts are cut into words: --set data.tokens=pieces, data.vocabulary=5000; columns of other names are named by
    --set data.text=COLUMN --set data.target=COLUMN, of pairs by --set data.source=COLUMN --set data.target=COLUMN.
    Series are brought to one length: --set data.length=200; --set data.keep=end says what is kept of longer ones.
    """


@data.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def list_command(as_json: bool) -> None:
    """The registered data sets."""
    from profond.core.files import cache_folder
    from profond.data import registry
    from profond.data.timetable.published import TABLES

    found = [
        (name, entry.summary, entry.config.get("splits"))
        for name, entry in ((name, registry.entry(name)) for name in registry.names())
    ]
    found += [(table.name, f"{table.summary}; to be forecast", None) for table in TABLES]
    rows = []
    for name, summary, splits in found:
        fetched = os.path.exists(cache_folder() / name / "source.json")  # False where it cannot even be looked at
        rows.append({"name": name, "summary": summary, "fetched": fetched, "splits": splits})
    if as_json:
        _print_json("data list", data=rows)
        return
    width = max(len(str(row["name"])) for row in rows)
    for row in rows:
        click.echo(f"{row['name']:{width}}  {'fetched' if row['fetched'] else '-':7}  {row['summary']}")


@data.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def fetch(name: str, as_json: bool) -> None:
    """Fetch a registered data set into the cache and check it."""
    from profond.core.files import cache_folder
    from profond.data import open_dataset, registry
    from profond.data.timetable.published import fetch_table, names, published

    if name in names():
        file, table = str(fetch_table(name)), published(name)
        if as_json:
            _print_json("data fetch", path=str(cache_folder() / name), name=name, file=file, summary=table.summary)
        else:
            click.echo(
                f"{name}: {table.summary}\n`profond forecast {file} --target {table.target} --horizon 24` forecasts it"
            )
        return
    registry.entry(name)
    dataset = open_dataset(name)
    described = dataset.describe()
    folder = str(cache_folder() / name)
    if as_json:
        _print_json("data fetch", path=folder, **described)
        return
    sizes = ", ".join(f"{split} {count}" for split, count in described["splits"].items())
    click.echo(f"{name}: {sizes}; {dataset.source}")


@data.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def path(name: str, as_json: bool) -> None:
    """The folder where a fetched data set lies."""
    from profond.core.errors import MissingError
    from profond.core.files import cache_folder
    from profond.data import registry
    from profond.data.timetable.published import names

    if name not in names():
        registry.entry(name)
    folder = cache_folder() / name
    if not folder.is_dir() or not any(not entry.name.startswith(".") for entry in folder.iterdir()):
        raise MissingError(f"{name} is not in the cache ({folder})", f"`profond data fetch {name}` fetches it")
    if as_json:
        _print_json("data path", name=name, path=str(folder))
        return
    click.echo(folder)


@data.command()
@click.argument("reference")
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="A setting of the data, such as size=32, as in train."
)
@click.option("--picture", type=click.Path(dir_okay=False, path_type=Path), help="Draw the problems into this PNG.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def check(reference: str, settings: tuple[str, ...], picture: Path | None, as_json: bool) -> int:
    """Look for unreadable and equal samples, leaks, imbalance, mixtures and odd numbers.

    REFERENCE is a registered name, or images, series, texts or videos of yours; `profond data --help` shows them.

    With --set, the data are split and brought to size as `train` would do it.

    Exits 3 when the data cannot be used as it is, or a split leaks into another; warnings do not fail.
    """
    from profond.data.check import check as examine
    from profond.data.check import count_in_words

    report = examine(reference, **_options(settings))
    drawn = False
    if picture is not None:
        from profond.data.images.contact_sheet import contact_sheet

        drawn = contact_sheet(report, picture)
    code = 0 if report.usable else 3
    if as_json:
        _print_json("data check", **report.to_json(), picture=str(picture) if drawn else None)
        return code
    splits = ", ".join(f"{name} {sum(counts.values())}" for name, counts in report.counts.items() if name)
    samples = count_in_words(report.samples, report.noun)
    click.echo(f"{report.name}: {samples}, {report.target}{'; ' + splits if splits else ''}")
    for issue in report.issues:
        click.echo(f"{issue.severity}: {issue.message}")
    if not report.issues:
        click.echo("nothing to complain about")
    if drawn:
        click.echo(f"drawn in {picture}")
    return code


@data.command()
@click.argument("reference")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The manifest to write.")
@click.option("--valid", "valid_fraction", default=0.1, show_default=True, help="Share of each class for valid.")
@click.option("--test", "test_fraction", default=0.1, show_default=True, help="Share of each class for test.")
@click.option("--seed", default=0, show_default=True, help="Another seed, another splitting.")
@click.option(
    "--duplicates-together",
    is_flag=True,
    help="Equal and nearly equal images go to one split; of splits that are given, to train first.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Which columns of a table are what, such as target=weight, as in train.",
)
@click.option("--force", is_flag=True, help="Write over an existing file.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def split(
    reference: str,
    out: Path,
    valid_fraction: float,
    test_fraction: float,
    seed: int,
    duplicates_together: bool,
    settings: tuple[str, ...],
    force: bool,
    as_json: bool,
) -> None:
    """Split a folder or a manifest by class, groups kept whole, and store it as a manifest.

    A table of series is written again, with a column that says the split.
    """
    from profond.core.errors import UsageError
    from profond.data.saved_split import store_split

    if out.suffix.lower() != ".csv":
        raise UsageError(f"--out is {out}", "a manifest's name ends in .csv")
    if out.exists() and not force:
        raise UsageError(f"{out} exists", "choose another name, or add --force")
    stored = store_split(reference, out, valid_fraction, test_fraction, seed, duplicates_together, _options(settings))
    if as_json:
        _print_json("data split", path=str(out), splits=stored)
        return
    for name, about in stored.items():
        click.echo(f"{name:5}  {about['samples']:>7}  sha256 {about['hash']}")
    click.echo(out)


@data.command()
@click.argument("reference")
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--size", default="100MB", show_default=True, help="How large a shard may become.")
@click.option("--count", type=int, help="How many samples it holds, instead.")
@click.option("--seed", default=0, show_default=True, help="Of the order of the samples.")
@click.option("--in-order", is_flag=True, help="Keep the order of the files.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="How it is split, where it is not: valid_fraction, test_fraction or split_seed, as in train.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def shard(
    reference: str,
    out: Path,
    size: str,
    count: int | None,
    seed: int,
    in_order: bool,
    settings: tuple[str, ...],
    as_json: bool,
) -> None:
    """Copy the pictures of a folder, a manifest or ImageNet into tar shards, in a new folder OUT.

    The files are copied as they are, mixed, and split as training would split them; OUT appears when all is written.
    """
    from profond.data.shards.write import parse_size, write_shards

    options = _options(settings)
    about = write_shards(
        reference, out, size=parse_size(size), count=count, seed=seed, shuffle=not in_order, options=options
    )
    if as_json:
        _print_json("data shard", path=str(out), splits=about)
        return
    for name, split in about.items():
        click.echo(
            f"{name:5}  {split['samples']:>9,} samples  {split['shards']:>5} shards  {split['bytes']:>15,} bytes"
        )
    click.echo(out)


def _options(settings: tuple[str, ...]) -> dict[str, str]:
    """``size=32`` or ``data.size=32``, as `train` takes both."""
    from profond.cli.models import read_change

    return {key.removeprefix("data."): value for key, value in map(read_change, settings)}


def _print_json(command: str, **fields: Any) -> None:
    click.echo(escaped(json.dumps({"schema_version": 1, "command": command, **fields}, ensure_ascii=False)))
