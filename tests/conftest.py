"""What every test runs under: one thread for each process, and axes that are checked at run time."""

from __future__ import annotations

import dataclasses
import functools
import os
import re
import sys
from collections.abc import Iterator
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import pytest
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
    if not any(names_axes(hint) for hint in function.__annotations__.values()):
        return function
    import torch  # not above: a test that needs none is not to wait for it

    strict = jaxtyped(function, typechecker=only_axes)

    @functools.wraps(function)
    def checking(*args: Any, **kwargs: Any) -> Any:
        # NOTE the body of a loop in a graph may have no side effects, and what checks keeps a list of sizes.
        return (function if torch.compiler.is_exporting() else strict)(*args, **kwargs)

    return checking


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


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--about", metavar="NAME,NAME", help="of the tests over everything registered, only those about these names"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    asked = config.getoption("--about")
    if not asked:
        return
    kept, left = [], []
    for item in items:
        parameters = item.callspec.params.values() if hasattr(item, "callspec") else None
        about = parameters is None or any(is_about(value, asked.split(",")) for value in parameters)
        (kept if about else left).append(item)
    items[:] = kept
    config.hook.pytest_deselected(items=left)


def is_about(value: object, names: list[str]) -> bool:
    """Whether a test's parameter is one of the names, or a command of one of these verbs."""
    return isinstance(value, str) and value.split(" ")[0] in names


@pytest.fixture(scope="module")
def undrawn() -> Iterator[None]:
    """Evaluations keep no pictures: most of the time of a small training, for tests that look at none of them."""
    from profond.evaluation import kept

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kept, "_draw", lambda *_: None)
        yield


@pytest.fixture(scope="session")
def photos() -> list[tuple[Path, int]]:
    """Twenty photos with their ImageNet labels; some of these are arguable."""
    from profond.core.errors import MissingError
    from profond.data.sets.photos import twenty_photos

    try:
        found = twenty_photos()
    except MissingError as error:
        pytest.skip(f"the photos cannot be fetched: {error.message}")
    assert len(found) == 20
    return [(photo.path, photo.label) for photo in found]


@pytest.fixture(scope="session")
def miniature(photos: list[tuple[Path, int]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ImageNet's own layout in small: real photos of four classes, six of each to learn from and two to judge by.

    Among them, as in ImageNet, one in grey, one in CMYK and a PNG that is called JPEG. The devkit counts the classes in
    another order than that of the labels, and knows two that are not there.
    """
    import numpy as np
    from PIL import Image
    from scipy.io import savemat

    synsets = {243: "n02108422", 949: "n07745940", 22: "n01614925", 990: "n12768682"}
    numbers = {"n02108422": 3, "n07745940": 1, "n01614925": 4, "n12768682": 2, "n01440764": 5, "n00001740": 6}
    root = tmp_path_factory.mktemp("imagenet") / "ILSVRC2012"
    devkit = root / "ILSVRC2012_devkit_t12" / "data"
    for folder in (root / "val", devkit, *(root / "train" / synset for synset in synsets.values())):
        folder.mkdir(parents=True)
    truth: list[tuple[int, Image.Image]] = []
    for path, label in photos:
        synset = synsets.get(label)
        if synset is None:
            continue
        photo = Image.open(path).convert("RGB").resize((256, 256))
        for i in range(8):  # parts of one photo, no two the same
            cut = photo.crop((8 * i, 4 * i, 8 * i + 180, 4 * i + 135 + 7 * i))
            if i >= 6:
                truth.append((numbers[synset], cut))
                continue
            mode = {1: "L", 2: "CMYK"}.get(i, "RGB") if label == 243 else "RGB"
            kind = "PNG" if (label, i) == (949, 3) else "JPEG"
            cut.convert(mode).save(root / "train" / synset / f"{synset}_{10 * i + 7}.JPEG", kind)
    truth.sort(key=lambda pair: pair[1].tobytes())  # in no order that a class would have
    for place, (_, cut) in enumerate(truth, 1):
        cut.save(root / "val" / f"ILSVRC2012_val_{place:08}.JPEG")
    (devkit / "ILSVRC2012_validation_ground_truth.txt").write_text("".join(f"{number}\n" for number, _ in truth))
    fields = [("ILSVRC2012_ID", "O"), ("WNID", "O"), ("words", "O"), ("children", "O")]
    rows = [(number, synset, f"words of {synset}", [1.0, 2.0]) for synset, number in numbers.items()]
    savemat(devkit / "meta.mat", {"synsets": np.array(rows, dtype=fields)[:, None]}, do_compression=True)
    return root
