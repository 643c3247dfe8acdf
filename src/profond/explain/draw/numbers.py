"""Numbers as people write them."""

from __future__ import annotations

from decimal import Decimal
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]


def write_number(value: float, digits: int = 4) -> str:
    """As people write it: 4 significant digits (or as many as asked), whole numbers whole, a real minus sign."""
    value = float(value)
    if value == round(value) and abs(value) < 1e7:
        text = str(round(value))
    else:
        grouped = 1000 <= abs(value) < 1e7
        text = f"{value:.{digits - 3}f}" if grouped else f"{value:.{digits}g}"
    return text.replace("-", "−")


def read_number(text: str) -> Decimal:
    """What a written number says."""
    return Decimal(text.replace("−", "-"))


def rows_of_text(values: Array) -> list[str]:
    """A table as aligned lines."""
    cells = [[write_number(value) for value in row] for row in values]
    wide = max(len(cell) for row in cells for cell in row)
    return ["  " + "  ".join(cell.rjust(wide) for cell in row) for row in cells]
