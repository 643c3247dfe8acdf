"""What every test runs under: one thread for each process, and axes that are checked at run time."""

from __future__ import annotations

import dataclasses
import os
import re
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import FunctionType, ModuleType
from typing import Any

from beartype import beartype
from jaxtyping import jaxtyped

if "PYTEST_XDIST_WORKER" in os.environ:  # before anything imports torch
    os.environ["OMP_NUM_THREADS"] = "1"


# NOTE not jaxtyping.install_import_hook: it checks every annotation, those written for mypy alone too, and while one of
# our modules is imported it has torch and all the others compiled anew.
class AxesFinder(MetaPathFinder):
    """Finds this project's modules as usual, and has their axes checked."""

    def find_spec(self, fullname: str, path: Any, target: ModuleType | None = None) -> ModuleSpec | None:
        if fullname.split(".")[0] != "profond":
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = AxesLoader(spec.loader.name, spec.loader.path)
        return spec


class AxesLoader(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        for name, thing in list(vars(module).items()):
            if getattr(thing, "__module__", None) != module.__name__:
                continue
            if isinstance(thing, FunctionType):
                setattr(module, name, checked(thing))
            elif isinstance(thing, type) and not getattr(thing, "_is_protocol", False):
                check_class(thing)


def check_class(kind: type) -> None:
    for name, member in list(vars(kind).items()):
        if isinstance(member, FunctionType):
            setattr(kind, name, checked(member))
        elif isinstance(member, property) and isinstance(member.fget, FunctionType):
            setattr(kind, name, property(checked(member.fget), member.fset, member.fdel, member.__doc__))
        elif isinstance(member, staticmethod | classmethod) and isinstance(member.__func__, FunctionType):
            setattr(kind, name, type(member)(checked(member.__func__)))
    if dataclasses.is_dataclass(kind) and any(names_axes(hint) for hint in kind.__annotations__.values()):
        jaxtyped(kind, typechecker=only_axes)


def checked(function: FunctionType) -> Any:
    if any(names_axes(hint) for hint in function.__annotations__.values()):
        return jaxtyped(function, typechecker=only_axes)
    return function


def only_axes(function: FunctionType) -> Any:
    """Check the annotations that name axes, such as ``Float[Tensor, "n c h w"]``; mypy reads the others."""
    named = {name: hint for name, hint in function.__annotations__.items() if names_axes(hint)}
    twin = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    twin.__kwdefaults__ = function.__kwdefaults__
    twin.__module__, twin.__qualname__ = function.__module__, function.__qualname__
    twin.__annotations__ = named
    return beartype(twin)


def names_axes(hint: Any) -> bool:
    return bool(re.search(r"\b(Float|Int|UInt|Bool|Num|Shaped|Real|Integer|Inexact|Complex)\d*\[", str(hint)))


sys.meta_path.insert(0, AxesFinder())
