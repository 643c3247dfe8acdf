"""A run is a folder of plain files that needs no server and no Python to read."""

from __future__ import annotations

import errno
import itertools
import json
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import profond
from profond.core.errors import ConfigError
from profond.core.files import make_folder, storage_errors, write_json, write_text

SCHEMA_VERSION = 1


class Run:
    """One training run's folder.

    ``run.json`` name, status, times · ``config.json`` everything needed to do it again · ``environment.json``
    · ``metrics.jsonl`` the truth, one object a line with ``step`` and ``split`` · ``checkpoints/{last,best}/``
    · ``model.safetensors labels.json preprocessing.json split.json evaluation.json README.md`` when it is done.
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
        if not run.path.is_dir():
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
        """One of the run's JSON objects. Raises: ConfigError when missing or damaged."""
        path = self.file(name)
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ConfigError(
                f"{self.path} has no {name}", "is it a run folder? `profond runs list` shows them"
            ) from None
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path} is damaged: {error}", "restore the file, or train again") from None
        if not isinstance(data, dict):
            raise ConfigError(f"{path} is damaged: not a JSON object", "restore the file, or train again")
        return data

    def write(self, name: str, data: Mapping[str, Any]) -> None:
        write_json(self.file(name), dict(data))

    @property
    def config(self) -> dict[str, Any]:
        return self.read("config.json")

    @property
    def state(self) -> dict[str, Any]:
        return self.read("run.json")

    def update(self, **fields: Any) -> None:
        """Change fields of ``run.json``, such as ``status``: created, running, interrupted, failed or done."""
        self._write_state({**self.state, **fields})

    def _write_state(self, fields: Mapping[str, Any]) -> None:
        write_json(self.file("run.json"), {"schema_version": SCHEMA_VERSION, **fields, "updated": _now()})

    def metrics(self) -> Iterator[dict[str, Any]]:
        """The lines of ``metrics.jsonl``; a last line cut short by a crash is passed over."""
        path = self.file("metrics.jsonl")
        if path.exists():
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                try:
                    yield json.loads(line)
                except json.JSONDecodeError:
                    return

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
        "profond": profond.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "packages": versions,
    }


def all_runs(root: Path | str) -> list[Run]:
    """Every run folder under ``root``, oldest first."""
    root = Path(root)
    if not root.is_dir():
        return []
    found = (path for path in root.iterdir() if not path.name.startswith("."))
    return [Run(path) for path in sorted(found) if (path / "run.json").exists()]


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
    return datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="seconds")
