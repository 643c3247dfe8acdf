"""Pictures a second from JPEG files to batches of tensors, beside Pillow alone.

The files are real photos, cut to 500×375 and stored as plain JPEG, about as large as ImageNet's. "Pillow alone" opens
each file and decodes it whole, in two processes, and does nothing else. Ours decodes in two workers, takes a random
region of it (8 to 100 % of the area), brings it to the size that is wanted, mirrors half of them, stacks and
normalises: what a step of training receives. Folder and shards hold the same files. The variants take turns; the
share is that of Pillow alone in the same turn.
"""

from __future__ import annotations

import io
import statistics
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.child import measure
from benchmarks.report import spread, table

TITLE = "From JPEG files to batches"
WORKERS = 2
BATCH = 64
SIDES = (160, 192, 224)


def write_photos(folder: str, count: int) -> float:
    """``count`` different pictures cut from twenty photos, in two classes; gives the mean size in kB."""
    from PIL import Image, ImageOps

    from profond.data.sets.photos import twenty_photos

    photos = [Image.open(photo.path).convert("RGB") for photo in twenty_photos()]
    total = 0
    for i in range(count):
        photo = photos[i % len(photos)]
        cut = ImageOps.fit(photo, (500, 375), centering=((i * 7 % 11) / 10, (i * 5 % 11) / 10))
        buffer = io.BytesIO()
        cut.save(buffer, "JPEG", quality=95)
        path = Path(folder, "train", f"n0000000{i % 2}", f"{i:05}.JPEG")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(buffer.getvalue())
        total += len(buffer.getvalue())
    return total / count / 1000


def decode(paths: list[str]) -> int:
    """Pillow alone: open, decode, to colour."""
    from PIL import Image

    for path in paths:
        with Image.open(path) as image:
            image.convert("RGB")
    return len(paths)


def turns(folder: str, shards: str, rounds: int) -> dict[str, list[float]]:
    """Pictures a second of each round, by variant."""
    import torch

    from profond.data import open_dataset
    from profond.data.images.augment import Augment

    torch.set_num_threads(1)
    paths = sorted(map(str, Path(folder).rglob("*.JPEG")))
    parts = [paths[i::WORKERS] for i in range(WORKERS)]
    whole: dict[str, Any] = {"valid_fraction": 0.0, "test_fraction": 0.0, "memory_mib": 0}
    found: dict[str, list[float]] = {}
    with get_context("fork").Pool(WORKERS) as pool:
        pool.map(decode, [part[:8] for part in parts])
        loaders = {}
        for side in SIDES:
            for name, place in (("folder", folder), ("shards", shards)):
                data = open_dataset(place, size=side, **whole)
                augment = Augment(decode_crop=0.08, flip=True)
                loaders[f"{name} {side}"] = data.batches("train", BATCH, shuffle=True, augment=augment, workers=WORKERS)
        for turn in range(rounds + 1):
            began = time.perf_counter()
            pool.map(decode, parts, chunksize=1)
            rates = {"pillow": len(paths) / (time.perf_counter() - began)}
            for name, loader in loaders.items():
                # The first batches pay for the workers' start, which a real epoch pays once in 20,000 batches.
                times = []
                for inputs, _ in loader.at(turn):
                    times.append((time.perf_counter(), len(inputs)))
                skipped = 2 * WORKERS
                seconds = times[-1][0] - times[skipped - 1][0]
                rates[name] = sum(size for _, size in times[skipped:]) / seconds
            if turn:  # the first warms up
                for name, rate in rates.items():
                    found.setdefault(name, []).append(rate)
    return found


def run(quick: bool) -> str:
    from profond.data.shards.write import write_shards

    count, rounds = (384, 1) if quick else (3000, 5)
    with tempfile.TemporaryDirectory() as place:
        folder, shards = Path(place, "photos"), Path(place, "shards")
        kilobytes = write_photos(str(folder), count)
        write_shards(folder / "train", shards, size=10_000_000)
        found = measure("imagenet_pipeline", "turns", folder=str(folder), shards=str(shards), rounds=rounds)
    pillow = found["pillow"]
    rows = [[f"Pillow alone, {kilobytes:.0f} kB a picture", spread(pillow, 0), "1.00"]]
    for name, rates in found.items():
        if name == "pillow":
            continue
        kind, side = name.split()
        shares = [rate / alone for rate, alone in zip(rates, pillow, strict=True)]
        rows.append([f"from {kind}, to {side}×{side}", spread(rates, 0), spread(shares, 2)])
    head = f"{count:,} pictures, {rounds} rounds, median of the shares {statistics.median(_shares(found)):.2f}."
    return f"{head}\n\n" + table(("", "pictures a second", "of Pillow alone"), rows)


def _shares(found: dict[str, list[float]]) -> list[float]:
    pairs = [(rates, found["pillow"]) for name, rates in found.items() if name != "pillow"]
    return [rate / alone for rates, pillow in pairs for rate, alone in zip(rates, pillow, strict=True)]
