"""`profond generate`: what a run makes by itself, such as a text that goes on from a beginning."""

from __future__ import annotations

import time
from typing import Any

import click

from profond.cli import register_verb
from profond.cli.find_run import find_run
from profond.cli.options import DEVICE, JSON, OUT, QUIET


@register_verb("generate", section="Use", line="What a run makes by itself: texts that go on.")
@click.command()
@click.argument("run", metavar="RUN")
@click.option("--prompt", help="How a text begins.")
@click.option("--length", type=int, help="Of what is made: characters of a text.  [default: 400]")
@click.option("--temperature", type=float, help="0 always takes the most probable, 1 draws as it says.  [default: 0.8]")
@click.option("--seed", type=int, help="Another seed, another text.  [default: 0]")
@click.option("--count", type=int, help="How many are made.  [default: 1]")
@DEVICE
@OUT
@JSON
@QUIET
def generate(run: str, device: str, out: str, as_json: bool, quiet: bool, **asked: Any) -> None:
    """Let RUN (a folder, a name, or `last`) make something, such as a text that goes on from --prompt.

    \b
    profond generate last --prompt "And he said" --length 400 --temperature 0.8 --seed 0
    """
    import inspect

    import torch

    from profond.cli.output import print_json, say
    from profond.core.device import choose_device
    from profond.core.errors import ConfigError
    from profond.experiments.experiment import load

    start = time.perf_counter()
    found = find_run(run, out, quiet=quiet)
    experiment = load(found)
    for note in experiment.notes:
        say(note, quiet)
    make: Any = getattr(experiment.task, "generate", None)
    if make is None:
        raise ConfigError(
            f"{found.path} makes nothing by itself: its task is {experiment.config.task.name}",
            "`profond predict` says what it makes of your data",
        )
    options = {name: value for name, value in asked.items() if value is not None}
    for name in options:
        if name not in inspect.signature(make).parameters:
            raise ConfigError(f"this run has no option --{name}", "leave it out")
    with torch.inference_mode():
        made = make(experiment.model.to(choose_device(device)).eval(), experiment.spec, **options)
    if as_json:
        print_json(
            "generate",
            run=str(found.path),
            made=[one.to_json() for one in made],
            seconds=round(time.perf_counter() - start, 3),
        )
        return
    for number, one in enumerate(made):
        if number:
            click.echo("\n" + "-" * 40 + "\n")
        click.echo(one.whole())
