"""State dicts by torchvision's names, timm's, published ones and our own find their place."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from profond import models
from profond.core.errors import ConfigError
from profond.weights.assignment import assign_tensors, tensors_of, unfilled
from profond.weights.naming import conventions
from profond.weights.torchvision import load_torch

SMALL = {"input_shape": (3, 32, 32), "num_classes": 7}


def fresh(name="mobilenet_v2", **settings):
    return models.create(name, **{**SMALL, **({"width": 0.35} if "mobilenet" in name else {}), **settings})


def renamed(model, number):
    """Its tensors by another library's names."""
    names = {ours: theirs for theirs, ours in list(conventions(model))[number].items()}
    return {names[name]: tensor.clone() for name, tensor in model.state_dict().items() if name in names}


def equal(one, other, skip="\0"):
    mine, theirs = one.state_dict(), other.state_dict()
    return all(torch.equal(mine[name], theirs[name]) for name in mine if not name.startswith(skip))


@pytest.fixture(scope="module")
def original():
    torch.manual_seed(1)
    model = fresh()
    for norm in model.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.running_mean.normal_()
            norm.running_var.uniform_(0.5, 2)
    return model


@pytest.mark.parametrize("number", [0, 1, 2], ids=["ours", "torchvision", "timm"])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_every_convention_and_format_gives_the_same_model(tmp_path, original, number, suffix):
    path, tensors = tmp_path / f"a{suffix}", renamed(original, number)
    torch.save(tensors, path) if suffix == ".pth" else save_file(tensors, path)
    model = fresh()
    assert not equal(model, original)
    placed = load_torch(model, path)
    assert (placed.fresh, placed.unused) == ((), ())
    assert equal(model, original)


def test_files_without_counters_of_batches_are_whole(tmp_path, original):
    tensors = {name: tensor for name, tensor in renamed(original, 1).items() if "num_batches" not in name}
    torch.save(tensors, tmp_path / "a.pth")
    model = fresh()
    load_torch(model, tmp_path / "a.pth")
    assert equal(model, original)


def test_the_old_names_of_densenet_are_understood(tmp_path):
    original = fresh("densenet121")
    tensors = renamed(original, 1)
    for part in ("norm1", "conv1", "norm2", "conv2"):
        old = f".{part[:-1]}.{part[-1]}."
        tensors = {n.replace(f".{part}.", old) if "denselayer" in n else n: t for n, t in tensors.items()}
    assert any("denselayer1.norm.1.weight" in name for name in tensors)
    torch.save(tensors, tmp_path / "a.pth")
    model = fresh("densenet121")
    load_torch(model, tmp_path / "a.pth")
    assert equal(model, original)


def test_timm_writes_the_dense_layers_of_vgg_as_convolutions(tmp_path):
    original = fresh("vgg11", hidden=8)
    tensors = renamed(original, 2)
    side = original.flattened[1:]
    tensors["pre_logits.fc1.weight"] = tensors["pre_logits.fc1.weight"].unflatten(1, (512, *side))
    tensors["pre_logits.fc2.weight"] = tensors["pre_logits.fc2.weight"][..., None, None]
    torch.save(tensors, tmp_path / "a.pth")
    model = fresh("vgg11", hidden=8)
    load_torch(model, tmp_path / "a.pth")
    assert equal(model, original)


def test_heads_of_training_are_left_out_of_a_network_without_them(tmp_path):
    original = fresh("googlenet", auxiliary=True)
    tensors = renamed(original, 1)
    torch.save(tensors, tmp_path / "a.pth")
    model = fresh("googlenet")
    placed = load_torch(model, tmp_path / "a.pth")
    assert placed.unused
    assert all(name.startswith(("aux1.", "aux2.")) for name in placed.unused)
    assert equal(model, original)


