"""`profond train`: a recipe by name, or a model on your data."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from profond.cli import register_verb
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
            click.option("--learning-rate", help="Highest learning rate, or `auto` to try one that a sweep finds."),
            click.option("--valid-fraction", type=float, help="Share of the training data held out for validation."),
            click.option("--precision", help="auto, fp32, bf16 or fp16."),
            click.option("--device", help="auto, cpu, cuda, cuda:1 or mps."),
            click.option("--seed", type=int, help="Decides initial weights, order and augmentation."),
            click.option(
                "--out", type=click.Path(path_type=Path), default="runs", show_default=True, help="Where runs are kept."
            ),
            click.option(
                "--config",
                "config_file",
                type=click.Path(path_type=Path),
                help="Settings from a .json or .toml file. A run's config.json says all of it: the same once more.",
            ),
            click.option(
                "--set",
                "settings",
                multiple=True,
                metavar="KEY=VALUE",
                help="Any other setting: ema=0.99, data.resize=pad …",
            ),
            click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),
            click.option("--quiet", is_flag=True, help="No progress."),
        ]
    ):
        command = option(command)
    return command


@register_verb("train", section="Learn", line="Train a recipe, or a model on your data.")
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
    profond train --config runs/20260131-120000-lenet5/config.json
    """
    from profond.experiments.configuration import again, as_changes, changed, for_model, from_recipe, on_data, says_all

    written = {} if config_file is None else read_settings(config_file, quiet)
    if recipe is not None:
        config = from_recipe(recipe)
        if model is not None:
            config["model"] = {"name": model}
        if data is not None:
            config = on_data(config, data)
    elif says_all(written):
        config, written = again(written, model, data), {}
    elif model is None or data is None:
        help = "name a recipe (`profond recipes list`), give --model and --data, or --config RUN/config.json"
        raise UsageError("nothing to train", help)
    else:
        config = for_model(model, data)
    config = changed(changed(config, as_changes(written)), given_settings(settings, learning_rate, flags))
    run_training("train", config, learning_rate, out, as_json, quiet)


def read_settings(path: Path, quiet: bool) -> dict[str, Any]:
    """The settings in a file; or in a run's folder, whose ``config.json`` is meant."""
    from profond.cli.output import say
    from profond.core.run import Run
    from profond.experiments.configuration import read_file

    if path.is_dir():
        path = path / "config.json"
    written = read_file(path)
    if path.name == "config.json" and (run := Run(path.parent)).holds("run.json") and run.state.get("lengthened"):
        say(f"note: {run.path} was trained in parts, and lengthened; this trains all of it in one", quiet)
    return written


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
    from profond.experiments.experiment import assemble
    from profond.experiments.train import find_rate, train_experiment

    experiment = assemble(config)
    for warning in experiment.dataset.warnings:
        warn(warning)
    for note in (*experiment.dataset.notes, *experiment.notes):
        say(note, quiet)
    if learning_rate == "auto":
        experiment, found = find_rate(experiment)
        say(found.words, quiet)
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
