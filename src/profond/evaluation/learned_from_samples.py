"""What a network reads of real pictures that was trained on samples alone: is there all to be learned from these?"""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from profond.core.device import choose_device
from profond.core.errors import DataError
from profond.core.randomness import seed_here
from profond.data.dataset import Dataset
from profond.data.split import TensorSplit
from profond.evaluation.evaluate import evaluate
from profond.measures.measured import Measured
from profond.models import create
from profond.tasks import task_for
from profond.training import Training, fit

NETWORK = "convnet2d"
WIDTHS = (32, 64, 128)


def learned_from_samples(
    samples: Tensor,
    labels: Tensor,
    dataset: Dataset,
    *,
    split: str = "test",
    epochs: float = 8,
    seed: int = 0,
    device: str = "auto",
) -> Measured:
    """The accuracy on real pictures of a small convolutional network that has seen nothing but samples.

    Args:
        samples: uint8 (n, c, h, w).
        labels: what each was made for, int64 (n).
        dataset: of the real pictures, of the same shape and classes.
        split: of the real ones, to be read.
        epochs: over the samples.
        seed: of the network and the order.
        device: where it is trained and measured.

    Raises: DataError for samples of another shape, or without one of the classes.

    Source: S. Ravuri, O. Vinyals, Classification accuracy score for conditional generative models, NeurIPS 2019;
        deviation: a small network of ours in place of a ResNet-50.
    """
    shape, classes = dataset.spec.shape, dataset.spec.num_classes
    if tuple(samples.shape[1:]) != tuple(shape):
        raise DataError(
            f"samples have the shape {tuple(samples.shape[1:])}, and the real ones {tuple(shape)}",
            "make samples with a run on these data",
        )
    missing = sorted(set(range(classes)) - set(labels.tolist()))
    if missing:
        names = ", ".join(dataset.spec.classes[label] for label in missing[:5])
        raise DataError(f"there is no sample of {names}", "make samples of every class")
    prepared = replace(
        dataset.between(-1.0, 1.0), splits={**dataset.splits, "train": TensorSplit(samples, labels, "made")}
    )
    seed_here(seed, "learned from samples")
    model = create(NETWORK, dataset.spec, widths=WIDTHS)
    here, task = choose_device(device), task_for(dataset.spec)
    training = Training(epochs=epochs, optimizer="adam", learning_rate=3e-3, warmup=0.15, seed=seed, device=device)
    fit(model, task, prepared.batches("train", 128, shuffle=True, seed=seed, device=here), training)
    report = evaluate(model, task, prepared.batches(split, 512, device=here), spec=dataset.spec, device=here)
    return replace(report.metrics[report.headline], title="learned from samples")
