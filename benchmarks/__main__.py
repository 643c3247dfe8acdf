"""``scripts/bench [NAME…]`` or ``python -m benchmarks [NAME…]``: measure, print, and keep in docs/benchmarks.md."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

from benchmarks.machine import description
from benchmarks.report import PAGE, keep

NAMES = (
    "time_to_accuracy",
    "throughput",
    "overhead",
    "pipeline",
    "imagenet_pipeline",
    "startup",
    "zoo",
    "loading",
    "recurrent",
    "forecasting",
    "adversarial",
    "serving",
)
BY_NAME = ("fashion",)
"""Hours on two cores: where no name is given, these are left out."""

SHORT = ("time_to_accuracy", "overhead", "startup", "adversarial", "serving")
"""Those that can repeat less and still say something."""

ON_GPU = ("adversarial",)
"""Those that can measure on a GPU."""
HELP = f"any of {', '.join(NAMES)}, which are all measured when none is given, or of {', '.join(BY_NAME)}"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=HELP)
    parser.add_argument("--quick", action="store_true", help="a few steps of each, to see that it runs; keeps nothing")
    parser.add_argument(
        "--short", action="store_true", help=f"fewer repeats, of {', '.join(SHORT)}: five minutes in all"
    )
    parser.add_argument(
        "--device", choices=("cpu", "cuda"), default="cpu", help=f"where to measure; cuda for {', '.join(ON_GPU)}"
    )
    parser.add_argument("--page", type=Path, default=PAGE, help="the page that the tables are kept in")
    asked = parser.parse_args(arguments)
    if unknown := [name for name in asked.names if name not in NAMES + BY_NAME]:
        parser.error(f"no benchmark is called {unknown[0]!r}; there are {', '.join(NAMES + BY_NAME)}")
    if asked.short and (others := [name for name in asked.names or NAMES if name not in SHORT]):
        parser.error(f"{others[0]} has no short form; these have: {', '.join(SHORT)}")
    if asked.device != "cpu" and (others := [name for name in asked.names or NAMES if name not in ON_GPU]):
        parser.error(f"{others[0]} measures on the processor alone; on a GPU there are: {', '.join(ON_GPU)}")
    options = {**({"short": True} if asked.short else {}), **({"device": "cuda"} if asked.device == "cuda" else {})}
    said = "".join(f" --{name}{'' if value is True else f' {value}'}" for name, value in options.items())
    for name in asked.names or NAMES:
        machine = description()
        module = importlib.import_module(f"benchmarks.{name}")
        print(f"measuring {name}", file=sys.stderr, flush=True)
        text = module.run(asked.quick, **options)
        print(f"## {module.TITLE}\n\n{text}\n", flush=True)
        if not asked.quick:
            keep(
                f"{name}_cuda" if asked.device == "cuda" else getattr(module, "SECTION", name),
                f"{module.TITLE}{', on a GPU' if asked.device == 'cuda' else ''}",
                f"scripts/bench {name}{said}",
                f"{(module.__doc__ or '').strip()}\n\n{text}",
                machine,
                asked.page,
            )


if __name__ == "__main__":
    main()
