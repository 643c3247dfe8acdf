"""`profond train`: a recipe by name, or a model on your data."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from profond.cli import register_verb
from profond.core.errors import UsageError

if TYPE_CHECKING:
    from profond.core.run import Run
    from profond.experiments.configuration import Configuration

FEW_STEPS = 100
ENOUGH_STEPS = 500


def training_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What `train` and `finetune` share."""
    for option in reversed(
        [
            click.option("--model", help="A registered model; `profond models list`."),
            click.option(
                "--data",
                help="A registered data set, or yours: a folder (images, series, texts, videos), a table (of paths, "
                "series, texts, pairs of texts), a .txt; `profond data --help`.",
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


@register_verb("train", section="Learn", line="Train a recipe, or a model on your data.", together=True)
@click.command()
@click.argument("recipe", required=False)
@training_options
@click.option("--from", "from_folder", metavar="FOLDER", help="Instead of --data: pictures to be translated …")
@click.option("--to", "to_folder", metavar="FOLDER", help="… and pictures as they are to become.")
def train(
    recipe: str | None,
    model: str | None,
    data: str | None,
    from_folder: str | None,
    to_folder: str | None,
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
    profond train --config runs/20260131-120000-lenet5/config.json

    \b
    A model of your own data, by what they are:
      pictures in folders          profond train --model convnet2d --data photos/
      pictures to be made          profond train --model dcgan --data faces/
      pictures to be translated    profond train --model cyclegan --from photos/ --to paintings/
      pictures and captions.csv    profond train --model show_attend_and_tell --data captioned/
      series                       profond train --model lstm --data sensors/
      texts and their classes      profond train --model text_lstm --data reviews.csv
      pairs of texts               profond train --model seq2seq --data pairs.csv
      one long text                profond train --model char_lstm --data book.txt
      videos and labels.csv        profond train --model frame_lstm --data videos/
    """
    from profond.experiments.plan import plan_training

    config = plan_training(
        recipe,
        model=model,
        data=data,
        domains=(from_folder, to_folder),
        **given(config_file, settings, quiet, learning_rate=learning_rate, **flags),
    )
    run = run_training("train", config, learning_rate, out, as_json, quiet)
    if run is not None and config.recipe is None and config_file is None and length_is_usual(settings, flags):
        remark_on_length(run, quiet)


def length_is_usual(settings: Sequence[str], flags: dict[str, Any]) -> bool:
    """Whether nobody said how long to train."""
    named = {text.partition("=")[0].strip().rpartition(".")[2] for text in settings}
    return not named & {"epochs", "steps"} and flags.get("epochs") is None and flags.get("steps") is None


def remark_on_length(run: Run, quiet: bool) -> None:
    """Say that a training was short, where the data are so few that the usual passes are hardly any steps."""
    from profond.cli.output import say

    steps = run.state.get("steps", 0)
    if 0 < steps < FEW_STEPS:
        plural = "step is" if steps == 1 else "steps are"
        say(
            f"note: {steps} {plural} few for a network to learn in: the data are small;"
            f" `profond runs resume {shlex.quote(str(run.path))} --steps {ENOUGH_STEPS}` trains it longer",
            quiet,
        )


def given(config_file: Path | None, settings: Sequence[str], quiet: bool, **flags: Any) -> dict[str, Any]:
    """What the options say, as a plan takes it: a file, ``--set``, and the flags, which win."""
    from profond.cli.output import say

    if flags.get("learning_rate") == "auto":  # looked for when all else is known
        flags["learning_rate"] = None
    return {
        "file": config_file,
        "settings": dict(pair(text) for text in settings),
        "flags": flags,
        "say": lambda text: say(text, quiet),
    }


def run_training(
    command: str, config: Configuration, learning_rate: str | None, out: Path, as_json: bool, quiet: bool
) -> Run | None:
    """From a configuration to a finished run, told as it goes; None in processes that others lead."""
    from profond.cli.output import observers, report_run, say, warn
    from profond.experiments.train import put_to_work

    done = put_to_work(
        config,
        find_learning_rate=learning_rate == "auto",
        out=out,
        observers=observers(quiet),
        say=lambda text: say(text, quiet),
        warn=warn,
    )
    if not done.leads:
        return None
    report_run(done.run, command, as_json)
    return done.run


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
