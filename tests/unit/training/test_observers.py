"""TensorBoard's file mirrors what is logged, and is never the reason that a training ends."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from profond.tasks.classify import Classify
from profond.training import Training, fit
from profond.training.observers import Progress, TensorBoard


def steps() -> Any:
    inputs = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
    return [(inputs, (inputs[:, 0] > 0).long())]


def trained(*observers: Any) -> Any:
    torch.manual_seed(0)
    training = Training(steps=40, epochs=None, log_every_steps=1, precision="fp32")
    return fit(nn.Linear(4, 2), Classify(), steps(), training, observers=observers)


def mirrored(file: Path) -> list[Any]:
    from tensorboardX.proto.event_pb2 import Event

    content, events = file.read_bytes(), []
    while content:
        (length,) = struct.unpack("Q", content[:8])
        events.append(Event.FromString(content[12 : 12 + length]))
        content = content[16 + length :]
    return events


def progress(step: int = 0) -> Progress:
    return Progress(step, 10, 0, 0.0, nn.Identity(), nn.Identity())


def test_it_holds_what_was_logged_and_hides_what_a_killed_run_had_logged_later(tmp_path: Path) -> None:
    mirror = TensorBoard(tmp_path)
    mirror.started(progress(7))
    mirror.logged(progress(8), {"step": 8, "epoch": 1.0, "split": "valid", "loss": 0.5, "accuracy": 0.25, "seconds": 3})
    mirror.finished(progress(8))
    (file,) = tmp_path.iterdir()
    version, start, *logged = mirrored(file)
    assert version.file_version == "brain.Event:2"
    assert (start.step, start.session_log.status) == (7, start.session_log.START)
    found = {event.summary.value[0].tag: (event.step, event.summary.value[0].simple_value) for event in logged}
    assert found == {"valid/loss": (8, 0.5), "valid/accuracy": (8, 0.25)}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such limit")
def test_a_mirror_that_cannot_be_written_any_more_is_said_once_and_trained_without(tmp_path: Path) -> None:
    import resource

    told: list[str] = []
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, before[1]))
    try:
        fitted = trained(TensorBoard(tmp_path, told.append))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert fitted.steps == 40
    (line,) = told
    assert "File too large" in line
    assert "metrics.jsonl" in line
    assert torch.equal(fitted.model.weight, trained().model.weight)


def test_a_mirror_that_cannot_be_made_is_said_once_on_standard_error(tmp_path: Path, capsys: Any) -> None:
    assert trained(TensorBoard(tmp_path / "gone")).steps == 40
    told = capsys.readouterr().err
    assert told.count("warning: TensorBoard's file is not written any more") == 1
