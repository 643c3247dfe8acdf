"""Networks out of Python: written beside, proved, and moved into place only then."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

from PIL import Image
from torch import nn

from profond.core.errors import ConfigError, StorageError, UnknownName, UsageError
from profond.core.files import make_folder, shortened, storage_errors, sync_folder
from profond.core.spec import Spec
from profond.export.formats import FORMATS, Format, format_of
from profond.export.leaving import Leaving, Source
from profond.export.lowered import Lowered, Own, check, lowered
from profond.export.openvino_file import Precision
from profond.export.verify import SAMPLES, TOLERANCE, Verified, verify
from profond.tasks.exportable import Exportable
from profond.tasks.task import Part, Task

PRECISIONS = ("fp32", *get_args(Precision))


@dataclass(frozen=True)
class Exported:
    """One file that stands, proved.

    Args:
        files: the one to be named, and what belongs to it.
        part: of several, its name.
        verified: what the proof found.
        lowered: what another arithmetic than fp32 changes, where the file is in one.
        inputs, outputs: their names and shapes, ``n`` the number of samples.
    """

    files: tuple[Path, ...]
    part: str
    verified: Verified
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    lowered: Lowered | None = None

    @property
    def path(self) -> Path:
        return self.files[0]

    def to_json(self) -> dict[str, Any]:
        return {
            "files": [str(file) for file in self.files],
            "part": self.part,
            "bytes": sum(file.stat().st_size for file in self.files),
            "inputs": list(self.inputs),
            "outputs": list(self.outputs),
            "verified": _proof(self.verified, self.lowered),
        }


def parts_of(task: Task, model: nn.Module, spec: Spec) -> Sequence[Part]:
    """The graphs of a network. Raises: ConfigError where it cannot leave Python, with the reason."""
    if not isinstance(task, Exportable):
        raise ConfigError(f"networks of the task {type(task).__name__} cannot leave Python", "use them from Python")
    return task.exported(model.cpu().eval(), spec)


def export_parts(
    parts: Sequence[Part],
    source: Source,
    out: Path,
    format: str = "onnx",
    *,
    own: Sequence[Image.Image] = (),
    precision: str = "fp32",
    data: Own | None = None,
    force: bool = False,
    samples: int = SAMPLES,
    tolerance: float = TOLERANCE,
    progress: Callable[[int], Any] = lambda count: None,
) -> list[Exported]:
    """A file for each part, all or none.

    Args:
        out: the file; of several parts, what stands before their names. The format's ending is added where it lacks.
        own: pictures of the data, for the proof.
        precision: of the format ``"openvino"``; ``"bf16"`` or ``"int8"``, to which the file is brought when it was
            proved in fp32.
        data: what it is then tried on, and what ``"int8"`` takes its ranges from.
        force: write over files that are there.
        samples: inputs that each part is proved on.
        tolerance: greatest difference.
        progress: called with the number of inputs that were compared.

    Raises: UsageError where a file is there already, or is named like one of another format, or for a precision that
    the format does not have; ConfigError for what the format cannot express; Unequal where the file gives other
    answers; StorageError. None of them leaves a file.
    """
    way, lower = format_of(format), lower_of(precision, format)
    ending = out.suffix.lower()
    if ending not in way.SUFFIXES and (others := [name for name in FORMATS if ending in format_of(name).SUFFIXES]):
        raise UsageError(
            f"{out.name} is named like a file of --format {others[0]}, and the format is {format}",
            f"add --format {others[0]}, or end the name in {way.SUFFIXES[0]}",
        )
    names = [_names(out, part.name if len(parts) > 1 else "", way) for part in parts]
    for files in names:
        for file in files:
            if os.path.lexists(file) and (not force or file.is_dir()):
                raise UsageError(f"{file} exists", "choose another name with --out, or add --force (force=True)")
    with _beside(out) as folder:
        done = []
        for part, files in zip(parts, names, strict=True):
            leaving, written = Leaving(part, source).eval(), folder / files[0].name
            if lower is not None:
                check(leaving, lower, data)
            with storage_errors(files[0]):
                way.write(leaving, written)
                found = verify(
                    leaving, way.engine(written, leaving), way.engine_name(), own, samples, tolerance, progress
                )
                less = None if lower is None else lowered(leaving, written, lower, data)
                way.describe(written, leaving.about(_proof(found, less)))
            inputs, outputs = (tuple(map(_said, some)) for some in (leaving.inputs, leaving.outputs))
            done.append(Exported(files, part.name, found, inputs, outputs, less))
        with storage_errors(out):
            for files in names:
                for file in files:
                    with (folder / file.name).open("rb+") as made:
                        os.fsync(made.fileno())
                    os.replace(folder / file.name, file)
            sync_folder(out.parent)
    return done


def lower_of(precision: str, format: str) -> Precision | None:
    """The arithmetic other than fp32; None for that. Raises: UnknownName, UsageError."""
    if precision not in PRECISIONS:
        raise UnknownName("precision", precision, PRECISIONS)
    if precision != "fp32" and format != "openvino":
        raise UsageError(
            f"the format {format} is in fp32, and {precision} is OpenVINO's", "add --format openvino, or leave it out"
        )
    return None if precision == "fp32" else cast(Precision, precision)


def _proof(verified: Verified, less: Lowered | None) -> dict[str, Any]:
    return verified.to_json() if less is None else {**verified.to_json(), "lowered": less.to_json()}


def _names(out: Path, part: str, way: Format) -> tuple[Path, ...]:
    first = way.SUFFIXES[0]
    stem = out.name.removesuffix(first) + (f".{part}" if part else "")
    return tuple(out.with_name(stem + suffix) for suffix in way.SUFFIXES)


def _said(one: Any) -> str:
    return f"{one.name}: {one.dtype} ({', '.join(['n', *map(str, one.shape)])})"


@contextmanager
def _beside(out: Path) -> Iterator[Path]:
    """A hidden folder beside a file, gone afterwards whatever happens. Raises: StorageError."""
    with storage_errors(out):
        make_folder(out.parent)
        try:
            folder = Path(tempfile.mkdtemp(dir=out.parent, prefix=".export-"))
        except PermissionError:
            raise StorageError(
                f"cannot write to {shortened(out.parent)}: permission denied", "choose a writable folder"
            ) from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
