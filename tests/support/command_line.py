"""The command line as its own parser has it: every command, and what a line that people type would call."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import click

from profond.cli import program


def commands(verb: str | None = None) -> dict[str, click.Command]:
    """Every command that does something, by what is typed, such as ``"runs list"``; of one verb, or of all."""
    context = click.Context(program, info_name="profond")
    names = program.list_commands(context) if verb is None else [verb]
    found: dict[str, click.Command] = {}
    for name in names:
        command = program.get_command(context, name)
        assert command is not None, name
        found |= dict(_below(name, command, context))
    return found


def _below(path: str, command: click.Command, context: click.Context) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        yield path, command
        return
    for name in command.list_commands(context):
        inner = command.get_command(context, name)
        assert inner is not None
        yield from _below(f"{path} {name}", inner, context)


def understood(line: str) -> tuple[str, dict[str, object]]:
    """The verb that a line calls, and its parameters, as the real parser reads them. Raises: click.UsageError."""
    words = shlex.split(line)[1:]
    command: click.Command = program
    context = click.Context(program, info_name="profond")
    path = []
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        name = words.pop(0)
        inner = command.get_command(context, name)
        if inner is None:
            raise click.UsageError(f"no such command {name!r}")
        command, path = inner, [*path, name]
        context = click.Context(command, parent=context, info_name=name, **command.context_settings)
    given, rest, _ = command.make_parser(context).parse_args(words)
    if rest:
        raise click.UsageError(f"unexpected {rest}")
    if given.get("help"):
        return " ".join(path), given
    if isinstance(command, click.Group) and not given and path:
        raise click.UsageError(f"{path} needs a command")
    for parameter in command.params:
        if parameter.required and not given.get(parameter.name or ""):
            raise click.UsageError(f"{parameter.name} is missing")
    return " ".join(path), given


def examples(help: str) -> list[str]:
    """The command lines in a help text, without what is said beside them."""
    lines = [line.strip() for line in help.splitlines()]
    typed = [line for line in lines if re.match(r"profond [a-z]", line)]
    return [re.split(r" {3,}| \| | > |  #", line)[0] for line in typed]
