"""Items run one after the other; each is kept as soon as it is finished."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from profond.core.errors import Interrupted, ProfondError, StorageError
from profond.lecture import registry
from profond.lecture.outcome import Item, Options
from profond.lecture.results import check_writable, save_result


def run_items(names: Sequence[str], options: Options, folder: Path) -> Iterator[dict[str, Any]]:
    """Run items and give each result as it was kept.

    An item that fails does not keep the others from running; the first error is raised at the end.

    Raises: UnknownName, StorageError, Interrupted, and whatever an item raises.
    """
    items: list[tuple[str, Item]] = [(name, registry.load(name)) for name in names]
    check_writable(folder)
    failed: Exception | None = None
    for name, item in items:
        began = time.monotonic()
        try:
            outcome = item(options)
            seconds = time.monotonic() - began
            command = command_of(name, options)
            result = save_result(folder, name, outcome, seconds=seconds, command=command, quick=outcome.shortened)
        except (Interrupted, StorageError):  # the next item would end the same way
            raise
        except Exception as error:
            reason = error.message if isinstance(error, ProfondError) else f"{type(error).__name__}: {error}"
            options.say(f"{name} could not be run: {reason}")
            failed = failed or error
            continue
        yield result
    if failed is not None:
        raise failed


def command_of(name: str, options: Options) -> str:
    """What to type to do it again."""
    import shlex

    words = ["profond", "lecture", "run", name]
    words += ["--quick"] if options.quick else []
    words += ["--seeds", str(options.seeds)] if options.seeds is not None else []
    if options.image is not None and registry.entry(name).config.get("takes_image"):
        words += ["--image", str(options.image)]
    for flag in ("device", "precision"):
        value = getattr(options, flag)
        words += [f"--{flag}", value] if value != "auto" else []
    return shlex.join(words)
