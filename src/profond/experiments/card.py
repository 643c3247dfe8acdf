"""The model card: what a run is, how well it does, and how to use it."""

from __future__ import annotations

from profond.core.lettering import markdown
from profond.core.run import Run
from profond.evaluation.summary import Summary
from profond.experiments.experiment import Experiment
from profond.tasks.task import TranslatesImages


def model_card(run: Run, experiment: Experiment) -> str:
    """Markdown for the run's README.md, every number read from the run's own files."""
    config, state, dataset = experiment.config, run.state, experiment.dataset
    parameters = sum(p.numel() for p in experiment.model.parameters())
    lines = [f"# {config.model.name} on {dataset.name}", ""]
    lines += [
        f"- Model: `{config.model.name}`, {parameters:,} parameters; input {' × '.join(map(str, dataset.spec.shape))}",
        f"- Data: {dataset.name} ({dataset.source}); "
        + ", ".join(f"{name} {len(split):,}" for name, split in dataset.splits.items()),
        *(f"  - {markdown(note)}" for note in dataset.notes),
        f"- Training: {state['steps']:,} steps in {state['seconds']} s on {state['device']}, {state['precision']}; "
        f"seed {config.training.seed}",
        *experiment.task.card(experiment.spec),
        "",
    ]
    if experiment.transfer is not None:
        told = f"- Weights: started from {experiment.transfer.origin} (SHA-256 {experiment.transfer.sha256[:16]}…); "
        if "features_seconds" in state:
            told += f"only the head was trained, on features whose computing took {state['features_seconds']} s of that"
        else:
            told += f"new head, then {len(experiment.training.unfreeze)} parts of the network below it, deepest first"
        lines.insert(-1, told)
    summary = Summary.of(run)
    if evaluations := summary.metrics:
        lines += ["| split | metric | value | 95 % interval |", "|---|---|---|---|"]
        for split, metrics in evaluations.items():
            lines += [
                f"| {split} | {markdown(number.title or name)} | {number.written} | {number.range} |"
                for name, number in metrics.items()
            ]
        lines.append("")
    if summary.said:
        lines += [*(f"- {markdown(line)}" for line in summary.said), ""]
    prepared = dataset.preprocessing
    example = '"a text"' if prepared.text is not None else "picture.png" if prepared.series is None else "series.csv"
    if warnings := state.get("warnings"):
        lines += [*(f"- Warning: {warning}" for warning in warnings), ""]
    if run.file("samples").is_dir():
        lines += ["What it made while it learned: `samples/`, with a film of it.", ""]
    uses = [f"    profond predict {run.path} {example}"]
    if isinstance(experiment.task, TranslatesImages):
        uses = [f"    profond translate {run.path} {example}"]
    elif hasattr(experiment.task, "generate"):
        uses = [f"    profond generate {run.path}", *uses]
    lines += [
        "Use it:",
        "",
        *uses,
        f"    profond evaluate {run.path}",
        "",
        "Weights: `model.safetensors`; what they expect: `preprocessing.json`, `spec.json`; everything needed to",
        "train it again: `config.json`, with versions in `environment.json`.",
        "",
    ]
    return "\n".join(lines)
