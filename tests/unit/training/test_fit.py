"""The loop: what each setting does, on small real trainings."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from profond.core.errors import ConfigError, Interrupted, NonFiniteLoss, StorageError
from profond.core.run import Run
from profond.core.spec import Spec
from profond.data.dataset import Dataset
from profond.data.images.augment import Augment
from profond.data.preprocessing import Preprocessing
from profond.data.split import Split, TensorSplit
from profond.tasks.classify import Classify
from profond.training import Fitted, Progress, Training, fit
from profond.training.checkpoint import load_tensors
from profond.training.find import _steepest, find_learning_rate
from profond.training.position import Window


def two_kinds(count: int = 256) -> TensorDataset:
    """Pictures whose class is whether the left half is brighter."""
    inputs = torch.randn(count, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    return TensorDataset(inputs, (inputs[..., :4].sum((1, 2, 3)) > inputs[..., 4:].sum((1, 2, 3))).long())


def network(dropout: float = 0.1) -> nn.Sequential:
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(dropout), nn.Flatten(), nn.Linear(144, 2)
    )


def loader(batch_size: int = 32) -> DataLoader[Any]:
    return DataLoader(two_kinds(), batch_size, shuffle=True)


def settings(**changes: Any) -> Training:
    return Training(**{"epochs": 2, "precision": "fp32", "learning_rate": 0.01, **changes})


class Watch:
    """Records what the loop shows, and may end it at a step."""

    def __init__(self, end_at: int | None = None) -> None:
        self.end_at = end_at
        self.records: list[dict[str, Any]] = []
        self.steps: list[int] = []
        self.calls: list[str] = []

    def started(self, progress: Progress) -> None:
        self.calls.append("started")

    def stepped(self, progress: Progress) -> None:
        self.steps.append(progress.step)
        if progress.step == self.end_at:
            raise KeyboardInterrupt

    def logged(self, progress: Progress, record: Mapping[str, Any]) -> None:
        self.records.append(dict(record))

    def finished(self, progress: Progress) -> None:
        self.calls.append("finished")


def test_it_learns_and_says_so() -> None:
    fitted = fit(network(), Classify(), loader(), settings(epochs=12), valid=loader())
    assert fitted.metrics["valid"]["accuracy"] > 0.9
    assert fitted.steps == 12 * 8
    assert not fitted.model.training


def test_the_same_seed_gives_the_same_bits_and_another_seed_does_not() -> None:
    first, second, other = (fit(network(), Classify(), loader(), settings(seed=seed)).model for seed in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first.parameters(), other.parameters(), strict=True))


def normed() -> nn.Sequential:
    """Its norms stand where a picture is one pixel: a batch of one has nothing to take statistics from."""
    torch.manual_seed(3)
    return nn.Sequential(nn.Conv2d(1, 4, 8), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(4, 2))


def samples(count: int) -> Dataset:
    inputs, targets = two_kinds(count).tensors
    pixels = (inputs * 40 + 128).clamp(0, 255).to(torch.uint8)
    splits: dict[str, Split] = {"train": TensorSplit(pixels, targets, "train")}
    spec = Spec((1, 8, 8), "chw", (0.0, 255.0), ("right", "left"))
    return Dataset("two kinds", spec, Preprocessing(size=(8, 8), mode="L"), splits, "made here")


@pytest.mark.parametrize("accumulate", [1, 2, 3])
def test_a_last_batch_of_one_is_no_trouble_for_norms_and_resumes_to_the_same_bits(
    tmp_path: Path, accumulate: int
) -> None:
    training = settings(accumulate=accumulate, checkpoint_every_seconds=0.0)  # 65 samples are 16 + 16 + 16 + 17

    def train(run: Run, end_at: int | None = None, resume: bool = False) -> Fitted:
        batches = samples(65).batches("train", 16, shuffle=True, augment=Augment(shift=1))
        return fit(normed(), Classify(), batches, training, run=run, resume=resume, observers=[Watch(end_at)])

    expected = train(Run.create(tmp_path, "whole", {}))
    assert expected.steps == 2 * -(-4 // accumulate)
    for end_at in range(1, expected.steps):
        run = Run.create(tmp_path, f"cut{end_at}", {})
        with pytest.raises(KeyboardInterrupt):
            train(run, end_at)
        resumed = train(run, resume=True)
        assert all(torch.equal(a, b) for a, b in zip(resumed.model.state_dict().values(),
                                                     expected.model.state_dict().values(), strict=True))  # fmt: skip


def test_a_network_without_norms_keeps_its_batch_of_one() -> None:
    plain = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
    assert fit(plain, Classify(), samples(65).batches("train", 16), settings(epochs=1)).steps == 5


def test_a_batch_of_one_that_cannot_be_joined_is_told_in_words() -> None:
    for batches in (samples(3).batches("train", 1), DataLoader(two_kinds(33), 32)):
        with pytest.raises(ConfigError, match="batch of one sample has no statistics"):
            fit(normed(), Classify(), batches, settings())


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("schedule", ["one_cycle", "plateau"])
def test_a_run_ended_at_any_step_resumes_to_the_same_bits(tmp_path: Path, precision: str, schedule: str) -> None:
    training = settings(
        precision=precision, schedule=schedule, ema=0.9, accumulate=3, gradient_clip=1.0, log_every_steps=4,
        checkpoint_every_seconds=0.0, plateau_patience=1, patience=5, validate_every_epochs=0.5, keep="best",
    )  # fmt: skip

    def train(run: Run | None, end_at: int | None = None, resume: bool = False) -> Fitted:
        return fit(
            network(),
            Classify(),
            loader(),
            training,
            valid=loader(64),
            run=run,
            resume=resume,
            observers=[Watch(end_at)],
        )

    whole = Run.create(tmp_path, "whole", {})
    expected = train(whole)
    for end_at in range(1, expected.steps):
        run = Run.create(tmp_path, f"cut{end_at}", {})
        with pytest.raises(KeyboardInterrupt):
            train(run, end_at)
        assert run.state["status"] == "interrupted"
        resumed = train(run, resume=True)
        for name, value in expected.model.state_dict().items():
            assert torch.equal(value, resumed.model.state_dict()[name]), (end_at, name)
        lines = [[{**line, "seconds": 0} for line in r.metrics()] for r in (whole, run)]
        assert lines[0] == lines[1]


def test_accumulated_batches_give_the_step_of_one_large_batch() -> None:
    plain = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
    start = {name: value.clone() for name, value in plain.state_dict().items()}
    data = two_kinds(64)
    training = settings(epochs=1, optimizer="sgd", momentum=0.0, schedule="constant", learning_rate=0.1)
    fit(plain, Classify(), DataLoader(data, 64), training)
    large = {name: value.clone() for name, value in plain.state_dict().items()}
    plain.load_state_dict(start)
    fit(plain, Classify(), DataLoader(data, 16), settings(**{**vars(training), "accumulate": 4}))
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(value, large[name])


def test_a_frozen_part_and_its_batch_norm_statistics_do_not_move() -> None:
    model = network()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    fit(model, Classify(), loader(), settings(freeze=("0", "1")))
    after = model.state_dict()
    frozen = [name for name in before if name.startswith(("0.", "1."))]
    assert "1.running_mean" in frozen
    assert all(torch.equal(before[name], after[name]) for name in frozen)
    assert not torch.equal(before["5.weight"], after["5.weight"])
    assert all(parameter.requires_grad for parameter in model.parameters()), "freezing leaves no flag behind"


def test_freezing_what_is_not_there_names_what_is() -> None:
    with pytest.raises(ConfigError, match="parts: 0, 1, 2"):
        fit(network(), Classify(), loader(), settings(freeze=("features.*",)))


def test_a_loss_that_is_not_finite_stops_with_advice_and_the_last_good_checkpoint_stays(tmp_path: Path) -> None:
    class Explodes(Classify):
        steps = 0

        def loss(self, model: nn.Module, batch: Any, phase: Any) -> Any:
            found = super().loss(model, batch, phase)
            self.steps += 1
            if self.steps == 12:
                found.value = found.value * math.inf
            return found

    run = Run.create(tmp_path, "explodes", {})
    with pytest.raises(NonFiniteLoss, match=r"step 12 of 16.*last good checkpoint stays(.|\n)*lower the learning rate"):
        fit(network(), Explodes(), loader(), settings(), run=run)
    tensors, facts = load_tensors(run.file("checkpoints/last/state.safetensors"))
    assert facts["position"]["step"] == 8
    assert all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values())
    assert run.state["status"] == "failed"


def test_a_learning_rate_that_is_far_too_high_is_caught() -> None:
    with pytest.raises(NonFiniteLoss):
        fit(network(), Classify(), loader(), settings(optimizer="sgd", learning_rate=1e30, schedule="constant"))


def test_early_stopping_waits_for_its_patience_and_best_is_kept() -> None:
    watch = Watch()
    model = network()
    training = settings(epochs=50, patience=2, keep="best", learning_rate=1e-9, schedule="constant", monitor="accuracy")
    fitted = fit(model, Classify(), loader(), training, valid=loader(64), observers=[watch])
    accuracies = [record["accuracy"] for record in watch.records if record["split"] == "valid"]
    assert fitted.steps < 50 * 8
    best = max(accuracies)
    assert accuracies[-2:] == [value for value in accuracies[-2:] if value <= best]
    assert accuracies.index(best) == len(accuracies) - 3


@pytest.mark.parametrize("change", [{"patience": 2}, {"schedule": "plateau"}, {"keep": "best"}])
def test_what_needs_validation_says_so(change: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="needs validation data"):
        fit(network(), Classify(), loader(), settings(**change))


def test_monitoring_what_is_not_measured_names_what_is() -> None:
    with pytest.raises(ConfigError, match="accuracy, loss"):
        fit(network(), Classify(), loader(), settings(monitor="f1"), valid=loader())


def test_the_moving_average_is_what_the_model_ends_with() -> None:
    averaged = fit(network(), Classify(), loader(), settings(ema=0.999)).model
    last = fit(network(), Classify(), loader(), settings()).model
    assert not torch.equal(averaged[5].weight, last[5].weight)  # type: ignore[index]


def test_mixed_up_targets_are_learned_from_too() -> None:
    data = two_kinds()
    soft = torch.nn.functional.one_hot(data.tensors[1], 2).float() * 0.8 + 0.1
    fitted = fit(network(), Classify(), DataLoader(TensorDataset(data.tensors[0], soft), 32), settings(epochs=10))
    assert fitted.metrics["train"]["accuracy"] > 0.8


def test_class_weights_move_the_decision() -> None:
    shares = []
    for weights in ([10.0, 1.0], [1.0, 10.0]):
        model = fit(network(), Classify(class_weights=weights), loader(), settings()).model
        shares.append(float((model(two_kinds().tensors[0]).argmax(1) == 0).float().mean()))
    assert shares[0] > shares[1]


def test_fractional_epochs_and_steps_are_counted() -> None:
    assert fit(network(), Classify(), loader(), settings(epochs=1.5)).steps == 12
    assert fit(network(), Classify(), loader(), settings(epochs=None, steps=5)).steps == 5


def test_batches_without_a_length_are_trained_on_by_steps() -> None:
    class Endless:
        def __iter__(self) -> Any:
            while True:
                yield from loader()

    assert fit(network(), Classify(), Endless(), settings(epochs=None, steps=20)).steps == 20
    with pytest.raises(ConfigError, match="give steps instead"):
        fit(network(), Classify(), Endless(), settings())


def test_batches_that_end_for_good_say_at_which_step() -> None:
    with pytest.raises(ConfigError, match="ended at step 8 of 20"):
        fit(network(), Classify(), iter(loader()), settings(epochs=None, steps=20))


def test_an_interruption_without_a_run_says_where_it_was() -> None:
    import os
    import signal

    class Signals(Watch):
        def stepped(self, progress: Progress) -> None:
            if progress.step == 3:
                os.kill(os.getpid(), signal.SIGINT)

    watch = Signals()
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(Interrupted, match="stopped at step 3 of 16"):
        fit(network(), Classify(), loader(), settings(), observers=[watch])
    assert signal.getsignal(signal.SIGINT) is before
    assert watch.calls == ["started", "finished"]


@pytest.mark.parametrize("moment", ["stepped", "finished"], ids=["in the last step", "while the weights are written"])
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_an_interruption_at_the_very_end_is_honoured_and_resumes_to_the_same_bits(
    tmp_path: Path, moment: str, name: str
) -> None:
    import os
    import signal

    class Late(Watch):
        def stepped(self, progress: Progress) -> None:
            if moment == "stepped" and progress.step == progress.total_steps:
                os.kill(os.getpid(), getattr(signal, name))

        def finished(self, progress: Progress) -> None:
            if moment == "finished":
                os.kill(os.getpid(), getattr(signal, name))

    run = Run.create(tmp_path, "late", {})
    with pytest.raises(Interrupted, match="stopped at step 16 of 16; the checkpoint is saved"):
        fit(network(), Classify(), loader(), settings(), run=run, observers=[Late()])
    assert run.state["status"] == "interrupted"
    resumed = fit(network(), Classify(), loader(), settings(), run=run, resume=True).model
    whole = fit(network(), Classify(), loader(), settings()).model
    assert all(torch.equal(a, b) for a, b in zip(resumed.parameters(), whole.parameters(), strict=True))
    assert run.state["status"] == "done"


def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    run = Run.create(tmp_path, "one", {})
    fit(network(), Classify(), loader(), settings(), run=run)
    other = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
    with pytest.raises(ConfigError, match="does not fit the model"):
        fit(other, Classify(), loader(), settings(), run=run, resume=True)


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    run = Run.create(tmp_path, "one", {})
    fit(network(), Classify(), loader(), settings(), run=run)
    path = run.file("checkpoints/last/state.safetensors")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ConfigError, match="damaged"):
        fit(network(), Classify(), loader(), settings(), run=run, resume=True)


def test_a_disk_that_fills_up_loses_nothing_already_saved(tmp_path: Path) -> None:
    import subprocess

    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", str(disk)], capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        run = Run.create(disk, "small", {})

        class Fills(Watch):
            def stepped(self, progress: Progress) -> None:
                if progress.step == 10:
                    with contextlib.suppress(OSError), (disk / "filler").open("ab", buffering=0) as file:
                        while file.write(b"x" * 4096):
                            pass

        with pytest.raises(StorageError, match="no space left"):
            fit(network(), Classify(), loader(), settings(), run=run, observers=[Fills()])
        (disk / "filler").unlink()
        assert load_tensors(run.file("checkpoints/last/state.safetensors"))[1]["position"]["step"] == 8
        resumed = fit(network(), Classify(), loader(), settings(), run=run, resume=True).model
        whole = fit(network(), Classify(), loader(), settings()).model
        assert all(torch.equal(a, b) for a, b in zip(resumed.parameters(), whole.parameters(), strict=True))
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_the_rate_finder_suggests_a_rate_that_trains_and_leaves_the_model_alone() -> None:
    model = network()
    before = [parameter.clone() for parameter in model.parameters()]
    found = find_learning_rate(model, Classify(), loader(), settings(optimizer="adam"))
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    assert 1e-3 <= found.suggestion <= 0.1
    assert list(found.rates) == sorted(found.rates)
    fitted = fit(model, Classify(), loader(), settings(optimizer="adam", epochs=8, learning_rate=found.suggestion))
    assert fitted.metrics["train"]["accuracy"] > 0.85


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_on_few_samples_the_found_rate_ends_no_higher_than_the_one_that_was_set(seed: int) -> None:
    """A sweep learns a few samples by heart on its way; the lowest loss is then at rates that ruin the training."""
    data = two_kinds(48)
    batches = DataLoader(data, 32, shuffle=True)
    training = settings(learning_rate=1e-3, epochs=10, seed=seed)
    found = find_learning_rate(network(), Classify(), batches, training)
    assert 1e-4 <= found.suggestion <= 1e-2

    def ends_at(rate: float) -> float:
        model = fit(network(), Classify(), batches, settings(learning_rate=rate, epochs=10, seed=seed)).model
        with torch.no_grad():
            return float(nn.functional.cross_entropy(model(data.tensors[0]), data.tensors[1]))

    assert ends_at(found.suggestion) <= 1.02 * ends_at(1e-3)


def test_a_rate_that_diverges_never_wins() -> None:
    training = settings(optimizer="sgd", learning_rate=1e30, schedule="constant")
    found = find_learning_rate(network(), Classify(), loader(), training)
    assert found.trial[1e30] == math.inf
    assert found.suggestion <= 1
    assert math.isfinite(found.trial[found.suggestion])


@pytest.mark.parametrize(
    ("losses", "steepest"),
    [
        ([1.0] * 20 + [1.0 - 0.1 * step for step in range(8)] + [0.3] * 20 + [5.0] * 5, range(20, 28)),
        ([1.0, 0.9, 0.5, 0.1] + [0.01] * 60, range(1, 4)),  # learned by heart at once: low at every later rate
        ([1.0 + 0.1 * step for step in range(30)], range(1)),  # it only rises
        ([2.0], range(1)),
    ],
)
def test_the_rate_at_which_the_loss_falls_fastest_is_found(losses: list[float], steepest: range) -> None:
    assert _steepest(losses) in steepest


def test_tied_weights_are_saved_and_found_again(tmp_path: Path) -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(64, 64, bias=False), nn.Linear(64, 64, bias=False)
            self.second.weight = self.first.weight
            self.head = nn.Linear(64, 2)

        def forward(self, inputs: Tensor) -> Tensor:
            return self.head(self.second(self.first(inputs.flatten(1)).relu()))

    run = Run.create(tmp_path, "tied", {})
    model = fit(Tied(), Classify(), loader(), settings(), run=run).model
    tensors, _ = load_tensors(run.file("model.safetensors"))
    assert torch.equal(tensors["first.weight"], tensors["second.weight"])
    assert torch.equal(tensors["first.weight"], model.second.weight)


def test_what_is_reported_is_averaged_whenever_it_is_added_up() -> None:
    torch.manual_seed(0)
    losses = [torch.randn(()) for _ in range(600)]
    hits = [torch.rand(8 if step % 50 else 3) < 0.3 for step in range(600)]
    often, seldom = Window(), Window()
    for loss, right in zip(losses, hits, strict=True):
        for window in (often, seldom):
            window.add({"loss": loss, "accuracy": right}, "main/", len(right))
        often.settle()
    count = sum(map(len, hits))
    means = often.means()
    assert means == seldom.means()
    expected = sum(len(right) * loss.double().item() for loss, right in zip(losses, hits, strict=True)) / count
    assert means["main/loss"] == pytest.approx(expected, rel=1e-12)
    assert means["main/accuracy"] == pytest.approx(float(torch.cat(hits).double().mean()), rel=1e-12)
    assert often.means() == {}


def test_what_is_reported_keeps_no_graph_alive() -> None:
    window, value = Window(), torch.ones((), requires_grad=True)
    window.add({"loss": value * 2})
    assert not any(kept.requires_grad for kept, _ in window._waiting["loss"])
