"""A data set as a network sees it: the features of every image, kept, so that similar ones are found at once."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from profond.core.device import together
from profond.core.errors import DataError
from profond.core.files import write_bytes
from profond.core.lettering import class_names
from profond.core.spec import Spec
from profond.data import registry
from profond.data.dataset import Dataset
from profond.data.images.build import build
from profond.data.listing import Listing, Sample
from profond.data.open import open_dataset
from profond.data.tree import IMAGES, entries, is_folder
from profond.evaluation.kept import table
from profond.explain.draw.drawing import save_figure
from profond.explain.network.layer_figure import draw_neighbours
from profond.explain.network.neighbours import Neighbours, nearest
from profond.explain.network.stages import stage_output
from profond.measures.measured import SHARE
from profond.serve.explanation import Explainer, Question
from profond.serve.predictor import Predictor
from profond.serve.seen import as_image

MEMORY_MIB = 512
"""Up to this size the images of a folder without classes are kept decoded."""


@dataclass(frozen=True)
class Gallery:
    """The features of one split.

    Args:
        dataset: the images.
        split: one of its splits.
        stage: where in the network; None is what its head is given. Maps are averaged over their positions.
        features: float32 (n d).
    """

    dataset: Dataset
    split: str
    stage: str | None
    features: NDArray[np.float32]

    @classmethod
    def open(
        cls,
        predictor: Predictor,
        dataset: Dataset,
        split: str,
        folder: Path,
        stage: str | None = None,
        progress: Callable[[int], Any] | None = None,
    ) -> Gallery:
        """Read the features from ``folder``, or compute and keep them there; other weights or data make other files.

        Raises: UnknownName for the split or the stage; DataError for images of another size than the network's.
        """
        dataset = replace(dataset, preprocessing=predictor.preprocessing)
        known = {
            "data": dataset.split_hash(split),
            "content": dataset.content_hash(split),
            "weights": digest(predictor.model),
            "preprocessing": predictor.preprocessing.to_json(),
            "stage": stage,
        }
        key = hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:16]
        path = folder / f"{split}-{key}.npy"
        count = len(dataset.split(split))
        try:
            features = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError):  # not there, or damaged: it can be made again
            features = None
        if features is None or features.ndim != 2 or len(features) != count:
            features = compute(predictor, dataset, split, stage, progress)
            buffer = io.BytesIO()
            np.save(buffer, features, allow_pickle=False)
            write_bytes(path, buffer.getvalue())
        return cls(dataset, split, stage, features)

    def nearest(self, predictor: Predictor, sample: Tensor, count: int, skip: str = "") -> Neighbours:
        """The most similar images to a sample (c h w), without the one that is called ``skip``."""
        with torch.inference_mode():
            one = summary(stage_output(predictor.model, sample[None].to(predictor.device), self.stage))[0]
        split = self.dataset.split(self.split)
        found = nearest(self.features, one.numpy(), min(count + 1, len(split)))
        kept = [place for place, index in enumerate(found.indices) if split.identity(int(index)) != skip][:count]
        return Neighbours(found.indices[kept], found.distances[kept])


def compute(
    predictor: Predictor, dataset: Dataset, split: str, stage: str | None, progress: Callable[[int], Any] | None
) -> NDArray[np.float32]:
    """What every image of a split becomes at a stage: float32 (n d)."""
    found = []
    with torch.inference_mode():
        count = min(128, together(dataset.spec.shape, predictor.device))
        for inputs, _ in dataset.batches(split, count, device=predictor.device):
            found.append(summary(stage_output(predictor.model, inputs, stage)).numpy())
            if progress:
                progress(len(inputs))
    return np.concatenate(found)


def summary(features: Tensor) -> Tensor:
    """Vectors as they are, maps averaged over their positions: float32 (n d) on the CPU."""
    features = features.float()
    return (features.flatten(2).mean(2) if features.ndim > 2 else features).cpu()


def digest(model: nn.Module) -> str:
    """SHA-256 over everything stored in a model."""
    found = hashlib.sha256()
    for name, one in sorted(model.state_dict().items()):
        found.update(name.encode())
        found.update(one.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


def other_images(reference: str, predictor: Predictor) -> Dataset:
    """Images of any classes, or of none, prepared for a predictor.

    Raises: DataError for those of another size than it takes.
    """
    options: dict[str, Any] = {}
    if reference not in registry.names():
        options = {"valid_fraction": 0.0, "test_fraction": 0.0}
        if predictor.preprocessing.size is not None:
            options["preprocessing"] = predictor.preprocessing.to_json()
    files = [] if reference in registry.names() else loose_images(Path(reference).expanduser())
    dataset = without_classes(files, options.get("preprocessing")) if files else open_dataset(reference, **options)
    size, mode = predictor.preprocessing.size, predictor.preprocessing.mode
    received = tuple(dataset.split(next(iter(dataset.splits))).raw(0).shape)
    if size is not None and received != (1 if mode == "L" else 3, *size):
        raise DataError(
            f"{dataset.name} has samples of the shape {'×'.join(map(str, received))}, the network takes"
            f" {'×'.join(map(str, (1 if mode == 'L' else 3, *size)))}",
            "give a folder of images, which is converted",
        )
    return dataset


def loose_images(path: Path) -> list[Path]:
    """The images of a folder that has no folders, in name order; none where it has some, or is no folder."""
    if not path.is_dir():
        return []
    inside = entries(path)
    if any(is_folder(entry) for entry in inside):
        return []
    return [Path(entry.path) for entry in inside if IMAGES.among(entry.name)]


def without_classes(files: Sequence[Path], preprocessing: dict[str, Any] | None) -> Dataset:
    """Images of one folder as a data set; what is similar can be said without classes."""
    folder = files[0].parent
    samples = tuple(Sample(file, folder.name, "train") for file in files)
    listing = Listing(str(folder), folder, samples, (folder.name, "none"))  # NOTE a listing has two classes at least
    return build(listing, None, None, "crop", MEMORY_MIB, preprocessing)


def identity_of(path: Path, dataset: Dataset) -> str:
    """What a file would be called in a data set of files; empty where it lies elsewhere."""
    file, opened = path.resolve(), Path(dataset.name).expanduser().resolve()
    root = opened if opened.is_dir() else opened.parent
    return file.relative_to(root).as_posix() if file.is_relative_to(root) else ""


def show_nearest(
    explainer: Explainer, gallery: Gallery, question: Question, folder: Path, count: int = 12, skip: str = ""
) -> tuple[list[dict[str, Any]], list[Path]]:
    """The picture of the most similar images, without the one that is called ``skip``, and a list of them.

    Returns: rows, best first, with the keys ``image``, ``distance`` and what a target is called; the files.
    """
    explainer.check(["nearest"])
    found = gallery.nearest(explainer.predictor, question.sample, count, skip)
    split, spec = gallery.dataset.split(gallery.split), gallery.dataset.spec
    indices = [int(index) for index in found.indices]
    targets = [spec.target_text(split.targets[index].tolist()) for index in indices]
    identities = [split.identity(index) for index in indices]
    subject, explained = question.subject, question.subject.explained
    among_names = explained.unit == SHARE and bool(explained.top)
    figure = draw_neighbours(
        found,
        [as_image(split.raw(index)) for index in indices],
        _written(targets, spec),
        identities,
        question.seen,
        predicted=subject.write(explained.top[0][0]) if among_names else subject.heading,
        alike=among_names,
        name=subject.name,
        model=explainer.name,
        stage=gallery.stage or "what its head is given",
    )
    picture = save_figure(figure, folder / "nearest.png")
    found_rows = zip(identities, targets, found.distances.tolist(), strict=True)
    rows = [{"image": one, spec.target_name: text, "distance": round(far, 6)} for one, text, far in found_rows]
    lines = ([row["image"], row[spec.target_name], f"{row['distance']:.6f}"] for row in rows)
    columns = table(["image", spec.target_name, "distance"], lines)
    write_bytes(folder / "nearest.csv", columns.encode("utf-8", "surrogateescape"))
    return rows, [picture, folder / "nearest.csv"]


def _written(targets: Sequence[str], spec: Spec) -> list[str]:
    """Targets as they stand in a picture: names of classes so that no two of them are alike."""
    names = dict(zip(spec.classes, class_names(spec.classes, 80)[0], strict=True))
    return [names.get(target, target) for target in targets]
