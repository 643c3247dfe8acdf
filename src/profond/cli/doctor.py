"""`profond doctor`: what is installed, what this machine does well, and what is missing."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from importlib import metadata
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

import click

from profond.cli import register_verb
from profond.core.run import SCHEMA_VERSION
from profond.core.version import VERSION

EXTRAS = {
    "video": "clips: read video files",
    "drawn": "drawn_faces, openmoji: draw faces and drawings",
    "forecast": "forecast: ETS, Theta and ARIMA beside the networks, and holidays",
    "openvino": "predict: many images sooner on a CPU, and in 8 bits",
    "test": "run the tests of a checkout",
    "bench": "benchmarks: measure beside Keras and TensorFlow",
}
CLIENTS = ("pip", "npm", "apt-get")


@register_verb("doctor", section="Manage", line="What is installed, and what is missing.")
@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def doctor(context: click.Context, as_json: bool) -> None:
    """Say what is installed, which device and precision would be used, and what is missing.

    Looks at this machine only; nothing is fetched. The exit code is 1 when something that Profond needs is broken.

    \b
    profond doctor
    """
    report = examine()
    if as_json:
        click.echo(json.dumps({"schema_version": SCHEMA_VERSION, "command": "doctor", **report}, ensure_ascii=False))
    else:
        for line in lines(report):
            click.echo(line)
    context.exit(1 if report["problems"] else 0)


def examine() -> dict[str, Any]:
    """Everything that the command says, as one JSON-able object; ``problems`` is empty when all is well."""
    problems: list[str] = []
    packages, extras = installed(problems)
    return {
        "profond": VERSION,
        "source": source(),
        "python": {"version": platform.python_version(), "path": sys.executable},
        "packages": packages,
        "extras": extras,
        "machine": machine(problems),
        "cache": cache(problems),
        "disk": {"folder": str(Path.cwd()), "free_bytes": shutil.disk_usage(Path.cwd()).free},
        "clients": {name: client(name) for name in CLIENTS},
        "problems": problems,
    }


def source() -> dict[str, Any]:
    """Whether the code runs from a checkout, and from which commit, or from an installed wheel."""
    package = Path(__file__).resolve().parents[1]
    folder = package.parents[1]
    if not (folder / ".git").exists():
        return {"kind": "wheel", "folder": str(package.parent)}
    commit = None
    if git := shutil.which("git"):
        answer = subprocess.run(
            [git, "-C", str(folder), "rev-parse", "--short", "HEAD"], capture_output=True, text=True
        )
        commit = answer.stdout.strip() or None
    return {"kind": "checkout", "folder": str(folder), "commit": commit}


def installed(problems: list[str]) -> tuple[dict[str, str | None], dict[str, Any]]:
    """Versions of what Profond requires, and of what each extra requires."""
    try:
        required = metadata.requires("profond") or []
    except metadata.PackageNotFoundError:
        problems.append("profond itself is not installed: run `pip install .` in the checkout, or start ./profond")
        return {}, {}
    from packaging.requirements import Requirement

    packages: dict[str, str | None] = {}
    extras: dict[str, Any] = {name: {"for": purpose, "packages": {}, "missing": []} for name, purpose in EXTRAS.items()}
    for requirement in map(Requirement, required):
        extra = next(
            (name for name in EXTRAS if requirement.marker and requirement.marker.evaluate({"extra": name})), None
        )
        if requirement.marker and extra is None:
            continue  # for another Python or system
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            version = None
        fits = version is not None and requirement.specifier.contains(version, prereleases=True)
        if extra is not None:
            extras[extra]["packages"][requirement.name] = version
            if not fits:
                extras[extra]["missing"].append(requirement.name)
            continue
        packages[requirement.name] = version
        if not fits:
            found = f"version {version} is installed" if version else "it is not installed"
            problems.append(f"{requirement.name}{requirement.specifier} is needed, but {found}")
    return packages, extras


def machine(problems: list[str]) -> dict[str, Any]:
    """Processor, memory, device, and the precision that would be chosen, with the reason."""
    found: dict[str, Any] = {
        "system": platform.platform(),
        "memory_bytes": memory_bytes(),
        "cores": os.cpu_count(),
    }
    try:
        import torch

        from profond.core import device as hardware
        from profond.core import processor
    except (
        Exception
    ) as error:  # a broken PyTorch fails in many ways: a missing library, another processor, a half install
        problems.append(f"PyTorch cannot be imported: {error}")
        return found
    device = hardware.choose_device()
    arithmetic, bf16 = hardware.choose_precision(device), processor.bf16()
    found |= {
        "processor": processor.processor_name(),
        "usable_cores": hardware.usable_cores(),
        "threads": torch.get_num_threads(),
        "bf16_instructions": bf16.instructions,
        "bf16_reason": bf16.reason,
        "device": str(device),
        "device_name": torch.cuda.get_device_name(device) if device.type == "cuda" else None,
        "cuda_devices": [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())],
        "precision": arithmetic.precision,
        "precision_reason": arithmetic.reason,
        "unused_gpu": device.type == "cpu" and Path("/proc/driver/nvidia/version").exists(),
    }
    return found


def memory_bytes() -> int | None:
    """The machine's memory, or None where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def cache(problems: list[str]) -> dict[str, Any]:
    """Where fetched files are kept, what is there, and whether more could be written."""
    from profond.core.files import cache_folder, shortened

    folder = cache_folder()
    try:
        folder.exists()
    except OSError as error:  # a name too long, a loop of links
        problems.append(f"the cache folder {shortened(folder)} cannot be used: {error.strerror}; set PROFOND_CACHE")
        return {"folder": str(folder), "bytes": 0, "holds": {}, "free_bytes": 0}
    nearest = folder
    while not nearest.exists():
        nearest = nearest.parent
    if not nearest.is_dir():
        problems.append(f"the cache folder {folder} cannot be made: {nearest} is not a folder; set PROFOND_CACHE")
        nearest = nearest.parent
    elif not os.access(nearest, os.W_OK):
        problems.append(f"the cache folder {folder} cannot be written to; set PROFOND_CACHE to one that can")
    held = {entry.name: size_bytes(entry) for entry in sorted(folder.iterdir())} if folder.is_dir() else {}
    return {
        "folder": str(folder),
        "bytes": sum(held.values()),
        "holds": held,
        "free_bytes": shutil.disk_usage(nearest).free,
    }


