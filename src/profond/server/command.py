"""The command `profond-serve`: exported files answer over HTTP, where PyTorch is not installed."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from profond.core.errors import MissingError, ProfondError, StorageError, UsageError
from profond.core.version import VERSION

if TYPE_CHECKING:
    from profond.runtime.served import Served
    from profond.server.hosted import Offered
    from profond.server.settings import Settings

SUFFIXES = (".onnx", ".xml")
"""Of exported files."""
TOKEN = "PROFOND_TOKEN"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
Command = TypeVar("Command", bound=Callable[..., Any])


def engine_option(
    words: str = "What computes; auto takes the fastest that is installed.",
) -> Callable[[Command], Command]:
    """``--engine`` of whatever opens exported files.

    Args:
        words: its help.
    """
    choice = click.Choice(["auto", "onnx", "openvino"])
    return click.option("--engine", type=choice, default="auto", show_default=True, help=words)


def options(command: Command) -> Command:
    """What both `profond serve` and `profond-serve` may be told."""
    many = partial(click.option, multiple=True)
    for option in reversed(
        (
            many(
                "--name",
                "names",
                metavar="NAME",
                help="What a model is called in addresses; one for each, in their order.",
            ),
            click.option(
                "--host",
                default="127.0.0.1",
                show_default=True,
                help="Address to listen at; 127.0.0.1 is for this machine alone, others need a token.",
            ),
            click.option(
                "--port",
                type=click.IntRange(0, 65535),
                default=8000,
                show_default=True,
                help="Where to listen; 0 takes a free one.",
            ),
            click.option(
                "--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes that answer."
            ),
            click.option(
                "--threads", type=click.IntRange(0), default=0, help="Threads that compute one batch; 0: all cores."
            ),
            click.option(
                "--token-file",
                type=click.Path(dir_okay=False, path_type=Path),
                help=f"Holds the token that is asked of clients; or set {TOKEN}.",
            ),
            many(
                "--allowed-host",
                "hosts",
                metavar="NAME",
                help="A name by which clients may call the server; * allows any.",
            ),
            many("--cors", "origins", metavar="ORIGIN", help="Web pages that may ask, such as https://example.org."),
            click.option(
                "--queue",
                type=click.IntRange(1),
                default=256,
                show_default=True,
                help="Samples that may wait; more get 503.",
            ),
            click.option(
                "--seconds",
                type=click.FloatRange(0.1),
                default=30.0,
                show_default=True,
                help="Time that a request may take.",
            ),
            click.option(
                "--body",
                type=click.IntRange(1),
                default=64,
                show_default=True,
                help="Megabytes that a request may have.",
            ),
            click.option("--quiet", is_flag=True, help="No line for each request."),
        )
    ):
        command = option(command)
    return command


def settings_of(
    host: str,
    port: int,
    token_file: Path | None,
    hosts: Sequence[str],
    origins: Sequence[str],
    queue: int,
    seconds: float,
    body: int,
) -> Settings:
    """Raises: UsageError for what would leave the server open; StorageError for a token that cannot be read."""
    from profond.server.settings import MEGABYTE, Settings

    return Settings(
        host=host,
        port=port,
        token=_token(token_file),
        allowed_hosts=tuple(hosts),
        origins=tuple(origin.rstrip("/") for origin in origins),
        queue=queue,
        seconds=seconds,
        body_bytes=body * MEGABYTE,
    )


def names_of(defaults: Sequence[str], given: Sequence[str]) -> list[str]:
    """The name of each model. Raises: UsageError where two are one, or one cannot stand in an address."""
    if len(given) > len(defaults):
        raise UsageError(f"{len(given)} names for {len(defaults)} models", "give one --name for each, in their order")
    found = [
        *given,
        *(re.sub(r"[^A-Za-z0-9_.-]", "-", name).lstrip(".-") or "model" for name in defaults[len(given) :]),
    ]
    for name in found:
        if not _NAME.fullmatch(name):
            raise UsageError(f"{name!r} cannot be a model's name", "use letters, digits, dots, - and _")
        if found.count(name) > 1:
            raise UsageError(f"two models are called {name!r}", "tell them apart with --name NAME --name OTHER")
    return found


def offered_file(path: Path, name: str, engine: str, threads: int) -> Offered:
    """An exported file that is to be served. Raises: MissingError; UsageError for a file of another kind."""
    from profond.server.hosted import Offered

    if not path.is_file():
        raise MissingError(f"{path} is not a file", "`profond export RUN` makes one")
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{path} is not an exported file by its name", f"such files end in {' or '.join(SUFFIXES)}")
    return Offered(name, partial(_opened, path, name, engine, threads))


def _opened(path: Path, name: str, engine: str, threads: int) -> Served:
    from profond.runtime.exported import ExportedFile

    return ExportedFile(path, engine, threads, name)  # type: ignore[arg-type]


def threads_of(threads: int, workers: int) -> int:
    """For each of several processes its share of the cores."""
    return max(1, len(os.sched_getaffinity(0)) // workers) if threads == 0 and workers > 1 else threads


def _token(file: Path | None) -> str | None:
    if file is None:
        return os.environ.get(TOKEN) or None
    try:
        text = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"the token cannot be read from {file}: {error}", "write it there in one line") from None
    if not text:
        raise UsageError(f"{file} is empty", "write the token there in one line")
    return text


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@engine_option()
@options
@click.version_option(VERSION, prog_name="profond-serve")
def profond_serve(
    paths: tuple[Path, ...],
    engine: str,
    names: tuple[str, ...],
    workers: int,
    threads: int,
    quiet: bool,
    **told: Any,
) -> None:
    """Have exported FILEs (.onnx, .xml) answer over HTTP: the Open Inference Protocol, and a plain POST of a file.

    `profond-serve predict FILE INPUT...` answers at once, without a server.

    \b
    profond-serve signs.onnx
    curl --data-binary @photo.jpg http://127.0.0.1:8000/predict
    """
    settings = settings_of(**told)
    share = threads_of(threads, workers)
    called = names_of([path.stem for path in paths], names)
    offered = [offered_file(path, name, engine, share) for path, name in zip(paths, called, strict=True)]

    from profond.server.running import serve  # not above: wrong words are answered before a server is imported

    serve(offered, settings, workers=workers, quiet=quiet)


def main() -> None:
    """The entry point of `profond-serve`."""
    try:
        profond_serve.main(prog_name="profond-serve")
    except ProfondError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
