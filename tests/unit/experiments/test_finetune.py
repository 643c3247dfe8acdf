"""`finetune` as a person meets it: a small MobileNetV2 with weights in a file, and real digits in colour."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from filelock import FileLock
from PIL import Image

from profond import models
from profond.cli import run as profond
from profond.core.errors import NonFiniteLoss
from profond.core.run import Run
from profond.data.open import open_dataset
from profond.data.preprocessing import Preprocessing
from profond.experiments import finetune
from profond.experiments.configuration import changed, for_finetuning
from profond.experiments.doctor.checks import Sign, batch_norm, leaks, strangeness
from profond.experiments.doctor.diagnosis import KINDS, diagnose_plan, diagnose_run
from profond.experiments.experiment import assemble, load
from profond.experiments.train import resume_run, train_experiment
from profond.tasks.classify import Classify
from profond.training import Training, fit
from profond.training.checkpoint import load_tensors, save_tensors
from profond.training.transfer import staged
from profond.weights.published import scaled

pytestmark = pytest.mark.slow

WIDTH = 0.35
SIDE = 32


def digits(folder: Path, per_class: dict[str, int]) -> Path:
    split = open_dataset("mnist").splits["test"]
    found = dict.fromkeys(per_class, 0)
    for index, target in enumerate(split.targets.tolist()):
        name = str(target)
        if name in found and found[name] < per_class[name]:
            found[name] += 1
            (folder / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(split.raw(index)[0].numpy()).convert("RGB").save(folder / name / f"{index:04}.png")
    return folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return digits(tmp_path_factory.mktemp("digits"), {"0": 40, "1": 40, "7": 40})


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a network that has learned five other digits, prepared as the published weights want it."""
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared  # one process trains for all
    path = shared / "own.pth"
    with FileLock(shared / "own.lock"):
        if not path.exists():
            torch.save(learned(tmp_path_factory.mktemp("others")), path)
    return Path(shutil.copy(path, tmp_path_factory.mktemp("weights") / "own.pth"))


def learned(folder: Path) -> dict[str, Any]:
    others = digits(folder, dict.fromkeys("23456", 100))
    known = replace(scaled(SIDE, SIDE), crop=224 / 256)
    data = open_dataset(others, preprocessing=known.to_json(), valid_fraction=0.0, test_fraction=0.0)
    torch.manual_seed(0)
    model = models.create("mobilenet_v2", input_shape=(3, SIDE, SIDE), num_classes=5, width=WIDTH, small_images=True)
    training = Training(epochs=8, learning_rate=5e-3, warmup=0.2, precision="fp32")
    fit(model, Classify(), data.batches("train", 50, shuffle=True), training)
    return model.state_dict()


def arguments(photos: Path, weights: Path, out: Path, *more: str) -> list[str]:
    return [
        "finetune", "--model=mobilenet_v2", f"--data={photos}", f"--weights={weights}", f"--size={SIDE}",
        f"--set=width={WIDTH}", "--set=small_images=true", f"--out={out}", "--precision=fp32", *more,
    ]  # fmt: skip


def config(photos: Path, weights: Path, **changes: Any) -> dict[str, Any]:
    own = {
        "model.width": WIDTH,
        "model.small_images": True,
        "model.input_shape": [3, SIDE, SIDE],
        "transfer.weights": str(weights),
    }
    return changed(for_finetuning("mobilenet_v2", str(photos)), {**own, "precision": "fp32", **changes})


def tuned(capsys: Any, *arguments: str) -> Path:
    assert profond([*arguments, "--json", "--quiet"]) == 0, capsys.readouterr().err
    return Path(json.loads(capsys.readouterr().out)["run"])


