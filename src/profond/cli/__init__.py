"""The command line: thin, and quick to start. Every verb is a call that Python users have too."""

from __future__ import annotations

import errno
import functools
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

import click

from profond.cli.names import print_any_name
from profond.core import signals, streams
from profond.core.errors import (
    ConfigError,
    EndedTogether,
    Interrupted,
    ProfondError,
    StorageError,
    UsageError,
    out_of_memory,
    suggest,
)
from profond.core.launcher import started
from profond.core.registry import Registry
from profond.core.version import VERSION

Command = TypeVar("Command", bound=click.Command)

registry = Registry("verb", "profond.cli")
SECTIONS = ("See", "Find", "Learn", "Use", "Manage")
"""Headings of the help, in their order; another that a verb names follows them."""


def register_verb(
    name: str, /, *, section: str, line: str, together: bool | Sequence[str] = False
) -> Callable[[Command], Command]:
    """Make a command a verb of the command line, such as ``profond train``; stands above ``@click.command()``.

    Args:
        name: what people type.
        section: the heading of the help under which it stands, one of `SECTIONS`.
        line: what the help says of it there.
        together: whether several processes of a launcher do it as one; of a group, which of its commands.

    Raises: ConfigError for what is no command, or a name that is taken.
    """
    register = registry.register(name, section=section, line=line, together=together)

    def mark(command: Command) -> Command:
        if not isinstance(command, click.Command):
            raise ConfigError(f"verb {name!r} is no command", "write @click.command() below @register_verb")
        if command.callback is not None:
            functools.update_wrapper(cast(Any, command), command.callback, updated=())  # where it is written
        return register(command)

    return mark


class Verbs(click.Group):
    """The registered verbs; one is imported when it is called."""

    def list_commands(self, context: click.Context) -> list[str]:
        return registry.names()

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in registry.names():
            return None
        return cast(click.Command, registry.load(name))

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in self.list_commands(context):
            context.fail(f"no such command {args[0]!r}\nhelp: {suggest(args[0], self.list_commands(context))}")
        self._check_launcher(args)
        return super().resolve_command(context, args)

    def _check_launcher(self, args: Sequence[str]) -> None:
        """Raises: UsageError, in the process that leads, for a verb that several would do each for itself."""
        together = registry.entry(args[0]).config.get("together", False) if args[0] in registry.names() else True
        inner = next((word for word in args[1:] if not word.startswith("-")), "")
        if together is True or (together and inner in together):
            return
        try:
            found = started()
        except ConfigError:  # it is of no matter to what one process does
            return
        if found is None:
            return
        verb = f"profond {args[0]} {inner if together else ''}".rstrip()
        message = f"{found.by} started {found.size} processes, and `{verb}` is done by one"
        if found.rank:  # with 0, since a launcher ends the one that leads as soon as another has failed
            raise EndedTogether(message, 0)
        raise UsageError(message, f"start it without {found.by}")

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except KeyboardInterrupt:  # told in one line, where click would put an empty one before it
            raise Interrupted("stopped") from None

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        rows: dict[str, list[tuple[str, str]]] = {section: [] for section in SECTIONS}
        for name in registry.names():
            config = registry.entry(name).config
            rows.setdefault(config.get("section", "More"), []).append((name, config.get("line", "")))
        width = max(map(len, registry.names()))
        for section, verbs in rows.items():
            with formatter.section(section):
                formatter.write_dl([(name.ljust(width), line) for name, line in verbs])


@click.command(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(VERSION, prog_name="profond")
def program() -> None:
    """Deep learning's classical families, on your own images, series, texts and videos.

    \b
    profond train lenet5                          train a recipe
    profond train --model lenet5 --data photos/   train a model on your folder
    profond finetune --model efficientnet_lite0 --data photos/
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 failed, 2 usage, 3 bad data, 4 missing, 5 device, 130 stopped.

    For a process that is ours alone: its signals, its streams and its memory are seen to. `run` does without.
    """
    signals.listen()
    streams.prepare()
    print_any_name()
    code = signals.INTERRUPTED
    # What torch has to say of a process that has gone we say in words; read when torch is imported.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    try:
        signals.working()
        from profond.core.allocator import keep_freed_memory

        keep_freed_memory()  # before torch asks for any
        code = run(arguments)
    except KeyboardInterrupt:  # before `run` could hear of it, or after
        _tell("stopped", None, code)
    signals.ending(code)
    sys.exit(code)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; errors become one message and an exit code."""
    try:
        words = list(sys.argv[1:] if arguments is None else arguments)
        result = program.main(words, prog_name="profond", standalone_mode=False)
        sys.stdout.flush()
        if signals.stopping():  # a library has swallowed it
            return _tell("stopped", None, 130)
        return result if isinstance(result, int) else 0
    except click.exceptions.Abort:
        return _tell("stopped", None, 130)
    except click.ClickException as error:
        message, _, help_line = error.format_message().partition("\nhelp: ")
        path = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "profond"
        return _tell(message[0].lower() + message[1:], help_line or f"`{path} --help` shows how", 2)
    except EndedTogether as error:
        return error.exit_code
    except ProfondError as error:
        if signals.swallowed() and not isinstance(error, Interrupted | StorageError):
            return _tell("stopped", None, 130)
        return _tell(error.message, error.help, error.exit_code)
    except KeyboardInterrupt:
        return _tell("stopped", None, 130)
    except SystemExit as error:  # click's, where the reader of `profond … | head` has gone
        return error.code if isinstance(error.code, int) else 1
    except BrokenPipeError:
        return 1
    except Exception as error:
        if signals.stopping():  # a library has made something else of it
            return _tell("stopped", None, 130)
        if out_of_memory(error):
            return _tell("out of memory", "use a smaller --batch-size, smaller images, or a smaller network", 5)
        if os.environ.get("PROFOND_TRACEBACK"):
            raise
        if isinstance(error, OSError) and error.errno is not None:
            return _tell_system_error(error)
        kind = type(error).__name__
        return _tell(f"{kind}: {error}", "this should not happen; PROFOND_TRACEBACK=1 shows where it did", 1)
    finally:
        _settle_output()


def _settle_output() -> None:
    """What standard output does not take after an error was told is let go."""
    try:
        sys.stdout.flush()
    except OSError:
        streams.let_go()


def _tell(message: str, help_line: str | None, code: int) -> int:
    click.echo(f"{click.style('error', fg='red')}: {message}", err=True, color=_colour())
    if help_line:
        click.echo(f"{click.style('help', fg='cyan')}: {help_line}", err=True, color=_colour())
    return code


_OF_THE_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EIO}


def _tell_system_error(error: OSError) -> int:
    """What the system refuses is no fault of the program: a path that cannot be used (3), or a disk that cannot (1)."""
    from profond.core.files import shortened

    path = shortened(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else ""
    where = f"{path}: " if path else ""
    full = error.errno in _OF_THE_DISK
    help_line = "look at the disk that it is on" if full else "check the path, and what may be done there"
    return _tell(f"{where}{error.strerror}", help_line, 1 if full else 3)


def _colour() -> bool:
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR")
