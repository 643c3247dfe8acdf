"""`profond look`, `conv` and `pool`: what an image is made of, and what a kernel or a window makes of it."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from profond.cli import register_verb
from profond.core.errors import UsageError
from profond.core.run import SCHEMA_VERSION

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from profond.explain.draw.numbers import Array

FILE = click.Path(path_type=Path)
OUT = click.option("--out", type=FILE, help="The picture to write: .png, .jpg, .webp, .svg, .pdf, or a folder.")
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
MATRIX = click.option("--matrix", help='Numbers instead of a file, such as "[[1,2],[3,4]]".')
CHANNELS = ("grey", "each", "red", "green", "blue")


@register_verb("look", section="See", line="An image's colour planes and their histograms.")
@click.command()
@click.argument("file", type=FILE)
@click.option(
    "--space", default="rgb", show_default=True, metavar="NAME", help="The planes' colour space: rgb, hsv, ycbcr, lab."
)
@click.option("--pixel", metavar="ROW,COLUMN", help="Print and mark the three numbers of one pixel; 0,0 is top left.")
@OUT
@JSON
def look(file: Path, space: str, pixel: str | None, out: Path | None, as_json: bool) -> None:
    """An image's three planes, with a histogram of each over its 256 levels.

    \b
    profond look photo.jpg
    profond look photo.jpg --pixel 10,10
    """
    from profond.explain.steps.planes import split_planes
    from profond.explain.steps.planes_figure import draw_planes

    target = _target(out, file, "planes")
    at = None if pixel is None else _pair(pixel, "--pixel", "row,column")
    image, notes = _open(file)
    planes = split_planes(image, space)
    marked = None if at is None else planes.pixel(*at)
    _save(draw_planes(planes, pixel=at, title=_name(file)), target)
    if as_json:
        report: dict[str, Any] = {"file": click.format_filename(file), **planes.to_json()}
        report["notes"] = [*notes, *report["notes"]]
        if at is not None and marked is not None:
            report["pixel"] = {"row": at[0], "column": at[1], "levels": list(marked)}
        _print_json("look", {**report, "picture": click.format_filename(target)})
        return
    click.echo("\n".join([click.format_filename(file), *planes.lines()]))
    _print_notes(notes)
    if at is not None and marked is not None:
        numbers = ", ".join(f"{plane.name} {level}" for plane, level in zip(planes.planes, marked, strict=True))
        click.echo(f"row {at[0]}, column {at[1]}: {numbers}")
    click.echo(f"picture: {click.format_filename(target)}")


@register_verb("conv", section="See", line="Convolve an image or a matrix; one pixel's arithmetic.")
@click.command()
@click.argument("file", type=FILE, required=False)
@MATRIX
@click.option(
    "--kernel",
    default="sharpen",
    show_default=True,
    help="identity, blur, gaussian, gaussian5, sharpen, edge, laplacian, sobel_x, sobel_y, emboss, a .csv file, or"
    ' numbers such as "[[0,-1,0],[-1,5,-1],[0,-1,0]]".',
)
@click.option("--padding", default="same", show_default=True, metavar="same|valid|N|N,N", help="Pixels on each side.")
@click.option(
    "--padding-mode", default="zeros", show_default=True, metavar="NAME", help="zeros, reflect, replicate, circular."
)
@click.option("--stride", default="1", show_default=True, metavar="N|N,N", help="Pixels from one place to the next.")
@click.option("--dilation", default="1", show_default=True, metavar="N|N,N", help="Pixels between the kernel's own.")
@click.option("--bias", type=float, default=0.0, show_default=True, help="Added to every output pixel.")
@click.option("--flip", is_flag=True, help="Turn the kernel by 180° first: the convolution of mathematics.")
@click.option("--at", metavar="ROW,COLUMN", help="The arithmetic of one output pixel, step by step.")
@click.option(
    "--channels",
    type=click.Choice(CHANNELS),
    default="grey",
    show_default=True,
    help="Of an image: its brightness, red, green and blue each by itself, or one of them.",
)
@OUT
@JSON
def conv(
    file: Path | None,
    matrix: str | None,
    kernel: str,
    padding: str,
    padding_mode: str,
    stride: str,
    dilation: str,
    bias: float,
    flip: bool,
    at: str | None,
    channels: str,
    out: Path | None,
    as_json: bool,
) -> None:
    """Convolve an image, or a table of numbers (FILE.csv or --matrix), with a kernel: exactly, and explained.

    \b
    profond conv photo.jpg --at 4,4
    profond conv --matrix "[[1,2,3],[4,5,6],[7,8,9]]" --kernel "[[1,0],[0,-1]]"
    """
    from profond.explain.steps.convolution import convolve
    from profond.explain.steps.convolution_figure import draw_convolution
    from profond.explain.steps.kernels import choose_kernel
    from profond.explain.steps.sliding import size_in_words

    target = _target(out, file, "conv")
    position = None if at is None else _pair(at, "--at", "row,column")
    chosen = choose_kernel(kernel)
    planes, notes = _planes(file, matrix, channels)
    border = padding if padding.isalpha() else _one_or_pair(padding, "--padding")
    steps, gaps = _one_or_pair(stride, "--stride"), _one_or_pair(dilation, "--dilation")
    results = [
        convolve(plane, chosen.values, border, steps, dilation=gaps, padding_mode=padding_mode, bias=bias, flip=flip)
        for plane in planes.values()
    ]
    pixels = [] if position is None else [result.at(*position) for result in results]
    name = _name(file)
    _save(draw_convolution(*results, at=position, title=f"{name}, {chosen.name}"), target)
    if as_json:
        report: dict[str, Any] = {
            "file": _shown(file),
            "notes": notes,
            "kernel_name": chosen.name,
        }
        report |= _per_plane(planes, [result.to_json() for result in results])
        if pixels:
            report["at"] = {key: pixel.to_json() for key, pixel in zip(planes, pixels, strict=True)}
        _print_json("conv", {**report, "picture": click.format_filename(target)})
        return
    click.echo(f"{name}: {size_in_words(results[0].input, 'numbers' not in planes)}" + _of(planes))
    _print_notes(notes)
    click.echo(f"{chosen.name}: {chosen.words}" if chosen.words else chosen.name)
    _print_results(planes, results)
    for key, pixel in zip(planes, pixels, strict=False):
        click.echo("\n".join([*_heading(planes, key), *pixel.lines()]))
    click.echo(f"picture: {click.format_filename(target)}")


@register_verb("pool", section="See", line="Pool an image or a matrix.")
@click.command()
@click.argument("file", type=FILE, required=False)
@MATRIX
@click.option("--kind", default="max", show_default=True, metavar="max|average", help="The greatest, or the mean.")
@click.option("--size", default="2", show_default=True, metavar="N|N,N", help="The window.")
@click.option("--stride", metavar="N|N,N", help="Pixels from one window to the next.  [default: the window's size]")
@click.option("--padding", default="0", show_default=True, metavar="N|N,N", help="Pixels on each side.")
@click.option(
    "--count-padding/--ignore-padding", default=True, show_default=True, help="Whether padding counts in an average."
)
@click.option(
    "--channels",
    type=click.Choice(CHANNELS),
    default="each",
    show_default=True,
    help="Of an image: its brightness, red, green and blue each by itself, or one of them.",
)
@OUT
@JSON
def pool(
    file: Path | None,
    matrix: str | None,
    kind: str,
    size: str,
    stride: str | None,
    padding: str,
    count_padding: bool,
    channels: str,
    out: Path | None,
    as_json: bool,
) -> None:
    """Pool an image, or a table of numbers (FILE.csv or --matrix): every window becomes one number.

    \b
    profond pool photo.jpg
    profond pool --matrix "[[1,1,2,4],[5,6,7,8],[3,2,1,0],[1,2,3,4]]"
    """
    from profond.explain.steps.pooling import pool as pool_plane
    from profond.explain.steps.pooling_figure import draw_pooling
    from profond.explain.steps.sliding import size_in_words

    target = _target(out, file, "pool")
    planes, notes = _planes(file, matrix, channels)
    window, border = _one_or_pair(size, "--size"), _one_or_pair(padding, "--padding")
    steps = None if stride is None else _one_or_pair(stride, "--stride")
    results = [
        pool_plane(plane, window, steps, border, kind=kind, count_padding=count_padding) for plane in planes.values()
    ]
    name = _name(file)
    _save(draw_pooling(*results, title=name), target)
    if as_json:
        report: dict[str, Any] = {"file": _shown(file), "notes": notes}
        report |= _per_plane(planes, [result.to_json() for result in results])
        _print_json("pool", {**report, "picture": click.format_filename(target)})
        return
    click.echo(f"{name}: {size_in_words(results[0].input, 'numbers' not in planes)}" + _of(planes))
    _print_notes(notes)
    _print_results(planes, results)
    click.echo(f"picture: {click.format_filename(target)}")


def _planes(file: Path | None, matrix: str | None, channels: str) -> tuple[dict[str, Array], list[str]]:
    """The planes to work on by name (``"numbers"`` for a table), and what had to be converted."""
    from profond.explain.steps.kernels import read_matrix
    from profond.explain.steps.planes import grey_plane, split_planes
    from profond.explain.steps.sliding import as_plane

    if (file is None) == (matrix is None):
        raise UsageError("give a file or --matrix, one of the two", 'such as photo.jpg, or --matrix "[[1,2],[3,4]]"')
    if matrix is not None or (file is not None and file.suffix.lower() == ".csv"):
        return {"numbers": read_matrix(matrix if matrix is not None else str(file))}, []
    assert file is not None
    image, notes = _open(file)
    if channels == "grey":
        from profond.data.images.decoding import conversions

        return {"grey": as_plane(grey_plane(image))}, [*notes, *conversions(image)]
    planes = split_planes(image)
    chosen = [plane for plane in planes.planes if channels in ("each", plane.name)]
    return {plane.name: as_plane(plane.values) for plane in chosen}, [*notes, *planes.notes]


def _open(file: Path) -> tuple[Any, list[str]]:
    """The image, and a note where its name promises another format."""
    from profond.data.images.decoding import open_image

    opened = open_image(file)
    return opened.image, [f"named {file.suffix}, but it is {opened.format}"] if opened.mislabelled else []


def _target(out: Path | None, file: Path | None, what: str) -> Path:
    """Where the picture goes; never over the file that was read. Raises: UsageError."""
    name = f"{'matrix' if file is None else file.stem}-{what}.png"
    target = Path(name) if out is None else out / name if out.is_dir() else out
    from profond.explain.draw.drawing import check_picture_name

    check_picture_name(target)
    if file is not None and target.exists() and file.exists() and target.samefile(file):
        raise UsageError(f"{target} is the file that is read", "name another picture with --out")
    return target


def _save(figure: Figure, target: Path) -> None:
    from profond.explain.draw.drawing import save_figure

    save_figure(figure, target)


def _pair(text: str, option: str, form: str) -> tuple[int, int]:
    numbers = [one for part in text.split(",") if (one := _whole(part)) is not None]
    if len(numbers) != 2 or text.count(",") != 1:
        raise UsageError(f"{option} {text!r} is not two whole numbers", f"write it as {form}, such as {option} 10,20")
    return numbers[0], numbers[1]


def _one_or_pair(text: str, option: str) -> int | tuple[int, int]:
    one = _whole(text)
    if one is not None:
        return one
    if "," not in text:
        raise UsageError(
            f"{option} {text!r} is not a whole number", f"such as {option} 2, or {option} 2,1 (down, across)"
        )
    return _pair(text, option, "down,across")


def _whole(text: str) -> int | None:
    try:
        return int(text) if math.isfinite(float(text)) else None
    except (ValueError, OverflowError):
        return None


def _name(file: Path | None) -> str:
    return "matrix" if file is None else click.format_filename(file.name)


def _shown(file: Path | None) -> str | None:
    return None if file is None else click.format_filename(file)


def _of(planes: dict[str, Array]) -> str:
    return "" if "numbers" in planes else f", {', '.join(planes)}"


def _heading(planes: dict[str, Array], key: str) -> list[str]:
    return [f"{key}:"] if len(planes) > 1 else []


def _per_plane(planes: dict[str, Array], reports: list[dict[str, Any]]) -> dict[str, Any]:
    """What all planes share once, and the output of each by its name."""
    shared = {name: value for name, value in reports[0].items() if name != "output"}
    return {**shared, "output": {key: report["output"] for key, report in zip(planes, reports, strict=True)}}


def _print_results(planes: dict[str, Array], results: Sequence[Any]) -> None:
    from profond.explain.steps.sliding import summary

    picture = "numbers" not in planes
    click.echo("\n".join(results[0].lines(picture)))
    for key, result in list(zip(planes, results, strict=True))[1:]:
        click.echo("\n".join([*_heading(planes, key), *summary(result.output, picture)]))


def _print_notes(notes: Sequence[str]) -> None:
    if notes:
        click.echo(f"note: {'; '.join(notes)}")


def _print_json(command: str, report: dict[str, Any]) -> None:
    document = {"schema_version": SCHEMA_VERSION, "command": command, **report}
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))
