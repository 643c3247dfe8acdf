"""Every registered model exported small, and what came of it: the rows of a page."""

from __future__ import annotations

import json
from pathlib import Path

from support.leaving import leaving

from profond import models
from profond.core.errors import ProfondError
from profond.core.spec import Spec
from profond.data.preprocessing import Preprocessing
from profond.export.export import Exported, export_parts, parts_of
from profond.export.leaving import Source

GOLDEN = Path(__file__).parents[1] / "contract" / "models" / "golden"
HEAD = """# What leaves Python

Each file of models, tried with its lightest network, small and with weights that hide nothing: exported to ONNX and
proved on 20 inputs in ONNX Runtime, batches of 1, 2 and 7. A model whose graph is several parts leaves as a file for
each.
`tests/contract/test_exports.py` writes this table and says how.

| tried | and so | task | leaves as |
|---|---|---|---|
"""


def tried() -> dict[str, list[str]]:
    """Of each file of models the lightest, and the names of all in it."""
    files: dict[str, list[str]] = {}
    for name in models.registry.names():
        files.setdefault(models.registry.entry(name).module, []).append(name)
    return {min(names, key=_parameters): names for names in files.values()}


def _parameters(name: str) -> tuple[int, str]:
    path = GOLDEN / f"{name}.json"
    return int(json.loads(path.read_text()).get("parameters", 0)) if path.exists() else 0, name


def page(rows: list[str]) -> str:
    return HEAD + "\n".join(rows) + "\n"


def prepared_by(spec: Spec) -> Preprocessing | None:
    """What stands before such a network where samples are pictures; None elsewhere."""
    if spec.axes != "chw" or spec.shape[0] not in (1, 3):
        return None
    height, width = spec.shape[1:]
    return Preprocessing(size=(height, width), mode="L" if spec.shape[0] == 1 else "RGB", mean=(0.4,), std=(0.3,))


def exported(name: str, out: Path, format: str = "onnx", samples: int = 20) -> list[Exported]:
    model, task, spec = leaving(name)
    source = Source(name, type(task).__name__, prepared_by(spec))
    return export_parts(parts_of(task, model, spec), source, out / name, format, samples=samples)


def row(name: str, names: list[str], folder: Path) -> str:
    """Of the table: what a model leaves as, or why it does not."""
    others = ", ".join(f"`{other}`" for other in names if other != name)
    try:
        task = type(leaving(name)[1]).__name__
        made = exported(name, folder)
    except ProfondError as error:
        return f"| `{name}` | {others} | | no: {error.message.replace(chr(10), ' ')} |"
    parts = ", ".join(f"`{one.part}`" for one in made) if len(made) > 1 else "one graph"
    return f"| `{name}` | {others} | {task} | {parts} |"
