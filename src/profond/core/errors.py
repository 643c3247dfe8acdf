"""One tree of errors; each knows its exit code and says what to do.

ProfondError                     1   something failed
├── UsageError                   2   the command was not understood
│   └── UnknownName              2   no such model, data set, recipe, option value
├── DataError (ValueError)       3   the data cannot be used
│   └── ImageError               3   one image cannot be used
├── ConfigError (ValueError)     3   a setting, a run folder or a checkpoint cannot be used
├── MissingError                 4   data, weights or an optional package is not here
├── DeviceError                  5   device absent, or out of memory
├── NonFiniteLoss                1   the loss became infinite or not a number
├── Unequal                      1   what was exported gives other answers than the network
├── StorageError (OSError)       1   a disk, a path or standard output does not take what is written to it
├── Interrupted                130   stopped by Ctrl-C, SIGTERM or SIGHUP; a training's checkpoint is saved
└── EndedTogether                1   another process of the same training has failed, and has said why; its exit code
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ProfondError(Exception):
    """What is wrong, and one line of help.

    Args:
        message: what is wrong and what was received.
        help: what to do about it, without the leading ``help:``.
    """

    exit_code = 1

    def __init__(self, message: str, help: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.help = help

    def __str__(self) -> str:
        return self.message if self.help is None else f"{self.message}\nhelp: {self.help}"


class UsageError(ProfondError):
    exit_code = 2


class UnknownName(UsageError):
    """A name that nothing carries; suggests the nearest known one.

    Args:
        kind: what was looked for, such as ``"model"``.
        name: what was received.
        known: every name that would have been accepted.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str], help: str | None = None) -> None:
        self.known = sorted(known)
        super().__init__(f"unknown {kind} {name!r}", help or suggest(name, self.known))


class DataError(ProfondError, ValueError):
    exit_code = 3


class ImageError(DataError):
    pass


class ConfigError(ProfondError, ValueError):
    exit_code = 3


class MissingError(ProfondError):
    exit_code = 4


class DeviceError(ProfondError):
    exit_code = 5


class NonFiniteLoss(ProfondError):
    pass


class Unequal(ProfondError):
    pass


class StorageError(ProfondError, OSError):
    # NOTE OSError formats itself from errno; ours keeps the message and the help line.
    __str__ = ProfondError.__str__


class Interrupted(ProfondError):
    exit_code = 130


class EndedTogether(ProfondError):
    """Another process of the same training has failed; it has told, so this one need not.

    Args:
        message: what that one said.
        exit_code: its exit code.
    """

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def out_of_memory(error: BaseException) -> bool:
    """Whether an error of Python's or of torch's, which has a kind of its own on GPUs only, says so."""
    text = str(error)
    reports_memory = "out of memory" in text or "can't allocate memory" in text or "not enough memory" in text
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and reports_memory)


def suggest(name: str, known: Iterable[str]) -> str:
    """The help line for a mistyped name: the nearest known one, or the list when it is short."""
    known = sorted(known)
    if near := nearest(name, known):
        return near
    if not known:
        return "none is known"
    return "known: " + ", ".join(known[:_SHOWN]) + (" …" if len(known) > _SHOWN else "")


def nearest(name: str, known: Iterable[str]) -> str | None:
    """``did you mean 'epochs'?``, where a known name is so near that it may have been meant.

    A short name has many others near it by chance: ``foo`` shares half its letters with ``pool``.
    """
    lowered = {other.lower(): other for other in sorted(known)}
    near = difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=0.65 if len(name) < 6 else 0.6)
    return f"did you mean {lowered[near[0]]!r}?" if near else None


_SHOWN = 30
