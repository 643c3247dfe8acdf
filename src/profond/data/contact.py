"""One picture of what a check found: a row for each set of samples that belong together."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image, ImageDraw

from profond.core.errors import DataError, ImageError
from profond.core.files import write_bytes
from profond.data.check import Report
from profond.data.images import eight_bit, open_image
from profond.data.shards import place_of

_THUMB, _MARGIN, _CAPTION, _ROWS, _COLUMNS = 96, 8, 14, 40, 6


def contact_sheet(report: Report, path: Path) -> bool:
    """Draw the problems that can be drawn; False when there are none, and nothing is written.

    Raises: DataError for registered data, whose samples are not files.
    """
    if report.root is None or report.noun != "image":
        raise DataError(f"{report.name} has no image files to draw", "--picture is for pictures in files")
    kinds = ("unreadable", "leak", "near-leak", "contradiction", "near-contradiction", "duplicate", "near-duplicate")
    chosen = [f for f in report.findings if f.kind in kinds]
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
        pen.text((_MARGIN, top), kind, fill=colour)
        for c, name in enumerate(item[:_COLUMNS]):
            left = _MARGIN + c * (_THUMB + _MARGIN)
            box = (left, top + _CAPTION, left + _THUMB, top + _CAPTION + _THUMB)
            try:
                image = eight_bit(open_image(place_of(report.root, name)).image, "RGB")
                image.thumbnail((_THUMB, _THUMB))
                sheet.paste(image, box[:2])
            except ImageError:
                pen.line((*box[:2], *box[2:]), fill="#b00020")
                pen.line((box[0], box[3], box[2], box[1]), fill="#b00020")
            pen.rectangle(box, outline="#cccccc")
            shown = name if len(name) <= 16 else ".." + name[-14:]
            pen.text((left, box[3] + 1), shown.encode("ascii", "replace").decode(), fill="black")
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG")
    write_bytes(path, buffer.getvalue())
    return True