def size_bytes(path: Path) -> int:
    """Of a file, or of every file under a folder; what vanishes meanwhile, or may not be read, counts as nothing."""
    total, folders = 0, [path] if path.is_dir() else []
    if not folders and path.is_file() and not path.is_symlink():
        return path.stat().st_size
    while folders:  # not Path.rglob, which takes several times as long over the many files of some data
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(Path(entry.path))
                    elif entry.is_file(follow_symlinks=False):
                        total += entry.stat(follow_symlinks=False).st_size
        except (FileNotFoundError, PermissionError):
            continue
    return total


def client(name: str) -> str | None:
    """Where a registry's client is, or None. Data sets that no mirror gives come through these."""
    if name == "pip":
        found = PathFinder.find_spec("pip")  # setuptools' own finder, asked for pip, unloads distutils with a warning
        return f"{sys.executable} -m pip" if found else shutil.which("pip")
    return shutil.which(name)


def lines(report: dict[str, Any]) -> list[str]:
    """The report for people."""
    origin, computer, kept = report["source"], report["machine"], report["cache"]
    where = f"wheel in {origin['folder']}"
    if origin["kind"] == "checkout":
        where = f"checkout {origin['folder']}" + (f" at {origin['commit']}" if origin["commit"] else "")
    said = [
        row("profond", f"{report['profond']}, {where}"),
        row("python", f"{report['python']['version']} ({report['python']['path']})"),
        row("packages", ", ".join(f"{name} {version or 'MISSING'}" for name, version in report["packages"].items())),
    ]
    in_checkout = origin["kind"] == "checkout"
    for name, extra in report["extras"].items():
        how = f"scripts/install {name}" if in_checkout else f"pip install {' '.join(extra['missing'])}"
        state = f"not here ({', '.join(extra['missing'])}): {how}" if extra["missing"] else "here"
        said.append(row(f"extra {name}", f"{state} · {extra['for']}"))
    said += [
        row("system", computer["system"]),
        row(
            "processor",
            f"{computer.get('processor', 'unknown')}, {computer.get('usable_cores', computer['cores'])} cores usable",
        ),
        row("bf16", computer.get("bf16_instructions") or computer.get("bf16_reason", "unknown")),
        row("memory", readable(computer["memory_bytes"]) if computer["memory_bytes"] else "unknown"),
    ]
    if "device" in computer:
        named = f" ({computer['device_name']})" if computer["device_name"] else ""
        said += [
            row("device", f"{computer['device']}{named}"),
            row("precision", f"{computer['precision']} ({computer['precision_reason']})"),
        ]
    if computer.get("unused_gpu"):
        said.append(
            row("note", "there is an NVIDIA driver, but this PyTorch cannot use it: a CPU build, or a driver too old")
        )
    said += [
        row("cache", f"{kept['folder']}, {readable(kept['bytes'])} used, {readable(kept['free_bytes'])} free"),
        *(row("", f"{name}: {readable(size)}") for name, size in kept["holds"].items()),
        row("disk here", f"{readable(report['disk']['free_bytes'])} free in {report['disk']['folder']}"),
    ]
    said += [
        row(name, report["clients"][name] or "not here: data sets that come through it need a local path")
        for name in CLIENTS
    ]
    said += [row("PROBLEM", problem) for problem in report["problems"]]
    if not report["problems"]:
        said.append(row("result", "nothing that is needed is missing"))
    return said


def row(name: str, text: str) -> str:
    return f"{name:<12} {text}"


def readable(size: int) -> str:
    """Bytes for people: ``11.5 MB`` (of 1,000,000)."""
    if size < 1000:
        return f"{size} bytes"
    amount, units = size / 1000, iter(("kB", "MB", "GB", "TB"))
    unit = next(units)
    while amount >= 1000 and unit != "TB":
        amount, unit = amount / 1000, next(units)
    return f"{amount:.1f} {unit}"
