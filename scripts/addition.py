"""Checks what was added, in less than a minute: style, types, imports, and the contract of what is registered there.

Called by scripts/check with files, or with `new`: what git does not have yet.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
import time
from pathlib import Path

from profond.core.errors import ProfondError
from profond.core.registration import registrations
from profond.core.registry import Registry

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "src" / "profond"
CONTRACTS = ROOT / "tests" / "contract"


def main(arguments: list[str]) -> int:
    files = new_files() if arguments == ["new"] else [Path(name).resolve() for name in arguments]
    if missing := [str(path) for path in files if not path.is_file()]:
        return told(f"there is no {', '.join(missing)}")
    python = [path for path in files if path.suffix == ".py"]
    if not python:
        return told("nothing was added: no Python file is new or changed" if arguments == ["new"] else "no Python file")
    try:
        names = {room: registered(room, python) for room in sorted(rooms(python))}
    except ProfondError as error:
        return told(str(error))
    for room, found in names.items():
        print(f"profond.{room}: {', '.join(found) or 'nothing is registered in these files'}", flush=True)
    sources = [str(path) for path in python if path.is_relative_to(SOURCES)]
    commands = [["ruff", "check", *map(str, python)], ["ruff", "format", "--check", *map(str, python)]]
    commands += [["mypy", *sources], ["lint-imports"]] if sources else []
    commands += [contract(room, found) for room, found in names.items() if found]
    return max([run(command) for command in commands], default=0)


def new_files() -> list[Path]:
    """Files that git does not have, or has otherwise."""
    listed = ["git", "-C", str(ROOT), "ls-files", "--others", "--modified", "--exclude-standard"]
    staged = ["git", "-C", str(ROOT), "diff", "--cached", "--name-only", "--diff-filter=d"]
    said = "".join(subprocess.run(one, capture_output=True, text=True, check=True).stdout for one in (listed, staged))
    return [ROOT / name for name in sorted(set(said.splitlines())) if (ROOT / name).is_file()]


def rooms(files: list[Path]) -> set[str]:
    """The folders of the sources in which files lie."""
    inside = [path.relative_to(SOURCES).parts for path in files if path.is_relative_to(SOURCES)]
    return {first for first, *others in inside if others}


def registered(room: str, files: list[Path]) -> list[str]:
    """What the files register in a room. Raises: ConfigError naming file and line."""
    registry = getattr(importlib.import_module(f"profond.{room}"), "registry", None)
    if not isinstance(registry, Registry):
        return []
    registry.names()  # a name that another file has too is told here
    inside = [path for path in files if path.is_relative_to(SOURCES / room)]
    modules = [".".join(path.relative_to(SOURCES.parent).with_suffix("").parts) for path in inside]
    return [
        entry.name
        for path, module in zip(inside, modules, strict=True)
        for entry in registrations(path, module, registry.package, registry.kind)
    ]


def contract(room: str, names: list[str]) -> list[str]:
    """The tests over everything registered in a room, of which those about these names are run."""
    folder = CONTRACTS / room
    tests = folder if folder.is_dir() else CONTRACTS / f"test_{room}.py"
    return ["pytest", "-q", "-m", "not slow and not full", str(tests), f"--about={','.join(names)}"]


def run(command: list[str]) -> int:
    began = time.monotonic()
    shown = [word.removeprefix(f"{ROOT}/") for word in command]
    print(f"\n{' '.join(shown)}", flush=True)
    program = [str(Path(sys.executable).with_name(command[0]))]
    code = subprocess.run([*program, *command[1:]], cwd=ROOT).returncode
    print(f"{'passed' if code == 0 else 'FAILED'} in {time.monotonic() - began:.0f} s", flush=True)
    return code


def told(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
