"""Texts, what is learned of them, and their splits, as a table that can be kept and opened again."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from profond.core.files import write_text
from profond.core.spec import numbers_text
from profond.data.listing import Listing
from profond.data.values import column_of


def write_texts(path: Path, listing: Listing, texts: Sequence[str]) -> None:
    """One row for each text; appears whole or not at all. Raises: StorageError."""
    grouped = any(sample.group for sample in listing.samples)
    target = [column_of(quantity) for quantity in listing.quantities] or ["label"]
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(["text", *target, "split", *(["group"] if grouped else [])])
    for sample, text in zip(listing.samples, texts, strict=True):
        cells = [numbers_text([value]) for value in sample.values] or [sample.label]
        writer.writerow([text, *cells, sample.split, *([sample.group] if grouped else [])])
    write_text(path, written.getvalue())
