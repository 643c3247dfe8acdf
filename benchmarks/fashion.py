"""Clothes on demand: recipe `fashion_on_demand` beside a conditional DCGAN that sees as many images, read by a judge.

python -m benchmarks.fashion --seeds 0 1 2 --out FOLDER     trains, measures, and writes a file a seed
python -m benchmarks.fashion --table FOLDER                 the table of these files

The judge (recipe `fashion_judge`) is trained once, on the real training set, in the folder too. A seed a process, all
with one folder, is as good as one process. What is trained is kept there and not trained again; `--only-train` leaves
the measuring to a later call. Samples are as many of each class, real ones those of the test set; the floor is real
training pictures in place of samples, as many. Time is the processor's, on all cores, or a GPU's.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock
from safetensors.torch import load_file, save_file
from torch import Tensor

from benchmarks.machine import description
from benchmarks.report import table
from profond.core.device import choose_device
from profond.data.dataset import Dataset
from profond.evaluation.learned_from_samples import learned_from_samples
from profond.experiments.configuration import Configuration, changed, from_recipe
from profond.experiments.experiment import assemble
from profond.experiments.train import put_to_work
from profond.lecture.clothes import RECIPE, dcgan, seeing
from profond.lecture.repeats import mean_of
from profond.measures.compared import compared
from profond.measures.judge import Judge
from profond.measures.latents import latents
from profond.measures.measured import Measured
from profond.measures.on_demand import frechet_ratio, on_demand, real_of_each
from profond.measures.pixels import as_pixels
from profond.tasks.picture_features import judge_of
from profond.tasks.samples import samples_of
from profond.training import fit

TITLE = "Clothes on demand (Fashion-MNIST), beside DCGAN"
NAMES = {"profond": f"recipe `{RECIPE}`", "dcgan": "DCGAN, as many images", "dcgan_time": "DCGAN, as much time"}
MEASURES = ("frechet_distance", "coverage", "precision", "recall", "density", "kernel_distance")


@dataclass(frozen=True)
class Made:
    """Samples of the classes in turn, uint8 (n, c, h, w) and int64 (n), and how their generator was trained."""

    samples: Tensor
    labels: Tensor
    facts: Mapping[str, Any]


def configuration(images: int, batch_size: int | None, changes: Mapping[str, Any]) -> Configuration:
    """The recipe, for so many images seen."""
    config = from_recipe(RECIPE)
    if batch_size:
        config = changed(config, {"loader.batch_size": batch_size})
    return changed(seeing(config, images), changes)


def trained(config: Configuration, seed: int, asked: argparse.Namespace, name: str) -> Made:
    """Train, or take what was trained before, and make samples."""
    experiment = assemble(changed(config, {"training.seed": seed, "training.device": asked.device}))
    device = choose_device(asked.device)
    weights, facts = (asked.out / f"{name}_{seed}{ending}" for ending in (".safetensors", ".json"))
    if not facts.is_file():
        batches, began = experiment.batches("train", training=True, device=device), time.process_time()
        fitted = fit(experiment.model, experiment.task, batches, experiment.training)
        work = time.process_time() - began if device.type == "cpu" else fitted.seconds  # other jobs do not count
        save_file({key: value.contiguous() for key, value in fitted.model.state_dict().items()}, weights)
        assert experiment.training.steps is not None
        images = experiment.training.steps * experiment.loader.batch_size
        found = {"images": images, "seconds": fitted.seconds, "work": work, "arithmetic": str(fitted.arithmetic)}
        facts.write_text(json.dumps({**found, "machine": _machine(asked.device)}), encoding="utf-8")
    model: Any = experiment.model
    model.load_state_dict(load_file(weights))
    count = 0 if asked.only_train else asked.learned
    labels = torch.arange(count) % experiment.spec.num_classes
    pictures = samples_of(model.to(device), latents(model.latent_size, range(count), seed), labels) if count else labels
    return Made(as_pixels(pictures), labels, json.loads(facts.read_text(encoding="utf-8")))


def _judge(asked: argparse.Namespace) -> Judge:
    """The judge of the folder; who comes first trains it, and others wait."""
    device, kept = choose_device(asked.device), asked.out / "judge.txt"
    with FileLock(asked.out / "judge.lock"):
        if not kept.is_file():
            changes = {"training.epochs": asked.judge_epochs} if asked.judge_epochs else {}
            config = changed(from_recipe("fashion_judge"), {"training.device": asked.device, **changes})
            run = put_to_work(config, out=asked.out / "judges").run
            kept.write_text(run.path.name, encoding="utf-8")
        judge = judge_of(asked.out / "judges" / kept.read_text(encoding="utf-8"))
    judge.model.to(device)
    return judge


def measured(made: Made, judge: Judge, dataset: Dataset, asked: argparse.Namespace, seed: int) -> dict[str, Any]:
    """Everything about one generator, JSON-able."""
    count = asked.samples
    real, labels = real_of_each(dataset, "test", count // dataset.spec.num_classes)
    found = on_demand(judge, made.samples[:count], made.labels[:count], real, labels)
    distances = compared(judge.features, real, made.samples[:count])
    learned = learned_from_samples(
        made.samples, made.labels, dataset, seed=seed, device=asked.device, epochs=asked.learned_epochs
    )
    return {
        **made.facts,
        "images_a_second": made.facts["images"] / made.facts["seconds"],
        "conditional_accuracy": found.accuracy.value,
        "judge_accuracy": found.judge_accuracy.value,
        "by_class": dict(zip(found.classes, [one.value for one in found.by_class], strict=True)),
        "judge_by_class": dict(zip(found.classes, [one.value for one in found.judge_by_class], strict=True)),
        "largest_gap": found.largest_gap,
        "worst_class": found.classes[found.worst],
        "learned_from_samples": learned.value,
        **{name: distances[name].value for name in MEASURES if name in distances},
    }


def one_seed(seed: int, asked: argparse.Namespace) -> dict[str, Any]:
    """Train all there is to compare with one seed, and measure it; empty where it is only trained."""
    config = configuration(asked.images, asked.batch_size, dict(asked.set))
    made = {"profond": trained(config, seed, asked, "profond")}
    if asked.dcgan:
        made["dcgan"] = trained(dcgan(asked.images), seed, asked, "dcgan")
    if asked.same_time and (share := made["profond"].facts["work"] / made["dcgan"].facts["work"]) > 1:
        made["dcgan_time"] = trained(dcgan(round(share * made["dcgan"].facts["images"])), seed, asked, "dcgan_time")
    if asked.only_train:
        return {}
    judge = _judge(asked)
    dataset = assemble(config).dataset
    each = asked.samples // dataset.spec.num_classes
    real, _ = real_of_each(dataset, "test", each)
    floor = compared(judge.features, real, real_of_each(dataset, "train", each)[0])
    result: dict[str, Any] = {
        "seed": seed,
        "samples": asked.samples,
        "learned": asked.learned,
        "set": dict(asked.set),
        "floor": {name: floor[name].value for name in MEASURES if name in floor},
        "runs": {name: measured(one, judge, dataset, asked, seed) for name, one in made.items()},
        "ratios": {},
    }
    own = made["profond"].samples[: asked.samples]
    for name, one in made.items():
        if name != "profond":
            features = [judge.features(samples) for samples in (real, own, one.samples[: asked.samples])]
            ratio = frechet_ratio(*features, draws=asked.draws, seed=seed)
            if ratio is not None:
                result["ratios"][name] = [ratio.value, ratio.low, ratio.high]
    return result


def tables(results: Sequence[Mapping[str, Any]]) -> str:
    """Means over seeds with Student's 95 % intervals; of ratios, each seed's with its bootstrap interval."""
    names = [name for name in NAMES if all(name in result["runs"] for result in results)]
    first = results[0]
    rows = [["images seen", *(f"{first['runs'][name]['images']:,}" for name in names), ""]]
    rows += [["training, seconds", *(_numbers(results, name, "seconds", 0) for name in names), ""]]
    rows += [["seconds of the processor, all cores", *(_numbers(results, name, "work", 0) for name in names), ""]]
    rows += [["images a second", *(_numbers(results, name, "images_a_second", 0) for name in names), ""]]
    rows += [["made as asked for", *(_shares(results, name, "conditional_accuracy") for name in names)]]
    rows[-1].append(_mean_share([result["runs"]["profond"]["judge_accuracy"] for result in results]))
    rows += [["largest gap to real ones of a class, points", *(_gaps(results, name) for name in names), "0"]]
    rows += [["learned from samples alone", *(_shares(results, name, "learned_from_samples") for name in names), ""]]
    for measure, title, digits in (
        ("frechet_distance", "Fréchet distance, judge's features", 3),
        ("coverage", "coverage, k = 5", 3),
        ("precision", "precision, k = 3", 3),
        ("recall", "recall, k = 3", 3),
    ):
        if all(measure in result["floor"] for result in results):
            cells = (_numbers(results, name, measure, digits) for name in names)
            rows.append([title, *cells, f"{statistics.fmean(one['floor'][measure] for one in results):.{digits}f}"])
    blocks = [table(["", *(NAMES[name] for name in names), "real"], rows)]
    shares = [
        [
            label,
            *(_by_class(results, name, "by_class", label) for name in names),
            _by_class(results, "profond", "judge_by_class", label),
        ]
        for label in first["runs"]["profond"]["by_class"]
    ]
    blocks.append(table(["made as asked for, by class", *(NAMES[name] for name in names), "real"], shares))
    for name in names[1:]:
        ratios = [result["ratios"][name] for result in results if name in result["ratios"]]
        if ratios:
            listed = ", ".join(f"{value:.3f} ({low:.3f} to {high:.3f})" for value, low, high in ratios)
            blocks.append(f"Fréchet distance as a share of that of {NAMES[name]}, by seed, bootstrap: {listed}.")
    own = first["runs"]["profond"]
    seeds = ", ".join(str(result["seed"]) for result in results)
    blocks.append(
        f"Seeds {seeds}; {first['samples']:,} samples, {first['learned']:,} to learn from;"
        f" {own['arithmetic']}; {own['machine']}; the recipe is changed by {first['set'] or 'nothing'}."
    )
    return "\n\n".join(blocks)


def run(quick: bool) -> str:
    """The table, as Markdown; three seeds one after the other, or one of a thousand images."""
    with tempfile.TemporaryDirectory() as folder:
        few = ["--images", "1280", "--seeds", "0", "--samples", "600", "--learned", "600", "--draws", "3"]
        short = ["--judge-epochs", "0.1", "--learned-epochs", "1"]
        asked = _parser().parse_args(["--out", folder, "--dcgan", "--same-time", *(few + short if quick else [])])
        return tables(_measure(asked))


def _measure(asked: argparse.Namespace) -> list[dict[str, Any]]:
    asked.out.mkdir(parents=True, exist_ok=True)
    results = []
    for seed in asked.seeds:
        result = one_seed(seed, asked)
        if result:
            results.append(result)
            (asked.out / f"seed_{seed}.json").write_text(json.dumps(result, indent=1), encoding="utf-8")
            print(json.dumps(result), flush=True)
    if asked.only_train:
        _judge(asked)
    return results


def _machine(device: str) -> str:
    here = choose_device(device)
    return torch.cuda.get_device_name(here) if here.type == "cuda" else description().splitlines()[1].removeprefix("- ")


def _values(results: Sequence[Mapping[str, Any]], name: str, measure: str) -> list[float]:
    return [float(result["runs"][name][measure]) for result in results]


def _numbers(results: Sequence[Mapping[str, Any]], name: str, measure: str, digits: int) -> str:
    values = _values(results, name, measure)
    mean = statistics.fmean(values)
    return f"{mean:,.{digits}f}" + (f" ({min(values):,.{digits}f} to {max(values):,.{digits}f})" if values[1:] else "")


def _shares(results: Sequence[Mapping[str, Any]], name: str, measure: str) -> str:
    return _mean_share(_values(results, name, measure))


def _mean_share(values: Sequence[float]) -> str:
    mean: Measured = mean_of(values)
    ends = "" if mean.low is None or mean.high is None else f" ± {50 * (mean.high - mean.low):.2f}"
    return f"{100 * mean.value:.2f} %{ends}"


def _gaps(results: Sequence[Mapping[str, Any]], name: str) -> str:
    runs = [result["runs"][name] for result in results]
    return ", ".join(f"{100 * one['largest_gap']:.1f} ({one['worst_class']})" for one in runs)


def _by_class(results: Sequence[Mapping[str, Any]], name: str, which: str, label: str) -> str:
    return f"{100 * statistics.fmean(result['runs'][name][which][label] for result in results):.1f} %"


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is no KEY=VALUE")
    return name, value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--images", type=int, default=400_000, help="seen in training, each as often as it is seen")
    parser.add_argument("--batch-size", type=int, help="of the recipe; its own when left out")
    parser.add_argument("--set", type=_setting, action="append", default=[], metavar="KEY=VALUE", help="of the recipe")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dcgan", action="store_true", help="train a DCGAN on as many images too")
    parser.add_argument("--same-time", action="store_true", help="and one for as much time, if more; needs --dcgan")
    parser.add_argument("--samples", type=int, default=10_000, help="that are measured, as many of each class")
    parser.add_argument("--learned", type=int, default=60_000, help="samples that a small network learns from")
    parser.add_argument("--learned-epochs", type=float, default=8)
    parser.add_argument("--judge-epochs", type=float, help="of the judge, to try things out; its own when left out")
    parser.add_argument("--draws", type=int, default=100, help="of the bootstrap")
    parser.add_argument("--only-train", action="store_true", help="measure nothing; a later call takes what is trained")
    parser.add_argument("--out", type=Path, default=Path("fashion"), help="folder of the judge and of the results")
    parser.add_argument("--table", type=Path, metavar="FOLDER", help="print the table of what is there, train nothing")
    return parser


def main() -> None:
    parser = _parser()
    asked = parser.parse_args()
    if asked.same_time and not asked.dcgan:
        parser.error("--same-time needs --dcgan")
    if asked.learned < asked.samples:
        parser.error("--learned is less than --samples, which are some of them")
    if asked.table is not None:
        files = sorted(asked.table.glob("seed_*.json"))
        if not files:
            parser.error(f"there is no seed_….json in {asked.table}")
        print(tables([json.loads(file.read_text(encoding="utf-8")) for file in files]))
        return
    results = _measure(asked)
    if results:
        print(tables(results))


if __name__ == "__main__":
    main()
