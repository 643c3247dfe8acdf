"""A run is a folder of plain files that needs no server and no Python to read."""

from __future__ import annotations

import contextlib
import errno
import itertools
import json
import os
import platform
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from profond.core.errors import ConfigError
from profond.core.files import make_folder, storage_errors, write_json, write_text
from profond.core.lock import held
from profond.core.version import VERSION

SCHEMA_VERSION = 1


class Run:
    """One training run's folder.

    ``run.json`` name, status, times · ``config.json`` everything needed to do it again · ``environment.json``
    · ``metrics.jsonl`` the truth, one object a line with ``step`` and ``split`` · ``checkpoints/{last,best,early}/``
    · ``model.safetensors spec.json preprocessing.json split.json evaluation.json README.md`` when it is done.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    @classmethod
    def create(cls, root: Path | str, name: str, config: Mapping[str, Any]) -> Run:
        """A new folder ``root/<time>-<name>``; appears whole, with its config, or not at all."""
        root = Path(root)
        stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
        with storage_errors(root):
            make_folder(root)
            beside = Path(tempfile.mkdtemp(dir=root, prefix=f".{stamp}-{name}-", suffix=".tmp"))
            try:
                beside.chmod(0o755)
                draft = cls(beside)
                write_json(draft.file("config.json"), dict(config))
                write_json(draft.file("environment.json"), environment())
                draft._write_state({"name": name, "status": "created", "created": _now()})
                for attempt in range(1, 1000):
                    path = root / (f"{stamp}-{name}" if attempt == 1 else f"{stamp}-{name}-{attempt}")
                    if _move_to_free(beside, path):
                        return cls(path)
            finally:
                shutil.rmtree(beside, ignore_errors=True)
        raise ConfigError(f"no free folder name under {root}")

    @classmethod
    def open(cls, path: Path | str) -> Run:
        """An existing run. Raises: ConfigError when the folder is not one, or is damaged."""
        run = cls(path)
        try:
            is_folder = run.path.is_dir()
        except OSError as error:  # a path too long, one that may not be looked at
            raise ConfigError(f"{path} cannot be opened: {error.strerror}", "check the path") from None
        if not is_folder:
            raise ConfigError(f"{path} is not a folder", "`profond runs list` shows the runs")
        for name in ("run.json", "config.json"):
            run.read(name)
        return run

    @property
    def name(self) -> str:
        return self.path.name

    def file(self, name: str) -> Path:
        return self.path / name

    def read(self, name: str) -> dict[str, Any]:
        """One of the run's JSON objects, as it was written. Raises: ConfigError when missing or damaged."""
        from profond.core.records import parse, read_text

        path = self.file(name)
        try:
            return parse(read_text(path), path.name)
        except FileNotFoundError:
            raise ConfigError(
                f"{self.path} has no {name}", "is it a run folder? `profond runs list` shows them"
            ) from None
        except ValueError as error:
            raise ConfigError(f"{path} is damaged: {error}", "restore the file, or train again") from None

    def holds(self, name: str) -> bool:
        """Whether the run has such a file, damaged or not."""
        return os.path.lexists(self.file(name))

    def write(self, name: str, data: Mapping[str, Any]) -> None:
        write_json(self.file(name), dict(data))

    @property
    def config(self) -> dict[str, Any]:
        return self.read("config.json")

    @property
    def state(self) -> dict[str, Any]:
        return self.read("run.json")

    def held(self, doing: str) -> AbstractContextManager[None]:
        """For whoever writes into the run: no other process does so meanwhile.

        Args:
            doing: such as ``"training"``, for those who come too late.

        Raises: ConfigError that says which process holds it.
        """
        return held(self.path, doing)

    def update(self, **fields: Any) -> None:
        """Change fields of ``run.json``, such as ``status``: created, running, interrupted, failed or done."""
        self._write_state({**self.state, **fields})

    def _write_state(self, fields: Mapping[str, Any]) -> None:
        write_json(self.file("run.json"), {"schema_version": SCHEMA_VERSION, **fields, "updated": _now()})

    def metrics(self) -> Iterator[dict[str, Any]]:
        """The lines of ``metrics.jsonl``; a last line cut short by a crash is passed over.

        Raises: ConfigError for a line that is no record of ours.
        """
        from profond.core.records import parse, read_text

        path = self.file("metrics.jsonl")
        try:
            lines = read_text(path, "replace").split("\n")
        except FileNotFoundError:
            return
        except ValueError as error:
            raise ConfigError(f"{path} is damaged: {error}", "restore the file, or train again") from None
        for number, line in enumerate(lines, 1):
            if not line and number == len(lines):
                return
            try:
                yield parse(line, path.name)
            except ValueError as error:
                if number == len(lines):  # it never got its end
                    return
                raise ConfigError(f"{path} is damaged: line {number}: {error}", "restore it, or train again") from None

    def append_metrics(self, record: Mapping[str, Any]) -> None:
        path = self.file("metrics.jsonl")
        with storage_errors(path), path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record, ensure_ascii=False) + "\n")

    def rewind_metrics(self, lines: int) -> None:
        """Keep the first ``lines`` records: a resumed run will make the later ones again."""
        kept = [json.dumps(line, ensure_ascii=False) for line in itertools.islice(self.metrics(), lines)]
        write_text(self.file("metrics.jsonl"), "".join(line + "\n" for line in kept))


def environment() -> dict[str, Any]:
    """Versions and machine, without importing any of them."""
    versions: dict[str, str | None] = {}
    for package in ("torch", "lightning-fabric", "torchmetrics", "numpy", "pillow", "safetensors"):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = None
    return {
        "profond": VERSION,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "packages": versions,
    }


def all_runs(root: Path | str) -> list[Run]:
    """Every run folder under ``root``, damaged ones too, oldest first.

    Age is what ``run.json`` says. A copy says the same as its original, which counts as the newer of the two: it is
    the one whose folder has the name that it was made with. Raises: ConfigError when ``root`` cannot be read.
    """
    root = Path(root)
    try:
        if not root.is_dir():
            return []
        found = [Run(path) for path in root.iterdir() if not path.name.startswith(".")]
    except OSError as error:
        raise ConfigError(f"{root} cannot be read: {error.strerror}", "check its permissions") from None
    return sorted((run for run in found if _is_run(run)), key=_age)


def _is_run(run: Run) -> bool:
    try:
        os.lstat(run.file("run.json"))
    except PermissionError:  # it cannot be looked into, so it is shown as damaged
        return True
    except OSError:
        return False
    return True


def _age(run: Run) -> tuple[float, bool, int, str]:
    """Sorts runs by the time when they were made; damaged ones by that in their name, or first."""
    name, created = run.name, 0.0
    with contextlib.suppress(ValueError, OverflowError):
        created = datetime.strptime(name[:15], "%Y%m%d-%H%M%S").timestamp()
    recorded = ""
    with contextlib.suppress(ConfigError, ValueError, OverflowError):
        state = run.state
        recorded = state.get("name") or ""
        created = datetime.fromisoformat(state.get("created") or "").timestamp()
    own = re.fullmatch(rf"\d{{8}}-\d{{6}}-{re.escape(recorded)}(-\d+)?", name) is not None
    return created, own, -len(name), name


def _move_to_free(folder: Path, path: Path) -> bool:
    """Rename, unless something is there; another process may take the name at the same moment."""
    if path.exists():
        return False
    try:
        os.rename(folder, path)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            return False
        raise
    return True


def _now() -> str:
    return datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="microseconds")
