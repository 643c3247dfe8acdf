"""The model card: what a run is, how well it does, and how to use it."""

from __future__ import annotations

import re

from profond.core.lettering import visible
from profond.core.run import Run
from profond.experiments.experiment import Experiment


def plain(text: str) -> str:
    """A name as Markdown shows it, letter for letter: in one line, its signs that mean something marked as letters."""
    return re.sub(r"([\\`*_{}\[\]<>()#+!|~$&])", r"\\\1", visible(text))


def model_card(run: Run, experiment: Experiment) -> str:
    """Markdown for the run's README.md, every number read from the run's own files."""
    config, state, dataset = experiment.config, run.state, experiment.dataset
    parameters = sum(p.numel() for p in experiment.model.parameters())
    lines = [f"# {config.model.name} on {dataset.name}", ""]
    lines += [
        f"- Model: `{config.model.name}`, {parameters:,} parameters; input {' × '.join(map(str, dataset.spec.shape))}",
        f"- Data: {dataset.name} ({dataset.source}); "
        + ", ".join(f"{name} {len(split):,}" for name, split in dataset.splits.items()),
        f"- Training: {state['steps']:,} steps in {state['seconds']} s on {state['device']}, {state['precision']}; "
        f"seed {config.training.seed}",
        f"- Classes: {', '.join(map(plain, dataset.spec.classes[:20]))}{' …' if dataset.spec.num_classes > 20 else ''}",
        "",
    ]
    if experiment.transfer is not None:
        told = f"- Weights: started from {experiment.transfer.origin} (SHA-256 {experiment.transfer.sha256[:16]}…); "
        if "features_seconds" in state:
            told += f"only the head was trained, on features whose computing took {state['features_seconds']} s of that"
        else:
            told += f"new head, then {len(experiment.training.unfreeze)} parts of the network below it, deepest first"
        lines.insert(-1, told)
    if run.holds("evaluation.json"):
        lines += ["| split | metric | value | 95 % interval |", "|---|---|---|---|"]
        for split, metrics in run.read("evaluation.json")["metrics"].items():
            for name, measured in metrics.items():
                if isinstance(measured, dict) and measured.get("low") is not None:
                    low, high = measured["low"], measured["high"]
                    lines.append(f"| {split} | {name} | {measured['value']:.4f} | {low:.4f} to {high:.4f} |")
        lines.append("")
    example = "picture.png" if dataset.preprocessing.series is None else "series.csv"
    if warnings := state.get("warnings"):
        lines += [*(f"- Warning: {warning}" for warning in warnings), ""]
    lines += [
        "Use it:",
        "",
        f"    profond predict {run.path} {example}",
        f"    profond evaluate {run.path}",
        "",
        "Weights: `model.safetensors`; what they expect: `preprocessing.json`, `labels.json`; everything needed to",
        "train it again: `config.json`, with versions in `environment.json`.",
        "",
    ]
    return "\n".join(lines)
