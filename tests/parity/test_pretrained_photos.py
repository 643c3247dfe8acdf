"""Smoke test: weights that a package registry has, on twenty labelled photos. Not an ImageNet score."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from profond.core.errors import MissingError
from profond.data.images.decoding import open_image
from profond.weights.pretrained import load_pretrained

# Right among the first one and the first five, of twenty.
EXPECTED = {
    ("efficientnet_lite0", "published"): (18, 19),
    ("efficientnet_lite1", "published"): (18, 20),
    ("efficientnet_lite2", "published"): (18, 20),
    ("squeezenet1_1", "caffe"): (14, 18),
}


@pytest.mark.parametrize(("model", "source"), EXPECTED)
def test_smoke_published_weights_know_the_photos(photos: list[tuple[Path, int]], model: str, source: str) -> None:
    try:
        found = load_pretrained(model, source)
    except MissingError as error:
        pytest.skip(f"the weights cannot be fetched: {error.message}")
    images = torch.stack([found.preprocessing.decode(open_image(path).image) for path, _ in photos])
    with torch.inference_mode():
        best = found.model(found.preprocessing.normalise(images)).topk(5).indices
    labels = torch.tensor([label for _, label in photos])[:, None]
    top1, top5 = int((best[:, :1] == labels).sum()), int((best == labels).sum())
    print(f"\n{model} of {source}: {top1} of 20 right, {top5} of 20 among the first five")
    assert (top1, top5) >= EXPECTED[model, source]
    assert top5 >= EXPECTED[model, source][1]


def test_smoke_a_backbone_inside_a_keras_model_knows_a_dog(photos: list[tuple[Path, int]]) -> None:
    """Nineteen breeds on a MobileNetV2 that stands as one layer in another model, partly frozen when it was saved."""
    try:
        found = load_pretrained("mobilenet_v2", "dogs")
    except MissingError as error:
        pytest.skip(f"the weights cannot be fetched: {error.message}")
    path = next(path for path, label in photos if label == 243)
    raw = found.preprocessing.decode(open_image(path).image)
    with torch.inference_mode():
        shares = found.model(found.preprocessing.normalise(raw[None])).softmax(1)[0]
    assert found.classes[int(shares.argmax())] == "bull mastiff"


def test_smoke_published_weights_are_measured_on_imagenets_folder(
    photos: list[tuple[Path, int]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Folders named by synsets, and a network that knows words: the labels meet in the middle."""
    from profond.cli import run as profond
    from profond.weights.classes import imagenet_synsets

    try:
        load_pretrained("efficientnet_lite0", "published")
        synsets = [synset for synset, _ in imagenet_synsets()]
    except MissingError as error:
        pytest.skip(f"weights or names cannot be fetched: {error.message}")
    for path, label in photos:
        for part in ("train", "val"):
            folder = tmp_path / "ILSVRC2012" / part / synsets[label]
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{path.stem}.JPEG").write_bytes(path.read_bytes())
    words = ["evaluate", "--model", "efficientnet_lite0", "--pretrained", "--weights", "published", "--json", "--quiet"]
    assert profond([*words, "--data", str(tmp_path / "ILSVRC2012"), "--split", "valid", "--device", "cpu"]) == 0
    found = json.loads(capsys.readouterr().out)
    [measured] = found["metrics"].values()
    assert found["count"] == 20
    assert measured["accuracy"]["value"] >= 18 / 20
