"""`profond finetune`: a network with pretrained weights, on your own pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from profond.cli import register_verb
from profond.cli.output import print_json
from profond.cli.train import given, run_training, training_options
from profond.core.errors import UsageError

if TYPE_CHECKING:
    from profond.experiments.configuration import Configuration
    from profond.experiments.doctor.checks import Sign


@register_verb("finetune", section="Learn", line="A network with pretrained weights, on your pictures.", together=True)
@click.command()
@click.argument("run", required=False)
@training_options
@click.option("--pretrained", is_flag=True, expose_value=False, help="Always so here; other verbs need it said.")
@click.option("--weights", metavar="SOURCE|FILE", help="Which weights, such as keras, or a file or a run of yours.")
@click.option("--size", type=click.IntRange(min=1), help="Side of the images; by default that of the weights.")
@click.option("--head-only", is_flag=True, help="Train the new head alone, on features that are computed once.")
@click.option("--parts", type=click.IntRange(min=0), help="In how many steps the layers below the head are unfrozen.")
@click.option("--doctor", is_flag=True, help="Train nothing: look for the usual mistakes, here or in RUN.")
def finetune(
    run: str | None,
    model: str | None,
    data: str | None,
    learning_rate: str | None,
    out: Path,
    config_file: Path | None,
    settings: tuple[str, ...],
    as_json: bool,
    quiet: bool,
    weights: str | None,
    size: int | None,
    head_only: bool,
    parts: int | None,
    doctor: bool,
    **flags: Any,
) -> int | None:
    """Fine-tune --model, with the weights published for it, on --data; prints the result and the run's folder.

    A new head for your classes is trained first. Then the layers below it are unfrozen part by part, the deepest
    first, each at a smaller learning rate. BatchNorm stays as it is. The weights prepare the images.

    \b
    profond finetune --model efficientnet_lite0 --data photos/
    profond finetune --model efficientnet_lite0 --data photos/ --head-only
    profond finetune --doctor --model efficientnet_lite0 --data photos/
    profond finetune --doctor last
    """
    from profond.experiments.plan import plan_finetuning

    if run is not None:
        if not doctor or model is not None or data is not None:
            raise UsageError(f"{run!r} is not expected here", "a run is looked at with --doctor, without --model")
        return _examine(run, out, as_json, quiet)
    if head_only and parts:
        raise UsageError(f"--head-only and --parts {parts} contradict each other", "give one of them")
    parts = 0 if head_only else parts
    options = given(config_file, settings, quiet, learning_rate=learning_rate, **flags)
    config = plan_finetuning(model=model, data=data, weights=weights, size=size, parts=parts, **options)
    if doctor:
        return _examine_plan(config, as_json, quiet)
    run_training("finetune", config, learning_rate, out, as_json, quiet)
    return None


def _examine(reference: str, out: Path, as_json: bool, quiet: bool) -> int:
    from profond.cli.find_run import find_run
    from profond.cli.output import say
    from profond.experiments.doctor.diagnosis import diagnose_run

    run = find_run(reference, out, quiet=quiet)
    return _tell(diagnose_run(run, say=lambda text: say(text, quiet)), str(run.path), as_json)


def _examine_plan(config: Configuration, as_json: bool, quiet: bool) -> int:
    from profond.cli.output import say
    from profond.experiments.doctor.diagnosis import diagnose_plan

    of = f"{config.model.name} on {config.data.name}"
    return _tell(diagnose_plan(config, say=lambda text: say(text, quiet)), of, as_json)


def _tell(signs: Sequence[Sign], of: str, as_json: bool) -> int:
    """The signs, found ones with help; 1 when there is any."""
    found = [sign for sign in signs if sign.found]
    if as_json:
        print_json("finetune --doctor", of=of, found=len(found), signs=[vars(sign) for sign in signs])
    else:
        for sign in signs:
            click.echo(f"{'FOUND' if sign.found else 'fine':<6} {sign.kind.replace('_', ' '):<14} {sign.evidence}")
            if sign.found:
                click.echo(f"{'':<21} help: {sign.help}")
        click.echo(f"{of}: {len(found) or 'none'} of {len(signs)} usual mistakes found")
    return 1 if found else 0
