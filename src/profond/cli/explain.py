"""`profond explain`: why a network says what it says of an image or a series."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from profond.cli import register_verb
from profond.cli.explain_source import Source, first_of_each_table
from profond.cli.inputs import Inputs, input_of, report_refused, shown_name, tell_refused
from profond.cli.options import DEVICE, JSON, QUIET
from profond.cli.output import print_json, progress_bar, say
from profond.cli.pretrained import open_predictor, pretrained_options, split_words
from profond.core.errors import ConfigError, ProfondError, UnknownName, UsageError
from profond.core.files import write_json
from profond.core.run import SCHEMA_VERSION

if TYPE_CHECKING:
    from profond.cli.explain_source import Given
    from profond.serve.explanation import Explainer, Question

METHODS = {
    "overview": "all of the first four, on one sheet",
    "grad_cam": "where the maps are that raise the score",
    "integrated_gradients": "pixel by pixel, for and against; adds up to the score",
    "smooth_grad": "where a change would change the score most",
    "occlusion": "how far the score falls when a window is covered",
    "maps": "what the image becomes at a stage",
    "filters": "a layer's kernels; needs no image",
    "nearest": "the most similar images of the training data",
    "attention": "of a network that writes: where it looked for each word",
    "recurrence": "of recurrent layers: the gradient that reaches each step, gates, states",
}
ATTENTION = "attention"
RECURRENCE = "recurrence"
SOURCE = "source.json"
_SAMPLE = re.compile(r"(train|valid|test)/(\d+)")


@dataclass
class Work:
    """What one call does, and what came of it."""

    explainer: Explainer
    methods: tuple[str, ...]
    wanted: str | None
    stage: str | None
    pixel: tuple[str, int, tuple[int, ...]] | None
    step: int | None
    folder: Path
    nearest: Callable[[Question, Path, Given], tuple[list[dict[str, Any]], list[Path]]]
    done: list[dict[str, Any]] = field(default_factory=list)

    def explain(self, given: Given, name: str) -> tuple[str, dict[str, Any]]:
        """One image or series: what the model says of it in a line; its files, and what was found besides."""
        if self.methods == (ATTENTION,):
            return self.attention(given, name)
        from profond.serve.through_time import ThroughTime

        through = None
        if RECURRENCE in self.methods:
            through = ThroughTime.of(self.explainer, given, name, self.wanted, self.step)
        alone = through is not None and self.methods == (RECURRENCE,)
        question = through.question if through and alone else self.explainer.question(given, name, self.wanted)
        explained = question.subject.explained
        folder = self.own_folder(name, question.digest)
        suffix = f"-{safe(explained.name)}" if self.wanted else ""
        report: dict[str, Any] = {"image": name, **explained.to_json(), "notes": list(question.notes)}
        files: list[Path] = []
        try:
            if self.pixel:
                found, files = self.explainer.pixel(question, folder, *self.pixel)
                report |= {"pixel": found.to_json(), "lines": found.lines()}
            for method in self.methods:
                if method == "overview":
                    files += self.explainer.overview(question, folder, suffix, self.stage)
                elif method == "maps":
                    files += self.explainer.maps(question, folder, self.stage)
                elif method == "nearest":
                    report["nearest"], more = self.nearest(question, folder, given)
                    files += more
                elif through is not None and method == RECURRENCE:
                    report["lines"] = through.lines()
                    files += through.write(folder, suffix)
                elif method != "filters":
                    answer = self.explainer.ask(question, method, self.stage)
                    files += self.explainer.write(question, answer, folder, suffix)
        finally:
            if folder.is_dir():
                source = {"schema_version": SCHEMA_VERSION, "image": name, "pixels": question.digest}
                write_json(folder / SOURCE, source)
        report["files"] = [str(file) for file in files]
        self.done.append(report)
        return explained.said, report

    def attention(self, given: Given, name: str) -> tuple[str, dict[str, Any]]:
        """One picture of a network that writes: what it says, and where it looked for each word."""
        attended = self.explainer.attention(given, name)
        folder = self.own_folder(name, attended.digest)
        files = attended.write(folder, self.explainer.name)
        write_json(folder / SOURCE, {"schema_version": SCHEMA_VERSION, "image": name, "pixels": attended.digest})
        report = {"image": name, **attended.to_json(), "notes": list(attended.notes), "files": list(map(str, files))}
        self.done.append(report)
        return attended.said, report

    def own_folder(self, name: str, mark: str) -> Path:
        """Named as the image without its ending; with a number where that folder is another image's."""
        file, mark_of_row, row = name.partition("#")  # a series of a table, such as new.csv#17
        whole = _SAMPLE.fullmatch(name) or self.explainer.predictor.takes == "texts"
        stem = safe(name if whole else Path(file).stem + mark_of_row + row) or "image"
        folder, number = self.folder / stem, 1
        while folder.exists() and owner(folder) != mark:
            number += 1
            folder = self.folder / f"{stem}-{number}"
        return folder


