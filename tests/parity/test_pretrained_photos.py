"""Smoke test: weights that a package registry has, on twenty labelled photos. Not an ImageNet score."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from profond.core.errors import MissingError
from profond.data.images import open_image
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
