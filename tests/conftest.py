"""What every test runs under: one thread for each process, and axes that are checked at run time."""

from __future__ import annotations

import os
from pathlib import Path

from jaxtyping import install_import_hook

import profond

if "PYTEST_XDIST_WORKER" in os.environ:  # before anything imports torch
    os.environ["OMP_NUM_THREADS"] = "1"


def annotated_modules() -> list[str]:
    """Every module that names axes, such as ``Float[Tensor, "n c h w"]``; the others import types for mypy alone."""
    source = Path(profond.__file__).parent
    return [
        ".".join(path.relative_to(source.parent).with_suffix("").parts).removesuffix(".__init__")
        for path in source.rglob("*.py")
        if "\nfrom jaxtyping import" in path.read_text(encoding="utf-8")
    ]


install_import_hook(annotated_modules(), "beartype.beartype")