def owner(folder: Path) -> str | None:
    """The hash of the pixels that a folder explains; None where it does not say."""
    try:
        said = json.loads((folder / SOURCE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return said.get("pixels") if isinstance(said, dict) else None


@register_verb("explain", section="Use", line="Why a network says what it says of an image, a series, a text.")
@click.command()
@click.argument("words", nargs=-1, metavar="RUN INPUT...")
@pretrained_options()
@click.option("--method", "methods", multiple=True, metavar="NAME", help="One of those below; may stand several times.")
@click.option(
    "--class",
    "wanted",
    metavar="NAME|NUMBER",
    help="The class, or the quantity, to explain.  [default: the most probable class, the first quantity]",
)
@click.option("--stage", metavar="NAME", help="For grad_cam, maps, filters, nearest: a module of the network.")
@click.option(
    "--pixel", metavar="LAYER,MAP,ROW,COLUMN", help="The arithmetic of one number that a convolution puts out."
)
@click.option(
    "--step",
    type=click.IntRange(0),
    metavar="NUMBER",
    help="For recurrence: which step's output, from 0, where there is one for each.  [default: the last]",
)
@click.option("--data", help="For nearest: other images, a folder or a registered name, not the run's own.")
@click.option("--count", type=click.IntRange(1, 48), default=12, show_default=True, help="For nearest: how many.")
@click.option("--rows", type=click.IntRange(1), default=20, show_default=True, help="Of a table or of texts, how many.")
@click.option("--resize", is_flag=True, help="Convert images that do not have the run's size and channels.")
@click.option("--out", "out", type=click.Path(path_type=Path), help="Folder.  [default: RUN/explain, or explain/MODEL]")
@click.option("--runs", default="runs", show_default=True, help="Folder of the runs, where names are looked up.")
@DEVICE
@JSON
@QUIET
def explain(
    words: tuple[str, ...],
    model: str | None,
    pretrained: bool,
    weights: str | None,
    changes: tuple[str, ...],
    methods: tuple[str, ...],
    wanted: str | None,
    stage: str | None,
    pixel: str | None,
    step: int | None,
    data: str | None,
    count: int,
    rows: int,
    resize: bool,
    out: Path | None,
    runs: str,
    device: str,
    as_json: bool,
    quiet: bool,
) -> None:
    """Show why RUN (a folder, a name, or `last`), or a network with published weights, says what it says.

    INPUT is a file, a folder, a pattern, - for standard input, or a sample of the run's own data, such as test/17.
    Each image or series gets a folder with pictures (.png) and numbers (.npy); of a table the first 20 series do, or
    as many as --rows says. Explained is the score of a class, or the number that is estimated. Series take the first
    five methods and the last. Of a text, which is written in quotes, each word is coloured by integrated gradients; the
    last method is for texts too.

    \b
    overview              all of the next four, on one sheet; the default
    grad_cam              where the maps of a stage are that raise the score
    integrated_gradients  pixel by pixel, for and against; adds up to the score
    smooth_grad           where a change of a pixel would change the score most
    occlusion             how far the score falls when a window is covered
    maps                  what the image becomes at a stage
    filters               a layer's kernels; needs no image
    nearest               the most similar images of the run's training data, or of --data
    attention             of a network that writes captions: where it looked for each word
    recurrence            of recurrent layers: the gradient that reaches each step,
                          what the gates do, what is remembered; `explain recurrence
                          RUN INPUT` is the same

    \b
    profond explain last photo.jpg
    profond explain last test/17 --class 3 --method grad_cam --method occlusion
    profond explain last test/17 --pixel c1,0,10,12
    profond explain recurrence last test/17
    profond explain last "a fine film"
    profond explain --model efficientnet_lite0 --pretrained photo.jpg
    """
    start = time.perf_counter()
    if len(words) > 1 and words[0] == RECURRENCE:
        words, methods = words[1:], (*methods, RECURRENCE)
    chosen = check_methods(methods, pixel)
    if step is not None and RECURRENCE not in chosen:
        raise UsageError("--step is for recurrence, which is not asked for", "add --method recurrence, or leave it out")
    at = None if pixel is None else read_pixel(pixel)
    if not words and model is None:
        raise UsageError("no run was given", "`profond explain RUN photo.jpg`, or --model NAME --pretrained photo.jpg")
    run, inputs = split_words(words, model, pretrained, weights, changes)
    if not inputs and (set(chosen) - {"filters"} or at):
        raise UsageError("no images were given", "name files, a folder, test/17, or - for standard input")
    if "nearest" in chosen and run is None and data is None:
        raise UsageError("nearest needs images to choose from", "add --data photos/")
    predictor, name = open_predictor(run, runs, model, weights, changes, device=device, resize=resize, quiet=quiet)

    from profond.serve.explanation import Explainer
    from profond.serve.given import with_rows

    root = out or (Path(name) / "explain" if run is not None else Path("explain") / safe(name))
    explainer = Explainer(predictor, name)
    explainer.check([*chosen, *(["pixel"] if at else [])])
    source = Source(explainer, None if run is None else Path(name), data, stage, root, count, quiet)
    if "nearest" in chosen:
        source.others()  # what is wrong with them is said before anything is computed
    work = Work(explainer, chosen, wanted, stage, at, step, root, source.nearest)
    kernels = explainer.filters(root, stage) if "filters" in chosen else []
    if kernels and not as_json:
        click.echo("\n".join(str(path) for path in kernels))
    failed: list[tuple[str, ProfondError]] = []
    samples = tuple(given for given in inputs if _SAMPLE.fullmatch(given) and not Path(given).exists())
    rest = tuple(given for given in inputs if given not in samples)
    with input_of(predictor.takes, rest) if rest else nullcontext(Inputs(kind=predictor.takes)) as named:
        names = named.names
        refuse = report_refused(names, failed)
        every: list[tuple[str, Given]] = [
            *((given, source.sample(given)) for given in samples),
            *((str(one), one) for one in with_rows(named.paths, predictor.preprocessing, refuse)),
        ]
        every, left_out = first_of_each_table(every, rows)
        for table, number in left_out.items():
            told = f"note: {table} has {number + rows:,} {named.kind}: its first {rows} are explained"
            say(f"{told}; --rows {number + rows} takes all", quiet)
        with progress_bar(len(every), "explain", f" {named.kind}", hidden=quiet or len(every) < 2) as advance:
            for source_name, given in every:
                plain = source_name in samples or predictor.takes == "texts"
                shown = source_name if plain else Path(shown_name(source_name, names)).name
                try:
                    said, report = work.explain(given, shown)
                except (ConfigError, UsageError):
                    raise  # of the question, not of the image
                except ProfondError as error:
                    refuse(source_name, error)
                else:
                    if not as_json:
                        tell(said, report, quiet)
                advance(1)
    failed += named.blocked
    if as_json:
        print_json(
            "explain",
            **({"model": name, "weights": predictor.weights} if run is None else {"run": name}),
            explanations=work.done,
            filters=[str(path) for path in kernels],
            refused=[{"source": source, "error": error.message} for source, error in failed],
            left_out=left_out,
            passed_over=named.to_json(),
            seconds=round(time.perf_counter() - start, 3),
        )
    named.tell(quiet)
    tell_refused(failed, len(every), named.kind)


def check_methods(methods: tuple[str, ...], pixel: str | None) -> tuple[str, ...]:
    """The methods, whatever they are joined with; by default the overview, and none beside --pixel."""
    chosen = tuple(dict.fromkeys(method.lower().replace("-", "_") for method in methods))
    for method in chosen:
        if method not in METHODS:
            raise UnknownName("method", method, METHODS)
    if ATTENTION in chosen and (len(chosen) > 1 or pixel is not None):
        raise UsageError(
            "attention stands alone: the other methods explain one number, and a text is many", "leave the others out"
        )
    if not chosen:
        return () if pixel is not None else ("overview",)
    return chosen


def read_pixel(text: str) -> tuple[str, int, tuple[int, ...]]:
    """``c1,0,10,12``: a layer, one of its maps, and where in it. Raises: UsageError."""
    layer, *numbers = [part.strip() for part in text.split(",")]
    if not layer or len(numbers) < 2 or not all(re.fullmatch(r"\d{1,9}", one) for one in numbers):
        raise UsageError(f"--pixel {text!r} does not name a number", "write it as LAYER,MAP,ROW,COLUMN: c1,0,10,12")
    channel, *position = map(int, numbers)
    return layer, channel, tuple(position)


def safe(name: str) -> str:
    """A name that every file system takes."""
    return re.sub(r"[^\w.()-]+", "-", name).strip(".-")[:80]


def tell(said: str, report: dict[str, Any], quiet: bool) -> None:
    for note in report["notes"]:
        say(f"note: {report['image']}: {note}", quiet)
    click.echo(f"{report['image']}\t{said}")
    for line in report.get("lines", []):
        click.echo(line)
    for row in report.get("nearest", []):
        target = next(value for key, value in row.items() if key not in ("image", "distance"))
        click.echo(f"  {row['distance']:.4f}  {target}\t{row['image']}")
    for file in report["files"]:
        click.echo(f"  {file}")
