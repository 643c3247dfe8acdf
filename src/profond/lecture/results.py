"""What an item leaves in the report's folder: ``L3/result.json`` and its pictures, whole or not at all."""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from profond.core.errors import ConfigError, StorageError
from profond.core.files import make_folder, storage_errors, write_bytes, write_json
from profond.core.version import VERSION
from profond.lecture.words import LANGUAGES, WIDE, Words

SCHEMA_VERSION = 1
RESULT = "result.json"
NEEDED = {"holds", "quick", "claims", "tables", "figures", "used", "seconds", "command", "profond", "finished"}


def save_result(folder: Path, item: str, outcome: Any, *, seconds: float, command: str, quick: bool) -> dict[str, Any]:
    """Write an item's outcome to ``folder/<item>``; an earlier one is replaced as a whole.

    Returns: the result as it was written.

    Raises: StorageError; the earlier result stays.
    """
    target = folder / item
    draft, old = folder / f".{item}-{os.getpid()}.tmp", folder / f".{item}.old"
    _restore(folder, item)
    with storage_errors(target):
        draft.mkdir(parents=True, exist_ok=True)
        try:
            figures = []
            for picture in outcome.pictures:
                drawn = {language: png(picture.draw(Words(language))) for language in LANGUAGES}
                if len(set(drawn.values())) == 1:  # no words in it
                    files = dict.fromkeys(drawn, f"{picture.name}.png")
                else:
                    files = {language: f"{picture.name}.{language}.png" for language in drawn}
                for language, file in files.items():
                    write_bytes(draft / file, drawn[language])
                figures.append({"name": picture.name, "files": files})
            result = _result(item, outcome, figures, seconds, command, quick)
            write_json(draft / RESULT, result)
            if target.exists():
                os.rename(target, old)
            os.rename(draft, target)
        finally:
            _restore(folder, item)
            shutil.rmtree(draft, ignore_errors=True)
            shutil.rmtree(old, ignore_errors=True)
    return result


def read(folder: Path, item: str) -> dict[str, Any] | None:
    """An item's result, or None where there is none. Raises: ConfigError when it is damaged."""
    path = folder / item / RESULT
    if not path.exists():
        path = folder / f".{item}.old" / RESULT  # stopped between two renames: the next run puts it back
    try:
        result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if result["schema_version"] != SCHEMA_VERSION or result["item"] != item:
            raise ValueError("made by another version")
        if missing := NEEDED - set(result):
            raise ValueError(f"{min(missing)} is missing")
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path} is damaged: {error}", f"make it again: profond lecture run {item}") from None
    return {**result, "folder": str(path.parent)}


def seeds_of(result: Mapping[str, Any]) -> int | None:
    """How many seeds each network was trained with; None where nothing was trained."""
    seeds = result["used"].get("seeds")
    return None if seeds is None else int(seeds["value"])


def status(result: Mapping[str, Any] | None, words: Words) -> tuple[str, str]:
    """Whether an item holds, and on what that rests: a short version is never told apart by its verdict alone.

    Returns: such as ``("holds", "short version, 2 seeds")``; the second is empty for a full run that trains nothing.
    """
    if result is None:
        return words("page.missing"), ""
    terms = [words("page.short")] if result["quick"] else []
    if (seeds := seeds_of(result)) is not None:
        terms.append(f"{words.number(seeds, 0)}{WIDE}{words.form('seed', seeds)}")
    return words("page.holds" if result["holds"] else "page.fails"), ", ".join(terms)


def picture_bytes(result: Mapping[str, Any], file: str) -> bytes:
    """One picture of a result. Raises: ConfigError when it is missing."""
    path = Path(result["folder"]) / Path(file).name
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read: {error.strerror}", f"make it again: profond lecture run {result['item']}"
        ) from None


def png(figure: Any) -> bytes:
    """A Matplotlib figure as the bytes of a PNG file, the same bytes for the same figure."""
    written = io.BytesIO()
    figure.savefig(written, format="png", metadata={"Software": None})
    return written.getvalue()


def check_writable(folder: Path) -> None:
    """Raises: StorageError where results could not be kept; better before an hour of training than after."""
    make_folder(folder)
    if not os.access(folder, os.W_OK):
        raise StorageError(f"cannot write to {folder}: permission denied", "choose another folder with --out")


def _result(
    item: str, outcome: Any, figures: list[dict[str, Any]], seconds: float, command: str, quick: bool
) -> dict[str, Any]:
    def plain(values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value.to_json() for name, value in values.items()}

    return {
        "schema_version": SCHEMA_VERSION,
        "item": item,
        "holds": outcome.holds,
        "quick": quick,
        "claims": [
            {
                "name": claim.name,
                "holds": None if claim.holds is None else bool(claim.holds),
                "aside": claim.aside,
                "values": plain(claim.values),
            }
            for claim in outcome.claims
        ],
        "tables": [
            {
                "name": table.name,
                "columns": list(table.columns),
                "rows": [[value.to_json() for value in row] for row in table.rows],
            }
            for table in outcome.tables
        ],
        "figures": figures,
        "used": plain(outcome.used),
        "measured": dict(outcome.measured),
        "seconds": seconds,
        "command": command,
        "profond": VERSION,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _restore(folder: Path, item: str) -> None:
    """Undo a replacement that was stopped between its two renames."""
    target, old = folder / item, folder / f".{item}.old"
    if old.exists() and not target.exists():
        os.rename(old, target)
