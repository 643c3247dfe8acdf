"""What every model promises, whatever its family; the file of a family imports these tests, and adds its own.

They ask for two fixtures: ``family``, and ``name``, one registered model of it.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import torch
from contract.models.family import GOLDEN, Family
from safetensors.torch import load_model, save_model
from torch import Tensor

from profond import models
from profond.core.config import bind
from profond.core.errors import ConfigError

RENEW = "PROFOND_RENEW_GOLDEN={} python -m pytest tests/contract/models -k golden"
ASKED = [name for name in os.environ.get("PROFOND_RENEW_GOLDEN", "").split(",") if name]
"""Models whose structure is written anew; every other one is only read."""

__all__ = [
    "test_every_parameter_gets_a_gradient",
    "test_its_config_survives_json",
    "test_its_stages_and_head_are_modules_that_a_forward_pass_calls",
    "test_its_structure_is_the_golden_one",
    "test_saving_and_loading_give_identical_bits",
]


def test_every_parameter_gets_a_gradient(family: Family, name: str) -> None:
    model = family.build(name).train()
    output = family.call(model, family.inputs(name, 4, 1))
    parts = [output] if isinstance(output, Tensor) else list(output)
    sum(part.float().square().mean() for part in parts).backward()
    without = [
        path
        for path, parameter in model.named_parameters()
        if parameter.requires_grad and (parameter.grad is None or not parameter.grad.abs().sum() > 0)
    ]
    assert without == []


def test_saving_and_loading_give_identical_bits(family: Family, name: str, tmp_path: Path) -> None:
    trained, fresh = family.build(name), family.other(name).eval()
    family.call(trained, family.inputs(name, 4, 1))  # so that running statistics have moved
    save_model(trained, str(tmp_path / "model.safetensors"))
    load_model(fresh, str(tmp_path / "model.safetensors"))
    with torch.no_grad():
        found, again = (family.outputs(family.call(one.eval(), family.inputs(name, 3, 1))) for one in (trained, fresh))
    assert torch.equal(found, again)
    assert {*trained.state_dict()} == {*fresh.state_dict()}


def test_its_config_survives_json(family: Family, name: str) -> None:
    config = models.configure(name, settings=family.small(name))
    read = json.loads(json.dumps(config))
    assert bind(models.registry.load(name), read, what=name) == config
    torch.manual_seed(0)
    again = models.registry.load(name)(**bind(models.registry.load(name), read, what=name))
    with torch.no_grad():
        expected, found = (
            family.outputs(family.call(one.eval(), family.inputs(name, 2, 1))) for one in (family.shared(name), again)
        )
    assert torch.equal(found, expected)


def test_its_stages_and_head_are_modules_that_a_forward_pass_calls(family: Family, name: str) -> None:
    model = family.shared(name)
    called: list[str] = []
    handles = [
        model.get_submodule(path).register_forward_hook(lambda *_, path=path: called.append(path))
        for path in (*models.stages_of(model), models.head_of(model))
    ]
    try:
        with torch.no_grad():
            family.call(model, family.inputs(name, 1, 1))
    finally:
        for handle in handles:
            handle.remove()
    assert called == [*model.stages, model.head]


def test_its_structure_is_the_golden_one(family: Family, name: str) -> None:
    """Names and shapes of everything stored, so that yesterday's weights still load."""
    settings = family.settings(name)
    try:
        with torch.device("meta"):  # structure without numbers
            model = models.create(name, **settings)
    except ConfigError as error:
        raise AssertionError(f"{name} cannot be built with {settings}") from error
    stored = {path: list(one.shape) for path, one in model.state_dict().items()}
    found = {
        **json.loads(json.dumps(settings)),
        "parameters": sum(one.numel() for one in model.parameters()),
        "tensors": len(stored),
        "sha256": hashlib.sha256(json.dumps(stored, sort_keys=True).encode()).hexdigest(),
    }
    path = GOLDEN / f"{name}.json"
    if name in ASKED:
        path.write_text(json.dumps(found, indent=2) + "\n")
    assert path.exists(), f"no golden structure yet; write it with: {RENEW.format(name)}"
    known = json.loads(path.read_text())
    assert known == found, f"weights saved before no longer fit; if that is meant: {RENEW.format(name)}"
