"""The German traffic sign benchmark's own layout in small, zipped or unpacked."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

HEAD = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId"
TRAIN, TEST, TRUTH = "GTSRB_Final_Training_Images.zip", "GTSRB_Final_Test_Images.zip", "GTSRB_Final_Test_GT.zip"


def archives(folder: Path, classes: int = 3, tracks: int = 4, frames: int = 6, tests: int = 9) -> Path:
    """The three archives; of class 1 the last track lacks its last picture, as one of the real does."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    with zipfile.ZipFile(folder / TRAIN, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("GTSRB/Readme-Images.txt", "as in the archive")
        for number in range(classes):
            rows = [HEAD]
            for track in range(tracks):
                colour = random.integers(40, 200, 3)
                for frame in range(frames - (number == 1 and track == tracks - 1)):
                    name = f"{track:05}_{frame:05}.ppm"
                    size = 15 + 4 * frame, 16 + 4 * frame
                    packed.writestr(
                        f"GTSRB/Final_Training/Images/{number:05}/{name}", ppm(size, colour, number, random)
                    )
                    rows.append(row(name, size, number))
            packed.writestr(f"GTSRB/Final_Training/Images/{number:05}/GT-{number:05}.csv", "\n".join(rows) + "\n")
    truth = [HEAD]
    with zipfile.ZipFile(folder / TEST, "w", zipfile.ZIP_DEFLATED) as packed:
        for place in range(tests):
            number, size = place % classes, (20 + place, 22)
            name = f"{place:05}.ppm"
            packed.writestr(f"GTSRB/Final_Test/Images/{name}", ppm(size, random.integers(40, 200, 3), number, random))
            truth.append(row(name, size, number))
        without = "\n".join(line.rpartition(";")[0] for line in truth)
        packed.writestr("GTSRB/Final_Test/Images/GT-final_test.test.csv", without)
    with zipfile.ZipFile(folder / TRUTH, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("GT-final_test.csv", "\n".join(truth) + "\n")
    return folder


def unpack(folder: Path, into: Path) -> Path:
    """The archives unpacked side by side, as people do it."""
    for archive in sorted(folder.glob("*.zip")):
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(into)
    return into


def row(name: str, size: tuple[int, int], number: int) -> str:
    return f"{name};{size[0]};{size[1]};2;3;{size[0] - 3};{size[1] - 4};{number}"


def ppm(size: tuple[int, int], colour: np.ndarray, number: int, random: np.random.Generator) -> bytes:
    pixels = np.clip(colour + random.normal(0, 3, (size[1], size[0], 3)), 0, 255).astype(np.uint8)
    pixels[4:-5, 3 : 5 + number % 5] = 255 - 5 * number
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, "PPM")
    return written.getvalue()
