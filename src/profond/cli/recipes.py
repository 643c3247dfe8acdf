"""`profond recipes`: list and show."""

from __future__ import annotations

import json

import click

from profond.cli import register_verb
from profond.core.run import SCHEMA_VERSION


@register_verb("recipes", section="Find", line="List and show recipes.")
@click.group()
def recipes() -> None:
    """List and show recipes: data, model, task and training, and the result that they promise.

    \b
    profond recipes list
    profond recipes show lenet5
    """


@recipes.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def list_recipes(as_json: bool) -> None:
    """Every recipe, in a line."""
    from profond.recipes import registry

    entries = [registry.entry(name) for name in registry.names()]
    if as_json:
        rows = [{"name": entry.name, "summary": entry.summary} for entry in entries]
        click.echo(json.dumps({"schema_version": SCHEMA_VERSION, "command": "recipes list", "recipes": rows}, indent=2))
        return
    width = max(len(entry.name) for entry in entries)
    for entry in entries:
        click.echo(f"{entry.name:<{width}}  {entry.summary}")


@recipes.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(name: str, as_json: bool) -> None:
    """A recipe's settings and the result that it promises."""
    import dataclasses

    from profond.experiments.configuration import from_recipe
    from profond.recipes import registry

    config, expected = from_recipe(name).to_json(), registry.load(name)().expected
    promise = None if expected is None else dataclasses.asdict(expected)
    if as_json:
        document = {"schema_version": SCHEMA_VERSION, "command": "recipes show", "config": config, "expected": promise}
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    for section, settings in config.items():
        text = settings if not isinstance(settings, dict) else ", ".join(f"{k}={v}" for k, v in settings.items() if v)
        click.echo(f"{section:<10}{text}")
    if expected is not None:
        click.echo(
            f"{'expected':<10}{expected.split} {expected.metric} {expected.low:g} to {expected.high:g}, "
            f"about {expected.seconds:g} s on {expected.device} (source: {expected.source})"
        )
        if expected.published:
            click.echo(f"{'':<10}published there, and not measured here")
