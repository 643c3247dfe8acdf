"""`profond models` and `params`: which models there are, and what each is made of."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from profond.cli import register_verb
from profond.core.errors import ConfigError, UnknownName, UsageError
from profond.core.run import SCHEMA_VERSION, Run

if TYPE_CHECKING:
    from torch import nn

    from profond.explain.network.summary import Counting, Summary

JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
EXAMPLES = {"num_classes": 10, "vocabulary": 10_000, "output_vocabulary": 10_000}  # where no data decide


@register_verb("models", section="Find", line="List and show models.")
@click.group()
def models() -> None:
    """List models, and show one layer by layer.

    \b
    profond models list
    profond models show resnet50 --picture resnet50.png
    """


@models.command("list")
@JSON
def list_models(as_json: bool) -> None:
    """Every model, in a line; its variant's settings below."""
    from profond.models import registry

    entries = [registry.entry(name) for name in registry.names()]
    if as_json:
        rows = [{"name": entry.name, "summary": entry.summary, "settings": entry.config} for entry in entries]
        print_json("models list", {"models": rows})
        return
    width = max(len(entry.name) for entry in entries)
    for entry in entries:
        click.echo(f"{entry.name:<{width}}  {entry.summary}")
        if entry.config:
            settings = " ".join(f"{key}={json.dumps(value)}" for key, value in entry.config.items())
            click.echo(f"{'':<{width}}  {settings}")