def test_a_head_of_another_size_is_said_and_started_anew_only_on_request(tmp_path, original):
    torch.save(renamed(original, 1), tmp_path / "a.pth")
    model = fresh(num_classes=3)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(ConfigError, match=r"classifier.1.weight is 7×1280 in the file, 3×1280 in the model") as caught:
        load_torch(model, tmp_path / "a.pth")
    assert "new head" in caught.value.help
    assert "--set num_classes=N" in caught.value.help
    assert "profond finetune" in caught.value.help
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    placed = load_torch(model, tmp_path / "a.pth", new_head=True)
    assert placed.fresh == ("output",)
    assert set(placed.unused) == {"classifier.1.weight", "classifier.1.bias"}
    assert equal(model, original, skip="output")
    assert torch.isfinite(model.output.weight).all()
    assert model.output.weight.std() > 0


def test_a_new_head_is_not_started_when_the_old_one_fits(tmp_path, original):
    torch.save(renamed(original, 1), tmp_path / "a.pth")
    model = fresh()
    assert load_torch(model, tmp_path / "a.pth", new_head=True).fresh == ()
    assert equal(model, original)


def test_another_variant_another_network_and_missing_tensors_are_named(tmp_path, original):
    path = tmp_path / "a.pth"
    torch.save(renamed(original, 1), path)
    with pytest.raises(ConfigError, match=r"does not fit the model: .* and \d+ more"):
        load_torch(fresh(width=0.5), path)
    with pytest.raises(ConfigError, match=r"another network: .* have a place in VGG"):
        load_torch(fresh("vgg11"), path)
    tensors = renamed(original, 1)
    del tensors["features.3.conv.1.0.weight"]
    torch.save(tensors, path)
    with pytest.raises(ConfigError, match=r"features.3.conv.1.0.weight is missing"):
        load_torch(fresh(), path)
    torch.save({**renamed(original, 1), "more": torch.ones(2)}, path)
    with pytest.raises(ConfigError, match="more has no place in the model"):
        load_torch(fresh(), path)


@pytest.mark.parametrize("name", ["mobilenet_v2", "resnet18", "efficientnet_lite0", "densenet121"])
def test_a_model_that_was_built_unfilled_holds_nothing_but_the_file(tmp_path, name):
    torch.manual_seed(0)
    original = fresh(name)
    torch.save(original.state_dict(), tmp_path / "a.pth")
    state = torch.random.get_rng_state()
    with unfilled():
        model = fresh(name)
    assert torch.equal(torch.random.get_rng_state(), state)  # nothing was drawn
    load_torch(model, tmp_path / "a.pth", assign=True)
    inputs = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(model.eval()(inputs), original.eval()(inputs))
    assert all(parameter.requires_grad for parameter in model.parameters())
    model.train()(inputs).sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_loading_leaves_the_parameters_that_an_optimizer_knows(tmp_path, original):
    torch.save(original.state_dict(), tmp_path / "a.pth")
    model = fresh()
    known = [id(parameter) for parameter in model.parameters()]
    load_torch(model, tmp_path / "a.pth")
    assert [id(parameter) for parameter in model.parameters()] == known


def test_numbers_in_half_precision_become_the_models(tmp_path, original):
    torch.save({name: tensor.half() for name, tensor in original.state_dict().items()}, tmp_path / "a.pth")
    model = fresh()
    load_torch(model, tmp_path / "a.pth", assign=True)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


def test_placing_names_what_is_missing():
    with pytest.raises(ConfigError, match=r"here does not fit the model: bias is missing"):
        assign_tensors(nn.Linear(2, 3), {"weight": torch.ones(3, 2)}, "here")


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "nasnet_mobile", "googlenet"])
def test_a_models_own_tensors_are_those_of_its_state_dict(name: str) -> None:
    model = models.create(name, input_shape=models.example_shape(name), num_classes=10)
    model.register_buffer("scratch", torch.zeros(3), persistent=False)
    own, expected = tensors_of(model), model.state_dict()
    assert list(own) == list(expected)
    assert all(own[key].data_ptr() == tensor.data_ptr() for key, tensor in expected.items())
