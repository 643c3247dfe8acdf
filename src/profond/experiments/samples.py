"""What a network makes while it learns: pictures in the run's folder, a film of them, and what goes wrong in words."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import nn

from profond.core.device import device_of
from profond.core.errors import ImageError
from profond.core.files import write_bytes
from profond.core.randomness import seed_here
from profond.core.run import Run
from profond.data.images.decoding import open_image
from profond.measures.film import check_film, write_film
from profond.nn.modes import evaluating
from profond.tasks.task import Averaged, Show
from profond.training.observers import Progress, tell_warning

if TYPE_CHECKING:
    from PIL.Image import Image

PICTURES = 20
"""Of a training, where nobody says how many steps lie between two."""
_NAME = re.compile(r"step_(\d{6,})\.png")


class Samples:
    """Writes ``samples/step_000500.png`` every few steps, ``samples/real.png`` beside them, and a film at the end.

    The pictures are of the model that is kept, in eval mode; the training has the same bits with them and without. A
    run that goes on draws again what it had drawn beyond its checkpoint, and nothing else. What cannot be written is
    said once, and the training goes on without it.

    Args:
        run: its folder.
        show: what is drawn.
        every: steps from one picture to the next; None makes about `PICTURES`. The first and the last step have one in
            any case.
        film: the kind of the film.
        warn: told what goes wrong, each symptom once in a run; ``run.json`` keeps it too.

    Raises: MissingError where such a film cannot be written here.
    """

    def __init__(
        self,
        run: Run,
        show: Show,
        *,
        every: int | None = None,
        film: Literal["gif", "mp4"] = "gif",
        warn: Callable[[str], None] = tell_warning,
    ) -> None:
        self.run, self.show, self.every, self.warn = run, show, every, warn
        self.folder = run.file("samples")
        self.film = self.folder / f"film.{film}"
        check_film(self.film)
        self._means: dict[str, float] = {}
        self._stopped = False

    def started(self, progress: Progress) -> None:
        with self._going_on_without():
            for step, path in self._drawn():
                if step > progress.step:  # of a course that a kill cut off: drawn again when it comes there
                    path.unlink()
            self._write(self.folder / "real.png", self.show.real)
            if self._due(progress) and progress.step not in dict(self._drawn()):
                self._draw(progress)

    def stepped(self, progress: Progress) -> None:
        if self._stopped or not self._due(progress) or not _is_finite(progress.kept):
            return  # a network that is not finite is the loop's to tell
        with self._going_on_without():
            self._draw(progress)
            kept, live, found = progress.kept, progress.model, list[str]()
            with _looked_at(kept), _looked_at(live):
                if live is not kept and isinstance(self.show, Averaged):
                    found += self.show.lag(kept, live)
                found += self.show.symptoms(kept, self._means)
            self._tell(found)

    def logged(self, progress: Progress, record: Mapping[str, Any]) -> None:
        if record["split"] == "train":
            self._means = {name: value for name, value in record.items() if isinstance(value, float)}

    def finished(self, progress: Progress) -> None:
        """The film, of a training that was stopped too: of what there is until then."""
        if self._stopped:
            return
        with self._going_on_without():
            drawn = self._drawn()
            frames = [open_image(path).image for _, path in drawn]
            if frames:
                write_film(self.film, frames, [f"step {step:,} of {progress.total_steps:,}" for step, _ in drawn])

    def _due(self, progress: Progress) -> bool:
        every = self.every or steps_between(progress.total_steps)
        return progress.step % every == 0 or progress.step == progress.total_steps

    def _drawn(self) -> list[tuple[int, Path]]:
        """Steps that have a picture, in order."""
        if not self.folder.is_dir():
            return []
        names = ((_NAME.fullmatch(path.name), path) for path in self.folder.iterdir())
        return sorted((int(name[1]), path) for name, path in names if name is not None)

    def _draw(self, progress: Progress) -> None:
        with _looked_at(progress.kept):
            picture = self.show.picture(progress.kept)
        self._write(self.folder / f"step_{progress.step:06}.png", picture)

    def _write(self, path: Path, picture: Image) -> None:
        buffer = io.BytesIO()
        picture.save(buffer, "PNG")
        write_bytes(path, buffer.getvalue())

    def _tell(self, found: list[str]) -> None:
        """What was not said before, in this part of the run or in an earlier one."""
        said = self.run.state.get("warnings", [])
        before = {text.partition(":")[0] for text in said}
        new = [text for text in found if text.partition(":")[0] not in before]
        for text in new:
            self.warn(text)
        if new:
            self.run.update(warnings=[*said, *new])

    @contextlib.contextmanager
    def _going_on_without(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ImageError) as error:
            self._stopped = True
            self.warn(f"no more pictures are written to {self.folder}: {getattr(error, 'message', None) or error}")


def steps_between(total: int, pictures: int = PICTURES) -> int:
    """A round number of steps that gives so many pictures at most, and half as many at least: 1, 2 or 5 times 10ⁿ."""
    tens = 1
    while 5 * tens * pictures < total:
        tens *= 10
    return next(factor * tens for factor in (1, 2, 5) if factor * tens * pictures >= total)


def _is_finite(model: nn.Module) -> bool:
    return all(bool(torch.isfinite(parameter).all()) for parameter in model.parameters())


@contextlib.contextmanager
def _looked_at(model: nn.Module) -> Iterator[None]:
    """In eval mode and without gradients; afterwards everything is as before, the random state too."""
    device = device_of(model)
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices), torch.no_grad(), evaluating(model):
        seed_here("shown")
        yield
