"""`profond lecture`: list, run, report."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from profond.cli import register_verb
from profond.core.errors import UsageError
from profond.core.run import SCHEMA_VERSION

OUT = click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default="lecture_report",
    show_default=True,
    help="Where results and the report are kept.",
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
LANGUAGE = click.option(
    "--language", type=click.Choice(["en", "fr"]), default="en", show_default=True, help="Of what is printed."
)


@register_verb("lecture", section="See", line="The lecture's statements, tested.")
@click.group()
def lecture() -> None:
    """The lecture's statements, each tested by an experiment.

    \b
    profond lecture list
    profond lecture run L1 L2 L5 L6       seconds
    profond lecture run --all --quick     minutes
    profond lecture report                one page, in English and French

    How to add an item is told in docs/add_a_lecture_item.md.
    """


@lecture.command("list")
@LANGUAGE
@OUT
@JSON
def list_items(language: str, out: Path, as_json: bool) -> None:
    """Every item: its title, what is stated, and whether there is a result."""
    from profond.lecture import registry
    from profond.lecture.results import read
    from profond.lecture.words import Words

    words = Words(language)
    rows: list[dict[str, Any]] = []
    states: list[str] = []
    for name in registry.names():
        result = read(out, name)
        states.append(_state(result, words))
        rows.append(
            {
                "item": name,
                "title": words(f"{name}.title"),
                "stated": words(f"{name}.stated"),
                "result": None if result is None else _kept(result),
            }
        )
    if as_json:
        _print_json("lecture list", items=rows)
        return
    for row, state in zip(rows, states, strict=True):
        click.echo(f"{click.style(row['item'], bold=True)}  {row['title']} · {state}")
        click.echo(click.wrap_text(row["stated"], 96, "    ", "    "))


@lecture.command("run")
@click.argument("items", nargs=-1, metavar="[ITEM]...")
@click.option("--all", "everything", is_flag=True, help="Every item.")
@click.option("--quick", is_flag=True, help="Fewer seeds, shorter training or less data; the result says so.")
@click.option("--seeds", type=click.IntRange(1), help="Trainings of each network, for items that train.")
@click.option(
    "--image",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Your own picture, for what looks at one.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1 or mps.")
@click.option("--precision", type=click.Choice(["auto", "fp32", "bf16", "fp16"]), default="auto", show_default=True)
@click.option("--quiet", is_flag=True, help="No progress.")
@LANGUAGE
@OUT
@JSON
def run_command(
    items: tuple[str, ...],
    everything: bool,
    quick: bool,
    seeds: int | None,
    image: Path | None,
    device: str,
    precision: Any,
    quiet: bool,
    language: str,
    out: Path,
    as_json: bool,
) -> None:
    """Run ITEMs, such as L1 or L3: what is stated, what was measured, and whether it holds.

    Each result is kept in --out as soon as it is there; running an item again replaces it.
    """
    from profond.lecture import registry

    if everything == bool(items):
        raise UsageError(
            "no item is named" if not items else "items and --all were both given",
            "such as: profond lecture run L1 L2, or --all",
        )
    names = registry.names() if everything else list(dict.fromkeys(name.upper() for name in items))
    for name in names:
        registry.entry(name)  # a mistyped name is told before an hour of training

    from profond.lecture.outcome import Options
    from profond.lecture.session import run_items
    from profond.lecture.words import Words

    def say(line: str) -> None:
        if not quiet:
            click.echo(line, err=True)

    words = Words(language)
    results: list[dict[str, Any]] = []
    options = Options(image=image, quick=quick, seeds=seeds, device=device, precision=precision, say=say)
    try:
        for result in run_items(names, options, out):
            results.append(result)
            if not as_json:
                _print_result(result, words)
    finally:
        if as_json and results:
            _print_json("lecture run", out=str(out), items=results)
    if results and not as_json:
        say(f"kept in {out}; `profond lecture report{_elsewhere(out)}` makes the page")


@lecture.command()
@click.option(
    "--language",
    type=click.Choice(["both", "en", "fr"]),
    default="both",
    show_default=True,
    help="Of the page; both have a switch on it.",
)
@OUT
@JSON
def report(language: str, out: Path, as_json: bool) -> None:
    """Write one HTML page from the results that are there; it needs no other file and no network."""
    from profond.lecture.page import write_page
    from profond.lecture.words import LANGUAGES

    path, present, missing = write_page(out, LANGUAGES if language == "both" else (language,))
    if as_json:
        _print_json("lecture report", page=str(path), present=present, missing=missing)
        return
    click.echo(path)
    if missing:
        click.echo(f"missing: {', '.join(missing)}; profond lecture run {' '.join(missing)}{_elsewhere(out)}", err=True)


def _print_result(result: Mapping[str, Any], words: Any) -> None:
    """Statement → measured → verdict, as a block of lines for each claim."""
    from profond.lecture.page import measured_key, values_of

    name = result["item"]
    width = max(60, min(100, shutil.get_terminal_size((96, 24)).columns))
    title = words(f"{name}.title")
    click.echo(f"{click.style(f'{name}  {title}', bold=True)} · {_state(result, words)}")
    for claim in result["claims"]:
        stated = words(f"{name}.claim.{claim['name']}")
        measured = words(measured_key(name, claim), values_of(claim["values"]))
        sign = {True: "✓", False: "✗", None: "○"}[claim["holds"]]
        stated += f" ({words('page.aside')})" if claim["aside"] else ""
        click.echo(click.wrap_text(stated, width, f"  {sign} ", "    "))
        click.echo(click.wrap_text(f"→ {measured}", width, "    ", "      "))


def _kept(result: Mapping[str, Any]) -> dict[str, Any]:
    """What the list tells of a result: a verdict without its conditions would promise too much."""
    from profond.lecture.results import seeds_of

    return {**{key: result[key] for key in ("holds", "quick", "finished", "command")}, "seeds": seeds_of(result)}


def _state(result: Mapping[str, Any] | None, words: Any) -> str:
    from profond.lecture.results import status

    verdict, terms = status(result, words)
    if result is None:
        return click.style(verdict, dim=True)
    return click.style(verdict, fg="green" if result["holds"] else "red") + (f" ({terms})" if terms else "")


def _print_json(command: str, **fields: Any) -> None:
    document = {"schema_version": SCHEMA_VERSION, "command": command, **fields}
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))


def _elsewhere(out: Path) -> str:
    return "" if out == Path("lecture_report") else f" --out {out}"
