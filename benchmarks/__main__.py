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
)

SHORT = ("time_to_accuracy", "overhead", "startup")
"""Those that can repeat less and still say something."""


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(NAMES)}; all when none is given")
    parser.add_argument("--quick", action="store_true", help="a few steps of each, to see that it runs; keeps nothing")
    parser.add_argument(
        "--short", action="store_true", help=f"fewer repeats, of {', '.join(SHORT)}: five minutes in all"
    )
    parser.add_argument("--page", type=Path, default=PAGE, help="the page that the tables are kept in")
    asked = parser.parse_args(arguments)
    if unknown := [name for name in asked.names if name not in NAMES]:
        parser.error(f"no benchmark is called {unknown[0]!r}; there are {', '.join(NAMES)}")
    if asked.short and (others := [name for name in asked.names or NAMES if name not in SHORT]):
        parser.error(f"{others[0]} has no short form; these have: {', '.join(SHORT)}")
    for name in asked.names or NAMES:
        machine = description()
        module = importlib.import_module(f"benchmarks.{name}")
        print(f"measuring {name}", file=sys.stderr, flush=True)
        text = module.run(asked.quick, short=True) if asked.short else module.run(asked.quick)
        print(f"## {module.TITLE}\n\n{text}\n", flush=True)
        if not asked.quick:
            keep(
                getattr(module, "SECTION", name),
                module.TITLE,
                f"scripts/bench {name}{' --short' if asked.short else ''}",
                f"{(module.__doc__ or '').strip()}\n\n{text}",
                machine,
                asked.page,
            )


if __name__ == "__main__":
    main()