def accounting(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that `models show` and `params` share."""
    for option in reversed(
        [
            click.option(
                "--input",
                "size",
                metavar="CxHxW",
                help="One sample, such as 3x224x224, channels first; of a text, how many tokens.",
            ),
            click.option("--classes", type=int, metavar="N", help="Number of classes.  [default: 10]"),
            click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="A setting of the model."),
            click.option(
                "--counting",
                default="torch",
                show_default=True,
                metavar="torch|keras",
                help="keras counts BatchNorm's running statistics among the parameters.",
            ),
            click.option("--picture", type=click.Path(path_type=Path), help="Draw the layers: .png, .svg, .pdf …"),
            JSON,
        ]
    ):
        command = option(command)
    return command


@models.command()
@click.argument("name")
@accounting
def show(name: str, **options: Any) -> None:
    """One model layer by layer: shapes, parameters with their formula, multiply-adds, receptive field.

    \b
    profond models show mlp --input 3x224x224
    profond models show convnet1d --input 1x28x28 --set "dilation=[1,2,4]"
    profond models show text_lstm --input 40 --set vocabulary=8000
    """
    account("models show", name, **options)


@register_verb("params", section="See", line="A model layer by layer: shapes, parameters, formulas.")
@click.command()
@click.argument("model", metavar="NAME|RUN")
@accounting
def params(model: str, **options: Any) -> None:
    """A model's parameters layer by layer, of a model by its name, or of a run by its folder.

    \b
    profond params lenet5
    profond params runs/20250101-120000-lenet5 --counting keras
    """
    account("params", model, **options)


def account(
    command: str,
    name: str,
    size: str | None,
    classes: int | None,
    changes: tuple[str, ...],
    counting: str,
    picture: Path | None,
    as_json: bool,
) -> None:
    if counting not in ("torch", "keras"):
        raise UnknownName("counting", counting, ("torch", "keras"))
    settings: dict[str, Any] = dict(map(read_change, changes))
    if size is not None:
        settings["input_shape"] = read_size(size)
    if classes is not None:
        if classes < 1:
            raise UsageError(f"--classes is {classes}", "give 1 or more")
        settings["num_classes"] = classes
    if picture is not None:
        from profond.explain.draw.drawing import check_picture_name, save_figure

        check_picture_name(picture)
    from profond.explain.network.summary import summarise
    from profond.models import head_of, stages_of

    label, model, shape, config, assumed = build(name, settings)
    stages, head = stages_of(model), head_of(model)
    way: Counting = "keras" if counting == "keras" else "torch"
    axes = "t" if "vocabulary" in config else None
    summary = summarise(model, shape, counting=way, axes=axes, name=label)
    other = as_built_there(model, config, way)
    if picture is not None:
        from profond.explain.network.architecture import draw

        save_figure(draw(summary), picture)
    if as_json:
        drawn = {"picture": str(picture)} if picture else {}
        parts = {"stages": list(stages), "head": head}
        print_json(command, {"settings": config, "assumed": assumed, **parts, **summary.to_json(), **other, **drawn})
        return
    report(summary, config)
    if sizes := {key: value for key, value in assumed.items() if "vocabulary" in key}:
        which = " and ".join(f"{key} {value:,}" for key, value in sizes.items())
        change = " ".join(f"--set {key}=N" for key in sizes)
        click.echo(f"note         {which}: an example, a run takes it from its texts; another: {change}")
    for found in other.values():
        settled = " ".join(f"--set {key}={json.dumps(value)}" for key, value in found["settings"].items())
        click.echo(f"note         as {found['library']} builds it, {found['parameters']:,} parameters: {settled}")
    if command == "models show":
        click.echo(f"stages       {', '.join(shortened(stages))}; head  {head}")
    if picture is not None:
        click.echo(f"picture      {picture}")
    if size is None and classes is None and (side := imagenet_side(name)):
        click.echo(f"for ImageNet: --input 3x{side}x{side} --classes 1000")


def shortened(names: Sequence[str], start: int = 4, end: int = 3) -> list[str]:
    """The first and the last of many names."""
    return list(names) if len(names) <= start + end + 1 else [*names[:start], "…", *names[-end:]]


def imagenet_side(name: str) -> int | None:
    """The side of the images that a registered network was published for; None where none was, and for a run."""
    from profond import models as zoo
    from profond.weights.pretrained import published

    if name not in zoo.registry.names():
        return None
    sizes = [row.preprocessing.size for row in published(name) if row.classes is None]
    return sizes[0][0] if sizes and sizes[0] else None


def build(
    name: str, settings: dict[str, Any]
) -> tuple[str, nn.Module, tuple[int, ...], dict[str, Any], dict[str, int]]:
    """A model without numbers, from a registered name or a run's folder.

    Returns: its label, the model, the shape of its input, its settings, and those of them that are examples.
    """
    import inspect

    import torch

    from profond import models as zoo

    label = name
    known: dict[str, Any] = {}
    run = None
    if os.sep in name or Path(name).is_dir():
        run = Run.open(name)
        known = dict(run.read("config.json").get("model") or {})
        if "name" not in known:
            raise ConfigError(f"{name} does not say which model it trained", "choose another run: `profond runs list`")
        label, name = f"{known['name']} of {run.path}", known.pop("name")
    accepted = inspect.signature(zoo.registry.load(name)).parameters
    shape: Sequence[int] | None = None
    if "input_shape" not in accepted:  # it takes any length
        shape = settings.pop("input_shape", None) or (run.read("spec.json")["shape"] if run else None)
    given = {**known, **settings}
    assumed = {key: value for key, value in EXAMPLES.items() if key in accepted and key not in given}
    if "input_shape" in accepted and "input_shape" not in given:
        given["input_shape"] = zoo.example_shape(name, **given)
    config = zoo.configure(name, settings={**assumed, **given})
    with torch.device("meta"):
        model = zoo.registry.load(name)(**config)
    taken = getattr(model, "forward_shape", None) or config.get("input_shape") or shape or zoo.example_shape(name)
    return label, zoo.whole(model), tuple(taken), config, assumed


def as_built_there(model: nn.Module, config: dict[str, Any], counting: Counting) -> dict[str, Any]:
    """What the library whose counting is asked for comes to, and the settings that lead there, where this differs."""
    import torch

    from profond.explain.network.summary import count
    from profond.weights import naming

    library, convention = ("Keras", "KERAS") if counting == "keras" else ("torchvision", "TORCHVISION")
    theirs = naming.settings(type(model).__module__, convention)
    theirs = {key: value for key, value in theirs.items() if config.get(key) != value}

    def built(changes: dict[str, Any]) -> int:
        with torch.device("meta"):
            return count(type(model)(**{**config, **changes}), counting)

    own = count(model, counting)
    try:
        if not theirs or (total := built(theirs)) == own:
            return {}
    except ConfigError:  # they would not take such an input
        return {}
    needed = {key: value for key, value in theirs.items() if built({key: value}) != own}
    return {"built_as": {"library": library, "parameters": total, "settings": needed or theirs}}


def report(summary: Summary, config: dict[str, Any]) -> None:
    from profond.explain.network.summary_table import lines

    width = shutil.get_terminal_size((100, 24)).columns
    shown = {key: value for key, value in config.items() if key != "input_shape"}
    bold = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    title = click.style(summary.model, bold=True) if bold else summary.model
    settings = " ".join(f"{key}={json.dumps(value, default=list)}" for key, value in shown.items())
    click.echo(f"{title}  input {'×'.join(map(str, summary.input_shape))}  {settings}".rstrip())
    for line in lines(summary, width):
        click.echo(line)


def read_size(text: str) -> tuple[int, ...]:
    """``3x224x224`` to (3, 224, 224). Raises: UsageError."""
    if not re.fullmatch(r"\d+([x×,]\d+)*", text.strip()):
        raise UsageError(f"--input {text!r} is not a size", "write 3x224x224: channels, height, width")
    shape = tuple(int(part) for part in re.split(r"[x×,]", text.strip()))
    if min(shape) < 1 or math.prod(shape) > 1_000_000_000:
        raise UsageError(f"--input {text!r} cannot be", "each side is 1 or more, and a sample has at most 10^9 numbers")
    return shape


def read_change(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise UsageError(f"--set {text!r} has no value", "write --set key=value")
    return key.strip(), value


def print_json(command: str, document: dict[str, Any]) -> None:
    click.echo(json.dumps({"schema_version": SCHEMA_VERSION, "command": command, **document}, ensure_ascii=False))
