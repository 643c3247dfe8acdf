"""One picture of what a check found: a row for each set of samples that belong together."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image, ImageDraw

from profond.core.errors import DataError, ImageError
from profond.core.files import write_bytes
from profond.core.lettering import drawable, text_width, visible, write_line
from profond.data.images.decoding import eight_bit, open_image
from profond.data.issue import Report
from profond.data.shards.read import location_of

_THUMB, _MARGIN, _CAPTION, _ROWS, _COLUMNS, _LETTER = 96, 8, 14, 40, 6, 10


def contact_sheet(report: Report, path: Path) -> bool:
    """Draw the problems that can be drawn; False when there are none, and nothing is written.

    Raises: DataError for registered data, whose samples are not files.
    """
    if report.root is None or report.noun != "image":
        raise DataError(f"{report.name} has no image files to draw", "--picture is for pictures in files")
    kinds = ("unreadable", "leak", "near-leak", "contradiction", "near-contradiction", "duplicate", "near-duplicate")
    chosen = [f for f in report.issues if f.kind in kinds]
    rows = [(f.kind, item) for f in chosen for item in f.items][:_ROWS]
    if not rows:
        return False
    width = _MARGIN + _COLUMNS * (_THUMB + _MARGIN)
    height = _THUMB + 2 * _CAPTION + _MARGIN
    sheet = Image.new("RGB", (width, _MARGIN + height * len(rows)), "white")
    pen = ImageDraw.Draw(sheet)
    for r, (kind, item) in enumerate(rows):
        top = _MARGIN + r * height
        colour = "#b00020" if "leak" in kind or kind == "unreadable" else "#444444"
        write_line(pen, (_MARGIN, top), kind, colour, _LETTER)
        for c, name in enumerate(item[:_COLUMNS]):
            left = _MARGIN + c * (_THUMB + _MARGIN)
            box = (left, top + _CAPTION, left + _THUMB, top + _CAPTION + _THUMB)
            try:
                image = eight_bit(open_image(location_of(report.root, name)).image, "RGB")
                image.thumbnail((_THUMB, _THUMB))
                sheet.paste(image, box[:2])
            except ImageError:
                pen.line((*box[:2], *box[2:]), fill="#b00020")
                pen.line((box[0], box[3], box[2], box[1]), fill="#b00020")
            pen.rectangle(box, outline="#cccccc")
            write_line(pen, (left, box[3] + 1), _end(name), "black", _LETTER)
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG")
    write_bytes(path, buffer.getvalue())
    return True


def _end(name: str) -> str:
    """As much of the end of a name as fits below its picture."""
    name = drawable(visible(name))
    shown = name
    while text_width(shown, _LETTER) > _THUMB:
        name = name[1:]
        shown = f"…{name}"
    return shown
