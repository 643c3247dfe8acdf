"""Pictures that `profond translate` is given, and the files that become of them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from profond.cli.inputs import Inputs, input_of, report_refused, shown_name, tell_refused
from profond.cli.output import print_json, progress_bar, say
from profond.core.errors import DataError, ProfondError, UsageError

if TYPE_CHECKING:
    from profond.explain.draw.pairs import Pair
    from profond.serve.predictor import Predictor
    from profond.serve.translator import Translated, Translator

_ADDED = "-translated"


@dataclass(frozen=True)
class Job:
    """A picture to be read, and the file to be written."""

    source: Path
    target: Path


def translate_pictures(
    predictor: Predictor,
    name: str,
    words: Sequence[str],
    *,
    out: Path | None,
    direction: str | None,
    sheet: Path | None,
    overwrite: bool,
    tile: int | None,
    as_json: bool,
    quiet: bool,
    start: float,
) -> None:
    """A file for each picture. Raises: DataError for pictures that could not be done, after the others."""
    from profond.serve.translator import Translator

    if not words:
        raise UsageError("no pictures were given", "name files, a folder, or - for standard input")
    if sheet is not None and sheet.exists() and not overwrite:
        raise UsageError(f"{sheet} is there already", "--overwrite replaces it, or name another with --sheet")
    translator = Translator.of(predictor, direction, tile=tile)
    failed: list[tuple[str, ProfondError]] = []
    written: list[dict[str, Any]] = []
    pairs: list[Pair] = []
    notes = Counter[str]()
    with input_of("images", tuple(words)) as given:
        jobs = list(_jobs(given, words, out))
        if not jobs:
            raise DataError("all pictures in what was given were translated here before", "name other pictures")
        refuse = report_refused(given.names, failed)
        one = len(jobs) == 1
        with progress_bar(100 if one else len(jobs), "translate", "%" if one else " pictures", hidden=quiet) as advance:
            for job in jobs:
                shown = shown_name(str(job.source), given.names)
                try:
                    share = (lambda part: advance(100 * part)) if one else None
                    done, said = _translated(translator, job, overwrite, share)
                except ProfondError as error:
                    refuse(str(job.source), error)
                else:
                    notes.update(said)
                    written.append(_row(done, shown, job))
                    _keep(pairs, done, shown, wanted=sheet is not None)
                    if not as_json:
                        click.echo(f"{shown}\t{job.target}")
                if not one:
                    advance(1)
    failed += given.blocked
    if sheet is not None and pairs:
        _draw(pairs, len(written), sheet, translator, name)
        say(f"sheet: {sheet}", quiet)
    if as_json:
        before, after = translator.names
        print_json(
            "translate",
            run=name,
            direction=translator.direction,
            before=before,
            after=after,
            pictures=written,
            refused=[{"source": source, "error": error.message} for source, error in failed],
            passed_over=given.to_json(),
            **({} if sheet is None else {"sheet": str(sheet) if pairs else None}),
            seconds=round(time.perf_counter() - start, 3),
        )
    given.tell(quiet)
    if not quiet:
        for note, count in notes.items():
            click.echo(f"note: {count} picture{'' if count == 1 else 's'}: {note}", err=True)
    tell_refused(failed, len(jobs), "pictures")


def _jobs(given: Inputs, words: Sequence[str], out: Path | None) -> Iterator[Job]:
    """Where each picture goes; a folder's below one folder, at their places in it.

    Raises: UsageError for one file that several pictures would be written to, or of a kind that is not written.
    """
    from profond.data.images.formats import SUFFIXES
    from profond.serve.translator import check_name

    paths = [path for path in given.paths if isinstance(path, Path)]
    if out is not None and out.suffix.lower() in SUFFIXES and not out.is_dir():
        check_name(out)
        if len(paths) != 1:
            raise UsageError(f"{len(paths)} pictures were given, and --out {out} is one file", "name a folder")
        yield Job(paths[0], out)
        return
    folders = [Path(word).expanduser() for word in words if Path(word).expanduser().is_dir()]
    taken: set[Path] = set()
    for path in paths:
        root = next((folder for folder in folders if path.is_relative_to(folder)), None)
        below = Path() if root is None else path.relative_to(root).parent
        top = out if out is not None else Path() if root is None else Path(f"{root.resolve().name}{_ADDED}")
        if root is not None and path.resolve().is_relative_to(top.resolve()) and top.resolve() != root.resolve():
            continue  # what an earlier call wrote into the folder that is read
        target = top / below / f"{path.stem}{_ADDED}.png"
        number = 2
        while target in taken:  # photo.jpg and photo.png
            target = top / below / f"{path.stem}{_ADDED}-{number}.png"
            number += 1
        taken.add(target)
        yield Job(path, target)


def _translated(translator: Translator, job: Job, overwrite: bool, progress: Any) -> tuple[Translated, list[str]]:
    """Done and written, and notes. Raises: ProfondError."""
    import os

    from profond.serve.translator import write

    if os.path.lexists(job.target):
        if job.target.exists() and job.source.exists() and job.target.samefile(job.source):
            raise DataError(f"{job.target} is the picture that is read", "name another file with --out")
        if not overwrite:
            raise DataError(
                f"{job.target} is there already, and {job.source} was not translated",
                "--overwrite replaces it, --out names another place",
            )
    done = translator.translate(job.source, progress=progress or (lambda share: None))
    tiles = [] if done.tiles == 1 else [f"done in {done.tiles} tiles, with the result that it has as a whole"]
    return done, [*done.notes, *tiles, *write(done, job.target)]


def _row(done: Translated, name: str, job: Job) -> dict[str, Any]:
    width, height = done.after.size
    row: Mapping[str, Any] = {"source": name, "written": str(job.target), "width": width, "height": height}
    return {**row, "tiles": done.tiles}


def _keep(pairs: list[Pair], done: Translated, name: str, *, wanted: bool) -> None:
    """A small copy for the sheet, as long as there is room on it."""
    if not wanted:
        return
    from profond.explain.draw.pairs import MOST, Pair

    if len(pairs) < MOST:
        pairs.append(Pair(Path(name).name, done.before, done.after).small())


def _draw(pairs: Sequence[Pair], total: int, sheet: Path, translator: Translator, name: str) -> None:
    from profond.explain.draw.drawing import save_figure
    from profond.explain.draw.pairs import draw_pairs

    before, after = translator.names
    left_out = "" if total == len(pairs) else f" The first {len(pairs)} of {total} are shown."
    save_figure(draw_pairs(pairs, f"{before} to {after}", (before, after), f"By {name}.{left_out}"), sheet)
