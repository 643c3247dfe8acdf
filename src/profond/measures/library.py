"""torchmetrics, imported when it is first needed: it costs a second that predicting and `--help` should not pay."""

from __future__ import annotations

import importlib
from typing import Any

from profond.core.errors import MissingError


def torchmetrics(module: str) -> Any:
    """A module of torchmetrics, such as ``"functional.classification"``. Raises: MissingError."""
    try:
        return importlib.import_module(f"torchmetrics.{module}")
    except RuntimeError as error:  # it looks for torchvision, which fails beside a PyTorch that it was not made for
        raise MissingError(
            f"torchmetrics cannot be imported: {error}",
            "is a torchvision of another PyTorch installed? `pip uninstall torchvision`: nothing here needs it",
        ) from None
