"""A folder of pictures that a network tells apart at once."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

COLOURS = {"red": (200, 30, 30), "green": (30, 200, 30)}


def squares(root: Path, side: int) -> Path:
    """Twelve squares of each colour, none like another, in a folder for each."""
    for name, colour in COLOURS.items():
        (root / name).mkdir()
        for number in range(12):
            shade = tuple(min(255, part + 4 * number) for part in colour)
            Image.new("RGB", (side, side), shade).save(root / name / f"{number}.png")
    return root
