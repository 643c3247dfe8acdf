"""`profond-serve` is built, installed into an environment of its own, and answers there for an exported file."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.exported import of_pictures

from profond.runtime.exported import ExportedFile

ROOT = Path(__file__).parents[2]
MOST = 400 * 10**6
"""Bytes that it may take, without pip, which is not needed to run it."""
_UNREACHABLE = r"Could not find a version|No matching distribution|NewConnectionError|Connection refused|timed out"


def run(*words: str | Path) -> str:
    """What a command printed; a package index that cannot be reached is a reason to skip."""
    found = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=300)
    if found.returncode and re.search(_UNREACHABLE, found.stderr) and "pip" in words:
        pytest.skip(f"the package index cannot be reached: {found.stderr.strip().splitlines()[-1]}")
    assert found.returncode == 0, found.stderr
    return found.stdout


def asked(address: str, body: bytes) -> dict[str, Any]:
    """What is answered, once the model is loaded."""
    request = urllib.request.Request(address, body, {"Content-Type": "image/png"})
    for _ in range(100):
        try:
            with urllib.request.urlopen(request, timeout=30) as answered:
                return json.load(answered)
        except urllib.error.HTTPError as error:
            if error.code != 503:
                raise
        except urllib.error.URLError:  # it does not listen yet
            pass
        time.sleep(0.1)
    raise AssertionError("it never answered")


@pytest.mark.slow
def test_it_is_small_and_answers_as_profond_does(tmp_path: Path) -> None:
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "-q")
    run(*pip, "wheel", "--no-deps", "-w", tmp_path / "wheel", ROOT / "distributions/serve")
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "alone")
    (wheel,) = (tmp_path / "wheel").iterdir()
    python = tmp_path / "alone/bin/python"
    run(*pip, "--python", python, "install", wheel)
    size = sum(file.lstat().st_size for file in (tmp_path / "alone").rglob("*") if file.is_file())
    assert size < MOST

    file, photo = of_pictures(tmp_path / "signs.onnx"), tmp_path / "photo.png"
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(photo)
    ours = ExportedFile(file, "onnx", 1)
    ours.load([1])
    expected = ours.answer(ours.run(ours.decoded(photo.read_bytes())), 0)

    command = tmp_path / "alone/bin/profond-serve"
    (found,) = json.loads(run(command, "predict", file, photo, "--json"))["predictions"]
    assert found == {"source": str(photo), **expected}
    assert run(command, "predict", file, photo).startswith(f"{photo}\t{expected['label']}\t")
    code = "import importlib.util as u; print([n for n in ('torch', 'scipy', 'pydantic') if u.find_spec(n)])"
    assert run(python, "-c", code).strip() == "[]"

    with subprocess.Popen(
        [command, file, "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as server:
        try:
            assert server.stdout is not None
            seen = []
            for line in server.stdout:
                seen.append(line)
                if address := re.search(r"http://127\.0\.0\.1:\d+", line):
                    break
            else:
                pytest.fail("".join(seen))
            said = asked(f"{address[0]}/predict", photo.read_bytes())
        finally:
            server.terminate()
            server.communicate(timeout=60)
    assert said["label"] == expected["label"]
    assert said["probability"] == pytest.approx(expected["probability"], abs=1e-6)
