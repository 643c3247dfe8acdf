"""`profond train`: a recipe by name, or a model on your data."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from profond.core.errors import UsageError


def training_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What `train` and `finetune` share."""
    for option in reversed(
        [
            click.option("--model", help="A registered model; `profond models list`."),
            click.option(
                "--data",
                help="A registered data set, a folder (images, series, ImageNet, tar shards), a CSV manifest, or a "
                "table of series.",
            ),
            click.option("--epochs", type=float, help="Passes over the training data."),
            click.option("--steps", type=int, help="Optimizer steps, instead of epochs."),
            click.option("--batch-size", type=int, help="Samples in a batch."),
            click.option("--learning-rate", help="Highest learning rate, or `auto` to look for one."),
            click.option("--valid-fraction", type=float, help="Share of the training data held out for validation."),
            click.option("--precision", help="auto, fp32, bf16 or fp16."),
            click.option("--device", help="auto, cpu, cuda, cuda:1 or mps."),
            click.option("--seed", type=int, help="Decides initial weights, order and augmentation."),
            click.option(
                "--out", type=click.Path(path_type=Path), default="runs", show_default=True, help="Where runs are kept."
            ),
            click.option(
                "--config", "config_file", type=click.Path(path_type=Path), help="Settings from a .json or .toml file."
            ),
            click.option(
                "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Any other setting, such as ema=0.99."
            ),
            click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),
            click.option("--quiet", is_flag=True, help="No progress."),
        ]
    ):
        command = option(command)
    return command


@click.command()
@click.argument("recipe", required=False)
@training_options
def train(
    recipe: str | None,
    model: str | None,
    data: str | None,
    learning_rate: str | None,
    out: Path,
    config_file: Path | None,
    settings: tuple[str, ...],
    as_json: bool,
    quiet: bool,
    **flags: Any,
) -> None:
    """Train RECIPE, or --model on --data; prints the result and the run's folder.

    \b
    profond train lenet5
    profond train lenet5 --epochs 2 --set ema=0.99
    profond train --model convnet2d --data photos/
    """
    from profond.recipes.configuration import changed, for_model, from_recipe, on_data, read_file

    if recipe is None and (model is None or data is None):
        raise UsageError("nothing to train", "name a recipe (`profond recipes list`), or give --model and --data")
    if recipe is not None:
        config = from_recipe(recipe)
        if model is not None:
            config["model"] = {"name": model}
        if data is not None:
            config = on_data(config, data)
    else:
        assert model is not None
        assert data is not None
        config = for_model(model, data)
    if config_file is not None:
        config = changed(config, read_file(config_file))
    config = changed(config, given_settings(settings, learning_rate, flags))
    run_training("train", config, learning_rate, out, as_json, quiet)


def given_settings(settings: Sequence[str], learning_rate: str | None, flags: Mapping[str, Any]) -> dict[str, Any]:
    """``--set`` and the flags, which win, as `changed` takes them."""
    places = {"batch_size": "loader", "valid_fraction": "loader"}
    given = {f"{places.get(k, 'training')}.{k}": v for k, v in flags.items() if v is not None}
    if learning_rate not in (None, "auto"):
        given["training.learning_rate"] = learning_rate
    return {**dict(pair(text) for text in settings), **given}


def run_training(
    command: str, config: dict[str, Any], learning_rate: str | None, out: Path, as_json: bool, quiet: bool
) -> None:
    """From a configuration to a finished run, told as it goes."""
    from profond.cli.output import observers, report_run, say, warn
    from profond.recipes.experiment import assemble
    from profond.recipes.train import find_rate, train_experiment

    experiment = assemble(config)
    for warning in experiment.dataset.warnings:
        warn(warning)
    for note in (*experiment.dataset.notes, *experiment.notes):
        say(note, quiet)
    if learning_rate == "auto":
        experiment, found = find_rate(experiment)
        say(f"learning rate {found.suggestion:.2g}, found in {len(found.rates)} steps", quiet)
    run = train_experiment(experiment, out=out, observers=observers(quiet), say=lambda text: say(text, quiet))
    report_run(run, command, as_json)


def pair(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise UsageError(f"--set {text!r} is not KEY=VALUE", "such as --set ema=0.99")
    if value.lower() in ("none", "null"):
        return key.strip(), None
    try:
        parsed = json.loads(value)
    except json.JSONDecodeError:
        return key.strip(), value
    return key.strip(), parsed if isinstance(parsed, list | dict) else value
