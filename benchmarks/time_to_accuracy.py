"""Seconds of training until LeNet-5 (61,706 parameters) reads 99.0 % and 99.3 % of MNIST's test pictures.

The peers train as their tutorials do (Adam, rate 1e-3, batch 128, float32) and stop after the first epoch that reaches
the goal; looking at the test pictures is not counted. Profond trains a fixed recipe once, through ``fit``, without
looking; all of ``fit`` is counted but what PyTorch imports with the first optimizer that is made, which stands before
the peer's clock too. Data is in memory for all.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.child import measure
from benchmarks.peers import keras_network, read_digits, torch_network, write_digits
from benchmarks.report import spread, table

TITLE = "Time to 99.0 % and 99.3 % on MNIST, LeNet-5"
GOAL = 0.990
MOST_EPOCHS = 15
BATCH = 128


def profond_fit(recipe: str, seed: int, epochs: float | None = None) -> dict[str, Any]:
    """One seed of a recipe through the public `fit`."""
    import torch

    from profond.evaluation.evaluate import evaluate
    from profond.experiments.configuration import changed, from_recipe
    from profond.experiments.experiment import assemble
    from profond.training import fit

    changes: dict[str, Any] = {"seed": seed}
    if epochs is not None:
        changes["epochs"] = epochs
    experiment = assemble(changed(from_recipe(recipe), changes))
    assert sum(parameter.numel() for parameter in experiment.model.parameters()) == 61_706
    batches = experiment.batches("train", training=True)
    torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))])  # PyTorch imports a second's worth with its first optimizer
    began = time.perf_counter()
    fitted = fit(experiment.model, experiment.task, batches, experiment.training)
    seconds = time.perf_counter() - began
    report = evaluate(fitted.model, experiment.task, experiment.batches("test"), spec=experiment.spec)
    return {"accuracy": report.metrics["accuracy"].value, "seconds": seconds}


def torch_loop(digits: str, seed: int, most_epochs: int) -> dict[str, Any]:
    import torch
    import torch.nn.functional as F

    torch.manual_seed(seed)
    x, y = (torch.from_numpy(array) for array in read_digits(digits, "train"))
    test_x, test_y = (torch.from_numpy(array) for array in read_digits(digits, "test"))
    x, test_x = x[:, None], test_x[:, None]
    model = torch_network("lenet5")
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    seconds, accuracies = 0.0, []
    for _ in range(most_epochs):
        began = time.perf_counter()
        model.train()
        for chosen in torch.randperm(len(x)).split(BATCH):
            loss = F.cross_entropy(model(x[chosen]), y[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        seconds += time.perf_counter() - began
        model.eval()
        with torch.no_grad():
            right = torch.cat([model(part).argmax(1) for part in test_x.split(1000)]) == test_y
        accuracies.append(right.double().mean().item())
        if accuracies[-1] >= GOAL:
            break
    return {"accuracy": accuracies[-1], "seconds": seconds, "epochs": len(accuracies)}


def keras_fit(digits: str, seed: int, most_epochs: int) -> dict[str, Any]:
    import keras

    x, y = read_digits(digits, "train")
    test_x, test_y = read_digits(digits, "test")
    model = keras_network("lenet5")
    keras.utils.set_random_seed(seed)
    model = keras.models.clone_model(model)  # fresh weights of this seed
    model.compile(
        keras.optimizers.Adam(1e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"]
    )
    seconds, accuracies = 0.0, []
    for _ in range(most_epochs):
        began = time.perf_counter()
        model.fit(x[..., None], y, batch_size=BATCH, epochs=1, verbose=0)
        seconds += time.perf_counter() - began
        _, accuracy = model.evaluate(test_x[..., None], test_y, batch_size=1000, verbose=0)
        accuracies.append(float(accuracy))
        if accuracies[-1] >= GOAL:
            break
    return {"accuracy": accuracies[-1], "seconds": seconds, "epochs": len(accuracies)}


def run(quick: bool, short: bool = False) -> str:
    """The table, as Markdown; a short one has three seeds of ours, and one of each peer."""
    rounds, seeds = (1, 1) if quick else (1, 3) if short else (3, 10)
    most = 1 if quick else MOST_EPOCHS
    results: dict[str, list[dict[str, Any]]] = {"lenet5_fast": [], "lenet5": [], "torch": [], "keras": []}
    with tempfile.TemporaryDirectory() as folder:
        digits = str(Path(folder) / "digits.npz")
        write_digits(digits)
        for turn in range(rounds):
            for seed in range(turn, seeds, rounds):
                for recipe in ("lenet5_fast", "lenet5"):
                    few: dict[str, Any] = {"epochs": 0.02} if quick else {}
                    results[recipe].append(measure("time_to_accuracy", "profond_fit", recipe=recipe, seed=seed, **few))
            for peer, function in (("torch", "torch_loop"), ("keras", "keras_fit")):
                settings: dict[str, Any] = {"digits": digits, "seed": turn, "most_epochs": most}
                results[peer].append(measure("time_to_accuracy", function, **settings))
    names = {
        "lenet5_fast": "Profond, recipe `lenet5_fast`",
        "lenet5": "Profond, recipe `lenet5`",
        "torch": "PyTorch, tutorial's loop, until 99.0 %",
        "keras": "Keras on TensorFlow, `fit`, until 99.0 %",
    }
    fast = statistics.mean(result["seconds"] for result in results["lenet5_fast"])
    rows = []
    for key, found in results.items():
        accuracies = [100 * result["accuracy"] for result in found]
        seconds = [result["seconds"] for result in found]
        mean = statistics.mean(seconds)
        rows.append(
            [
                names[key],
                str(len(found)),
                f"{statistics.mean(accuracies):.3f} % ({min(accuracies):.2f} to {max(accuracies):.2f})",
                spread(seconds, 2),
                f"{mean:.2f}",
                f"{mean / fast:.1f}×",
            ]
        )
    columns = ("", "seeds", "mean test accuracy", "seconds, median", "seconds, mean", "of `lenet5_fast`")
    return table(columns, rows)
