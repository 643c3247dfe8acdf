"""`profond serve`: trained runs and exported files answer over HTTP."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from profond.cli import register_verb
from profond.cli.options import DEVICE, OUT
from profond.server.command import SUFFIXES, engine_option, names_of, offered_file, options, settings_of, threads_of

if TYPE_CHECKING:
    from profond.runtime.served import Served
    from profond.server.hosted import Offered


@register_verb("serve", section="Use", line="Have runs and exported files answer over HTTP.")
@click.command()
@click.argument("words", nargs=-1, required=True, metavar="RUN|FILE...")
@engine_option("What computes exported files; auto takes the fastest that is installed. PyTorch computes runs.")
@click.option("--resize", is_flag=True, help="Convert pictures that do not have a run's size and channels.")
@options
@DEVICE
@OUT
def serve(
    words: tuple[str, ...],
    engine: str,
    resize: bool,
    names: tuple[str, ...],
    workers: int,
    threads: int,
    quiet: bool,
    device: str,
    out: str,
    **told: Any,
) -> None:
    """Have a RUN (a folder, a name, or `last`) or an exported FILE (.onnx, .xml) answer over HTTP, or several of them.

    Programs ask in the Open Inference Protocol at /v2; a picture, a CSV or a text alone is taken by POST /predict, or
    /predict/NAME of several. Metrics are at /metrics. It listens to this machine alone; with --host it listens to
    others too, who need the token. It ends with Ctrl-C or SIGTERM, once all requests under way are answered.

    \b
    profond serve last
    curl --data-binary @photo.jpg http://127.0.0.1:8000/predict
    profond serve last signs.onnx --name trained --name exported
    """
    settings = settings_of(**told)
    share = threads_of(threads, workers)
    runs = {word: _run_path(word, out, quiet) for word in words if not _is_file(word)}
    called = names_of([runs[word].name if word in runs else Path(word).stem for word in words], names)
    offered = [
        _offered_run(runs[word], name, device, share, resize)
        if word in runs
        else offered_file(Path(word).expanduser(), name, engine, share)
        for word, name in zip(words, called, strict=True)
    ]

    from profond.server.running import serve as answer  # not above: the help does without a server

    answer(offered, settings, workers=workers, quiet=quiet)


def _is_file(word: str) -> bool:
    path = Path(word).expanduser()
    return path.suffix.lower() in SUFFIXES and not path.is_dir()


def _run_path(reference: str, out: str, quiet: bool) -> Path:
    from profond.cli.find_run import find_run

    return find_run(reference, out, quiet=quiet).path


def _offered_run(path: Path, name: str, device: str, threads: int, resize: bool) -> Offered:
    from profond.server.hosted import Offered

    return Offered(name, partial(_opened, path, name, device, threads, resize))


def _opened(path: Path, name: str, device: str, threads: int, resize: bool) -> Served:
    from profond.serve.served_run import ServedRun  # not above: a server of files does without PyTorch

    return ServedRun(path, name, device, threads, resize)