def test_a_fine_tuning_leaves_a_run_like_any_other_with_the_weights_preprocessing(
    photos: Path, weights: Path, tmp_path: Path, capsys: Any
) -> None:
    folder = tuned(capsys, *arguments(photos, weights, tmp_path, "--epochs=2"))
    kept = Preprocessing.from_json(json.loads((folder / "preprocessing.json").read_text()))
    assert kept == replace(scaled(SIDE, SIDE), crop=224 / 256, background=(0, 0, 0))  # the last is the digits' own
    card = (folder / "README.md").read_text()
    assert str(weights) in card
    assert "new head, then 3 parts" in card
    saved = json.loads((folder / "config.json").read_text())
    assert [share for share, _ in saved["training"]["unfreeze"]] == [0.2, 0.4, 0.6]
    assert saved["training"]["freeze_norms"]
    weights.rename(weights.with_suffix(".away"))  # a finished run needs the file no more
    try:
        picture = str(next((photos / "0").iterdir()))
        assert profond(["predict", str(folder), picture, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["predictions"][0]["label"] in {"0", "1", "7"}
        assert profond(["evaluate", str(folder), "--json", "--quiet"]) == 0
        capsys.readouterr()
    finally:
        weights.with_suffix(".away").rename(weights)


def test_head_only_trains_on_features_and_puts_the_head_back_into_the_network(
    photos: Path, weights: Path, tmp_path: Path, capsys: Any
) -> None:
    assert profond(arguments(photos, weights, tmp_path, "--head-only")) == 0
    output, told = capsys.readouterr()
    assert "only the head is trained: what it is given by" in told
    (folder,) = tmp_path.iterdir()
    state = Run.open(folder).state
    logged = [line["seconds"] for line in Run.open(folder).metrics()][-1]  # of training alone
    assert state["seconds"] == pytest.approx(logged + state["features_seconds"], abs=0.01)
    assert f"training                {state['seconds']:.1f} s ({state['features_seconds']:.1f} s of it for" in output
    assert f"features whose computing took {state['features_seconds']} s of that" in (folder / "README.md").read_text()
    assert "valid accuracy" in output
    experiment = load(Run.open(folder))
    origin = torch.load(weights, weights_only=True)
    for name, value in experiment.model.state_dict().items():
        assert name.startswith("output.") or torch.equal(value, origin[name]), name
    assert json.loads((folder / "evaluation.json").read_text())["metrics"]["valid"]["accuracy"]["value"] > 0.7


def test_features_give_the_head_that_training_through_the_whole_network_gives(
    photos: Path, weights: Path, tmp_path: Path
) -> None:
    heads = []
    for features in (True, False):
        changes = {"parts": 0, "features": features, "epochs": 2, "dropout": 0.0}
        experiment = assemble(config(photos, weights, **changes))
        run = train_experiment(experiment, out=tmp_path / str(features))
        assert ("features_seconds" in run.state) == features
        heads.append(load(run).model.get_submodule("output").weight)
    torch.testing.assert_close(heads[0], heads[1], rtol=1e-3, atol=1e-5)


def test_augmentation_forbids_features(photos: Path, weights: Path, tmp_path: Path) -> None:
    run = train_experiment(assemble(config(photos, weights, parts=0, epochs=1, shift=1)), out=tmp_path)
    assert "features_seconds" not in run.state


@pytest.mark.parametrize("parts", [0, 3])
@pytest.mark.parametrize("frozen", [True, False, None])
def test_freezing_the_norms_or_not_leaves_the_staging_and_is_kept(
    parts: int, frozen: bool | None, photos: Path, weights: Path
) -> None:
    experiment = assemble(config(photos, weights, parts=parts, freeze_norms=frozen))
    assert bool(experiment.training.freeze) == (parts == 0)
    assert bool(experiment.training.unfreeze) == (parts == 3)
    assert experiment.training.freeze_norms == (frozen is not False)


def test_ctrl_c_while_features_are_computed_is_told_as_during_training(
    photos: Path, weights: Path, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as changed_for_now:
        changed_for_now.setattr(finetune, "head_inputs", stop)
        assert profond(arguments(photos, weights, tmp_path, "--head-only", "--epochs=1")) == 130
    told = capsys.readouterr().err
    assert "computing the features of 108 images once" in told
    (folder,) = tmp_path.iterdir()
    assert f"help: `profond runs resume {folder}` continues it" in told
    assert Run.open(folder).state["status"] == "interrupted"
    assert profond(["runs", "resume", str(folder), "--quiet"]) == 0
    assert Run.open(folder).state["status"] == "done"


@pytest.mark.parametrize("memory_mib", [512, 0])
def test_an_image_that_is_damaged_says_what_finds_all_of_them(
    memory_mib: int, weights: Path, tmp_path: Path, capsys: Any
) -> None:
    folder = digits(tmp_path / "photos", {"0": 12, "1": 12})
    sorted((folder / "0").iterdir())[3].write_bytes(b"no image")
    given = arguments(folder, weights, tmp_path / "runs", "--head-only", f"--set=memory_mib={memory_mib}")
    assert profond(given) == 3
    told = capsys.readouterr().err
    assert "is not an image" in told
    assert f"`profond data check {folder}` looks at all of them" in told
    assert "--set data.unreadable=skip" in told


def test_classes_that_are_not_measured_are_named(photos: Path, weights: Path, tmp_path: Path) -> None:
    for split, counts in {"train": {"0": 9, "1": 9, "7": 9}, "valid": {"0": 2}, "test": {"0": 2, "1": 2}}.items():
        digits(tmp_path / split, counts)
    notes = assemble(config(tmp_path, weights)).notes
    assert "nothing of '1', '7' in valid and of '7' in test: its accuracy does not tell about these" in notes
    assert not any("nothing of" in note for note in assemble(config(photos, weights)).notes)


def test_data_without_a_test_split_is_evaluated_on_valid_unless_asked(
    weights: Path, tmp_path: Path, capsys: Any
) -> None:
    for split, count in (("train", 10), ("valid", 4)):
        digits(tmp_path / "photos" / split, {"0": count, "1": count})
    given = arguments(tmp_path / "photos", weights, tmp_path / "runs", "--head-only", "--epochs=1")
    folder = tuned(capsys, *given)
    for more, where in ([], "valid"), (["--split=train"], "train"):
        assert profond(["evaluate", str(folder), "--no-pictures", "--quiet", *more]) == 0
        assert f", {where}: " in capsys.readouterr().out.splitlines()[0]


@pytest.mark.parametrize("parts", [0, 3])
def test_a_run_killed_before_its_first_checkpoint_starts_again_from_the_weights(
    photos: Path, weights: Path, tmp_path: Path, parts: int
) -> None:
    expected = train_experiment(assemble(config(photos, weights, epochs=1, parts=parts)), out=tmp_path / "whole")
    run = train_experiment(assemble(config(photos, weights, epochs=1, parts=parts)), out=tmp_path / "cut")
    shutil.rmtree(run.file("checkpoints"))
    for name in ("README.md", "model.safetensors", "evaluation.json"):
        run.file(name).unlink()
    run.update(status="running")
    resume_run(Run.open(run.path))
    one, other = load(expected).model.state_dict(), load(run).model.state_dict()
    assert all(torch.equal(value, other[name]) for name, value in one.items())


def test_weights_that_changed_since_are_not_resumed_from(photos: Path, weights: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.pth"
    shutil.copy(weights, own)
    run = train_experiment(assemble(config(photos, own, epochs=1, parts=0)), out=tmp_path / "runs")
    shutil.rmtree(run.file("checkpoints"))
    run.update(status="running")
    changed_weights = torch.load(own, weights_only=True)
    changed_weights["stem.convolution.weight"] += 1
    torch.save(changed_weights, own)
    assert profond(["runs", "resume", str(run.path)]) == 3


def test_the_same_head_size_gets_a_new_head_too(photos: Path, weights: Path, tmp_path: Path) -> None:
    three = tmp_path / "three.pth"
    saved = torch.load(weights, weights_only=True)
    saved |= {name: saved[name][:3] for name in ("output.weight", "output.bias")}
    torch.save(saved, three)
    model = assemble(config(photos, three)).model
    assert not torch.equal(model.get_submodule("output").weight, saved["output.weight"])
    assert torch.equal(model.get_submodule("last.convolution").weight, saved["last.convolution.weight"])


def test_a_large_imbalance_is_weighed_and_said(weights: Path, tmp_path: Path, capsys: Any) -> None:
    uneven = digits(tmp_path / "uneven", {"0": 60, "1": 15})
    assert profond(arguments(uneven, weights, tmp_path / "runs", "--head-only", "--epochs=1")) == 0
    assert "the loss weighs every class alike" in capsys.readouterr().err
    experiment = assemble(config(uneven, weights))
    counts = torch.bincount(experiment.dataset.splits["train"].targets)
    weighed = torch.tensor(experiment.config.task.settings["class_weights"])
    torch.testing.assert_close(weighed * counts, (weighed * counts).mean().expand(2))
    assert assemble(config(uneven, weights, class_weights=None)).config.task.settings["class_weights"] is None


def test_even_classes_are_not_weighed(photos: Path, weights: Path) -> None:
    assert assemble(config(photos, weights)).config.task.settings["class_weights"] is None


def test_registered_pictures_are_brought_to_the_network_and_few_of_each_class_can_be_asked_for(
    weights: Path, tmp_path: Path, capsys: Any
) -> None:
    limits = '--set=per_class={"train": 12, "test": 3}'
    folder = tuned(capsys, *arguments(Path("mnist"), weights, tmp_path, "--head-only", "--epochs=1", limits))
    split = json.loads((folder / "split.json").read_text())["sizes"]
    assert split == {"train": 110, "valid": 10, "test": 30}
    experiment = load(Run.open(folder))
    assert experiment.dataset.splits["train"].raw(0).shape == (3, SIDE, SIDE)
    assert profond(["evaluate", str(folder), "--json", "--quiet"]) == 0
    capsys.readouterr()


def test_a_class_that_the_portion_takes_is_the_same_in_test_for_every_seed_and_another_in_train(weights: Path) -> None:
    seen = []
    for seed in (0, 1):
        limits = {"loader.per_class": {"train": 5, "test": 2}, "seed": seed, "valid_fraction": 0.0, "keep": "last"}
        seen.append(assemble(config(Path("mnist"), weights, **limits)).dataset)
    assert seen[0].split_hash("test") == seen[1].split_hash("test")
    assert seen[0].split_hash("train") != seen[1].split_hash("train")


def test_parts_are_cut_from_the_deepest_stages_with_smaller_rates_below() -> None:
    model = models.create("mobilenet_v2", input_shape=(3, SIDE, SIDE), num_classes=3, width=WIDTH)
    settings = staged(model, parts=2, head_share=0.4, rate_decay=0.5)
    (first, deep), (second, early) = settings["unfreeze"]
    assert first == 0.4 < second < 1
    assert deep[-1] == "last"
    assert early[0] == "stem"
    assert {settings["rate_factors"][name] for name in deep} == {0.5}
    assert {settings["rate_factors"][name] for name in early} == {0.25}
    whole = staged(model, parts=99)
    assert len(whole["unfreeze"]) == 9
    assert max(share for share, _ in whole["unfreeze"]) < 1


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (["--model=lenet5"], 4, "no weights are published for lenet5"),
        (["--model=mobilenet_v3"], 2, "did you mean 'mobilenet_v2'?"),
        (["--model=resnet18"], 3, "holds the weights of another network"),
        (["--weights=keras9"], 2, "unknown weights"),
        (["--weights=/no/such.pth"], 3, "/no/such.pth"),
        (["--data=/no/such"], 3, "there is no /no/such"),
        (["--data=japanese_vowels"], 3, "are not pictures"),
        (["--head-only", "--parts=2"], 2, "contradict"),
        (["--set=parts=-1"], 3, "parts of transfer: '-1' does not fit"),
        (["--set=rate_decay=2"], 3, "rate_decay of transfer: '2' does not fit"),
        (["--set=data.size=64"], 3, "belongs to the weights"),
        (["last"], 2, "with --doctor"),
    ],
)
def test_bad_input_is_one_error_with_help(
    change: list[str], code: int, words: str, photos: Path, weights: Path, tmp_path: Path, capsys: Any
) -> None:
    given = arguments(photos, weights, tmp_path / "runs", *change)
    if "lenet5" in change[0]:
        given = ["finetune", "--model=lenet5", f"--data={photos}", f"--out={tmp_path / 'runs'}"]
    if "resnet18" in change[0]:
        given = [one for one in given if "width" not in one and "small_images" not in one]
    assert profond(given) == code
    output, told = capsys.readouterr()
    assert output == ""
    assert words in told
    assert told.count("error: ") == told.count("help: ") == 1
    assert not list((tmp_path / "runs").glob("*"))


def test_pretrained_may_be_said_though_it_is_always_so(
    photos: Path, weights: Path, tmp_path: Path, capsys: Any
) -> None:
    assert profond(arguments(photos, weights, tmp_path, "--pretrained", "--set=parts=-1")) == 3
    assert "parts of transfer: '-1'" in capsys.readouterr().err


def test_one_class_alone_is_refused(weights: Path, tmp_path: Path, capsys: Any) -> None:
    lonely = digits(tmp_path / "lonely", {"3": 5})
    assert profond(arguments(lonely, weights, tmp_path / "runs")) == 3
    assert "one class only" in capsys.readouterr().err


# --doctor: each mistake planted and found, and a healthy setup clean


def signs(of: Any) -> dict[str, Sign]:
    found = diagnose_run(of) if isinstance(of, Run) else diagnose_plan(of)
    assert [sign.kind for sign in found] == list(KINDS)
    assert all(sign.evidence for sign in found)
    assert all(sign.help for sign in found if sign.found)
    return {sign.kind: sign for sign in found}


def only(kind: str, of: Any) -> Sign:
    """The sign of the mistake that was planted; no other is found."""
    found = signs(of)
    assert {name for name, sign in found.items() if sign.found} == {kind}, found
    return found[kind]


@pytest.fixture(scope="module")
def healthy(photos: Path, weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    experiment = assemble(config(photos, weights, epochs=4))
    return train_experiment(experiment, out=tmp_path_factory.mktemp("healthy"))


def copied(run: Run, folder: Path) -> Run:
    shutil.copytree(run.path, folder)
    return Run.open(folder)


def test_a_healthy_plan_has_none_of_the_mistakes(photos: Path, weights: Path) -> None:
    assert [sign for sign in signs(config(photos, weights)).values() if sign.found] == []


def test_a_healthy_run_has_none_of_the_mistakes(healthy: Run) -> None:
    assert [sign for sign in signs(healthy).values() if sign.found] == []


def test_pixels_that_the_weights_do_not_know_are_measured(photos: Path, weights: Path) -> None:
    known = replace(scaled(SIDE, SIDE), crop=224 / 256)
    raw = replace(known, mean=(0.0,) * 3, std=(1.0,) * 3, scale=1.0)
    planted = config(photos, weights, **{"data.preprocessing": raw.to_json()})
    sign = signs(planted)["preprocessing"]
    assert sign.found
    assert "scale is 1.0, the weights' is 255.0" in sign.evidence


def test_the_batch_norms_tell_wrong_pixels_without_knowing_the_right_ones(healthy: Run) -> None:
    experiment = load(healthy)
    raw = torch.stack([experiment.dataset.splits["train"].raw(index) for index in range(64)])
    right = experiment.preprocessing
    own = strangeness(experiment.model, right.normalise(raw))
    wrong = strangeness(experiment.model, replace(right, mean=(0.0,), std=(1.0,), scale=1.0).normalise(raw))
    assert own is not None
    assert wrong is not None
    assert own < 0.5
    assert wrong > 4 * own


def test_a_runs_preprocessing_that_was_changed_is_found(healthy: Run, tmp_path: Path) -> None:
    run = copied(healthy, tmp_path / "run")
    run.write("preprocessing.json", {**run.read("preprocessing.json"), "channels": "BGR"})
    assert "channels is BGR" in signs(run)["preprocessing"].evidence


def test_labels_in_another_order_than_the_folder_are_found(healthy: Run, tmp_path: Path) -> None:
    run = copied(healthy, tmp_path / "run")
    run.write("spec.json", {**run.read("spec.json"), "classes": ["1", "7", "0"]})
    assert "'1' as number 0, the data has '0'" in only("labels", run).evidence


def test_a_head_in_another_order_than_the_labels_is_found_by_its_answers(healthy: Run, tmp_path: Path) -> None:
    run = copied(healthy, tmp_path / "run")
    tensors, facts = load_tensors(run.file("model.safetensors"))
    turned = {name: tensors[name].roll(1, 0) for name in ("output.weight", "output.bias")}
    save_tensors(run.file("model.safetensors"), {**tensors, **turned}, facts)
    sign = signs(run)["labels"]
    assert sign.found
    assert "if the outputs stood in another order" in sign.evidence


def test_a_rate_that_is_too_high_is_found_before_training(photos: Path, weights: Path) -> None:
    sign = only("rate", config(photos, weights, learning_rate=3.0))
    assert "at a tenth of it" in sign.evidence
    assert "now 3" in sign.help


def test_a_run_whose_loss_rose_is_found(healthy: Run, tmp_path: Path) -> None:
    run = copied(healthy, tmp_path / "run")
    lines = [line for line in run.metrics() if line["split"] == "train"]
    run.append_metrics({**lines[-1], "loss": 5 * lines[-1]["loss"]})
    run.append_metrics({**lines[-1], "loss": 9 * lines[-1]["loss"]})
    assert "the training loss rose" in only("rate", run).evidence


def test_a_short_run_that_ended_far_worse_than_guessing_is_found(healthy: Run, tmp_path: Path) -> None:
    run = copied(healthy, tmp_path / "run")
    (line,) = [line for line in run.metrics() if line["split"] == "train"]
    assert "on average, guessing has 1.1" in signs(run)["rate"].evidence
    for loss, said in ((4610.0, "4.61e+03"), (float("nan"), "nan")):
        run.rewind_metrics(0)
        run.append_metrics({**line, "loss": loss})
        sign = only("rate", run)
        assert f"the last training loss is {said}, and guessing among the classes has 1.1" in sign.evidence
        assert "lower the learning rate" in sign.help


def test_a_run_that_became_infinite_is_found(photos: Path, weights: Path, tmp_path: Path) -> None:
    planted = config(photos, weights, learning_rate=1e30, optimizer="sgd", schedule="constant", warmup=0)
    with pytest.raises(NonFiniteLoss):
        train_experiment(assemble(planted), out=tmp_path)
    (folder,) = tmp_path.iterdir()
    assert "not finite" in only("rate", Run.open(folder)).evidence


def test_norms_that_would_move_with_small_batches_are_found_and_the_advice_helps(photos: Path, weights: Path) -> None:
    def seen(**changes: Any) -> Sign:
        return batch_norm(assemble(config(photos, weights, batch_size=4, **changes)), None)

    moving = seen(freeze_norms=False)
    assert moving.found
    assert "batches of 4" in moving.evidence
    assert "--set freeze_norms=true" in moving.help
    assert not seen(freeze_norms=True).found
    assert not seen().found


def test_statistics_from_small_batches_are_found(photos: Path, weights: Path) -> None:
    moving = {"freeze_norms": False, "unfreeze": [[0.5, ["last"]]]}
    sign = only("batch_norm", config(photos, weights, batch_size=4, **moving))
    assert "batches of 4" in sign.evidence
    lonely = {**moving, "batch_size": 19}  # 96 are 5 × 19 + 1, and the one is joined to the 19 before it
    assert not signs(config(photos, weights, **lonely))["batch_norm"].found


def test_frozen_statistics_that_moved_are_found(healthy: Run, tmp_path: Path) -> None:
    run = copied(healthy, tmp_path / "run")
    tensors, facts = load_tensors(run.file("model.safetensors"))
    tensors["stem.norm.running_mean"] += 0.01
    save_tensors(run.file("model.safetensors"), tensors, facts)
    assert "frozen layers are not those of the weights: stem.norm" in only("batch_norm", run).evidence


def test_running_statistics_that_do_not_follow_are_found(photos: Path, weights: Path, tmp_path: Path) -> None:
    """The published momentum of some networks is 0.001: in a short training the statistics stay where they were."""
    start = torch.load(weights, weights_only=True)
    start = {name: value + 3 if name.endswith("running_mean") else value for name, value in start.items()}
    torch.save(start, tmp_path / "off.pth")
    changes = {"rate_factors": {"stem": 0.5}, "norm_momentum": 0.001, "epochs": 3, "keep": "last"}
    run = train_experiment(assemble(config(photos, tmp_path / "off.pth", **changes)), out=tmp_path / "runs")
    sign = signs(run)["batch_norm"]
    assert sign.found
    assert "with running statistics" in sign.evidence


def test_a_picture_in_two_splits_is_found(weights: Path, tmp_path: Path) -> None:
    folder = digits(tmp_path / "photos", {"0": 30, "1": 30})
    for path in sorted((folder / "0").iterdir())[:12]:  # twelve twins: some pair is torn apart by any splitting
        Image.open(path).save(path.with_name(f"copy-{path.stem}.bmp"))  # another file: equal ones are kept together
    sign = only("leaks", config(folder, weights))
    assert "LEAK" in sign.evidence
    assert "--duplicates-together" in sign.help


def test_the_help_for_a_leak_between_given_splits_leads_out_of_it(weights: Path, tmp_path: Path, capsys: Any) -> None:
    for split, count in (("train", 16), ("valid", 4), ("test", 4)):
        digits(tmp_path / "photos" / split, {"0": count, "1": count})
    sign = leaks(assemble(config(tmp_path / "photos", weights)))
    assert sign.found
    advised = sign.help.split("`")[1].replace("split.csv", str(tmp_path / "split.csv")).split()
    digits(tmp_path / "photos" / "test", {"0": 20, "1": 20})
    assert profond(advised[1:]) == 0, capsys.readouterr().err
    assert not leaks(assemble(config(tmp_path / "split.csv", weights))).found


def test_a_class_with_too_few_pictures_is_found(weights: Path, tmp_path: Path) -> None:
    folder = digits(tmp_path / "photos", {"0": 30, "1": 30, "7": 6})
    assert "7 (" in only("few", config(folder, weights)).evidence


def test_the_doctors_verb_says_what_it_found_and_exits_with_1(
    photos: Path, weights: Path, healthy: Run, tmp_path: Path, capsys: Any
) -> None:
    assert profond(["finetune", "--doctor", str(healthy.path), "--quiet"]) == 0
    assert "none of 6 usual mistakes found" in capsys.readouterr().out
    given = arguments(photos, weights, tmp_path, "--doctor", "--learning-rate=3", "--json", "--quiet")
    assert profond(given) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["found"] == 1
    assert [sign["kind"] for sign in document["signs"] if sign["found"]] == ["rate"]
    assert not list(tmp_path.iterdir())
