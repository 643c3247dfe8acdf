"""Layers of Keras files find their place in our models, whatever Keras called them."""

from __future__ import annotations

import zipfile

import h5py
import numpy as np
import pytest
import torch
from torch import nn

from profond.core.errors import ConfigError
from profond.weights.keras import load_keras

NAMES = [
    ("stem", "stem"),
    ("conv2d", "first"),
    ("batch_normalization", "norm"),
    ("conv2d_1", "second"),
    ("separable_conv2d", "separable"),
    ("depthwise_conv2d", "depthwise"),
    ("batch_normalization_1", "shift"),
    ("predictions", "output"),
]
SHAPES = {
    "stem": [(3, 3, 3, 4), (4,)],
    "conv2d": [(3, 3, 4, 4)],
    "batch_normalization": [(4,)] * 4,
    "conv2d_1": [(3, 3, 4, 4)],
    "separable_conv2d": [(3, 3, 4, 1), (1, 1, 4, 6)],
    "depthwise_conv2d": [(3, 3, 6, 1)],
    "batch_normalization_1": [(6,)] * 3,
    "predictions": [(6, 5), (5,)],
}
ROLES = {
    "stem": ["kernel", "bias"],
    "batch_normalization": ["gamma", "beta", "moving_mean", "moving_variance"],
    "batch_normalization_1": ["beta", "moving_mean", "moving_variance"],
    "separable_conv2d": ["depthwise_kernel", "pointwise_kernel"],
    "predictions": ["kernel", "bias"],
}


class Separable(nn.Module):
    def __init__(self):
        super().__init__()
        self.depthwise = nn.Conv2d(4, 4, 3, groups=4, bias=False)
        self.pointwise = nn.Conv2d(4, 6, 1, bias=False)


class Net(nn.Module):
    """Two layers of one kind and shape, which only name or order tells apart."""

    head = "output"

    def __init__(self, classes=5):
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3)
        self.first = nn.Conv2d(4, 4, 3, bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.second = nn.Conv2d(4, 4, 3, bias=False)
        self.separable = Separable()
        self.depthwise = nn.Conv2d(6, 6, 3, groups=6, bias=False)
        self.shift = nn.BatchNorm2d(6)
        self.shift.register_parameter("weight", None)
        self.output = nn.Linear(6, classes)


@pytest.fixture
def numbers():
    """Layer to arrays, as Keras would hold them."""
    random = np.random.default_rng(3)
    return {name: [random.normal(size=shape).astype("f4") for shape in shapes] for name, shapes in SHAPES.items()}


def write_legacy(path, numbers, *, inside=None, rename=lambda name: name, root="model_weights"):
    """Keras's old format; with ``inside`` the backbone is one layer of that name, the last layer stands beside it."""
    layers: dict[str, dict[str, np.ndarray]] = {}
    for name, arrays in numbers.items():
        roles = ROLES.get(name, ["kernel"])
        nested = inside is not None and name != "predictions"
        target = layers.setdefault(inside if nested else rename(name), {})
        target |= {f"{rename(name)}/{role}:0": array for role, array in zip(roles, arrays, strict=True)}
    with h5py.File(path, "w") as file:
        top = file.create_group(root) if root else file
        top.attrs["layer_names"] = [b"input_1", *(name.encode() for name in layers)]
        top.create_group("input_1").attrs["weight_names"] = np.array([], dtype="S1")
        for name, weights in layers.items():
            group = top.create_group(name)
            group.attrs["weight_names"] = [weight.encode() for weight in weights]
            for weight, array in weights.items():
                group.create_dataset(weight, data=array)
    return path


def write_stored(path, numbers, *, named=True, inside=False):
    """Keras 3's format: groups by class and number."""
    counts: dict[str, int] = {}
    with h5py.File(path, "w") as file:
        for name, arrays in numbers.items():
            kind = {"stem": "conv2d", "predictions": "dense"}.get(name, name.removesuffix("_1"))
            number = counts.get(kind, 0)
            counts[kind] = number + 1
            place = "layers/functional/layers" if inside and name != "predictions" else "layers"
            group = file.create_group(f"{place}/{kind}_{number}/vars" if number else f"{place}/{kind}/vars")
            if named:
                group.attrs["name"] = name
            for index, array in enumerate(arrays):
                group.create_dataset(str(index), data=array)
        file.create_group("optimizer/vars").create_dataset("0", data=np.array(3))
        file.create_group("layers/dropout/seed_generator/vars").create_dataset("0", data=np.array([1, 2]))
    return path


def check(model, numbers, skip=()):
    """Every tensor, laid out by hand."""
    conv = {name: numbers[name][0].transpose(3, 2, 0, 1) for name in ("stem", "conv2d", "conv2d_1")}
    depthwise, pointwise = numbers["separable_conv2d"]
    expected = {
        "stem.weight": conv["stem"],
        "stem.bias": numbers["stem"][1],
        "first.weight": conv["conv2d"],
        "second.weight": conv["conv2d_1"],
        "norm.weight": numbers["batch_normalization"][0],
        "norm.bias": numbers["batch_normalization"][1],
        "norm.running_mean": numbers["batch_normalization"][2],
        "norm.running_var": numbers["batch_normalization"][3],
        "separable.depthwise.weight": np.stack([depthwise[:, :, channel, 0] for channel in range(4)])[:, None],
        "separable.pointwise.weight": pointwise.transpose(3, 2, 0, 1),
        "depthwise.weight": np.stack([numbers["depthwise_conv2d"][0][:, :, c, 0] for c in range(6)])[:, None],
        "shift.bias": numbers["batch_normalization_1"][0],
        "shift.running_mean": numbers["batch_normalization_1"][1],
        "shift.running_var": numbers["batch_normalization_1"][2],
        "output.weight": numbers["predictions"][0].T,
        "output.bias": numbers["predictions"][1],
    }
    state = model.state_dict()
    assert {name for name in state if "num_batches" not in name} == set(expected)
    for name, array in expected.items():
        if not name.startswith(tuple(skip)) or not skip:
            np.testing.assert_array_equal(state[name].numpy(), array, err_msg=name)


def shifted(name):
    """As in the second model of a session: ``conv2d_1`` becomes ``conv2d_6``."""
    start, _, number = name.rpartition("_")
    if name in ("stem", "predictions"):
        return name
    return f"{start}_{int(number) + 5}" if number.isdigit() else f"{name}_5"


@pytest.mark.parametrize("root", ["model_weights", ""])
def test_the_old_format_is_read_by_name(tmp_path, numbers, root):
    model = Net()
    placed = load_keras(model, write_legacy(tmp_path / "a.h5", numbers, root=root), names=NAMES)
    assert (placed.fresh, placed.unused) == ((), ())
    check(model, numbers)


def test_names_win_over_order(tmp_path, numbers):
    backwards = dict(reversed(numbers.items()))
    model = Net()
    load_keras(model, write_legacy(tmp_path / "a.h5", backwards), names=NAMES)
    check(model, numbers)


def test_numbers_that_went_on_through_a_session_are_counted_anew(tmp_path, numbers):
    order = ["conv2d_1", "conv2d", *(name for name in numbers if name not in ("conv2d", "conv2d_1"))]
    path = write_legacy(tmp_path / "a.h5", {name: numbers[name] for name in order}, rename=shifted)
    model = Net()
    load_keras(model, path, names=NAMES)
    check(model, numbers)


def test_names_that_say_nothing_leave_the_order(tmp_path, numbers):
    path = write_legacy(tmp_path / "a.h5", numbers, rename=lambda name: f"layer{list(numbers).index(name)}")
    model = Net()
    load_keras(model, path, names=NAMES)
    check(model, numbers)


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("inside", [True, False])
def test_the_new_format_is_read_with_and_without_names(tmp_path, numbers, named, inside):
    model = Net()
    path = write_stored(tmp_path / "a.weights.h5", numbers, named=named, inside=inside)
    placed = load_keras(model, path, names=NAMES)
    assert placed.unused == ()
    check(model, numbers)


def test_a_keras_archive_is_read(tmp_path, numbers):
    inner = write_stored(tmp_path / "a.weights.h5", numbers)
    with zipfile.ZipFile(tmp_path / "a.keras", "w") as archive:
        archive.writestr("config.json", "{}")
        archive.write(inner, "model.weights.h5")
    model = Net()
    load_keras(model, tmp_path / "a.keras", names=NAMES)
    check(model, numbers)


def test_a_backbone_inside_another_model_is_opened_up(tmp_path, numbers):
    model = Net()
    load_keras(model, write_legacy(tmp_path / "a.h5", numbers, inside="backbone"), names=NAMES)
    check(model, numbers)


def test_a_partly_frozen_backbone_lists_its_weights_in_another_order(tmp_path, numbers):
    """Keras writes what is trained first, then what is frozen."""
    order = [*list(numbers)[4:-1], *list(numbers)[:4], "predictions"]
    model = Net()
    load_keras(model, write_legacy(tmp_path / "a.h5", {n: numbers[n] for n in order}, inside="backbone"), names=NAMES)
    check(model, numbers)


def test_a_head_of_another_size_is_said(tmp_path, numbers):
    path = write_legacy(tmp_path / "a.h5", numbers)
    with pytest.raises(ConfigError, match=r"predictions is 6×5, 5, output of the model 6×9, 9") as caught:
        load_keras(Net(9), path, names=NAMES)
    assert "num_classes" in caught.value.help
    assert "new head" in caught.value.help
    assert "--set num_classes=N" in caught.value.help
    assert "profond finetune" in caught.value.help


def test_a_new_head_is_started_only_when_it_is_asked_for(tmp_path, numbers):
    path = write_legacy(tmp_path / "a.h5", numbers)
    model = Net(9)
    placed = load_keras(model, path, names=NAMES, new_head=True)
    assert (placed.fresh, placed.unused) == (("output",), ("predictions",))
    check(model, numbers, skip=["output"])
    bare = write_legacy(tmp_path / "b.h5", {name: numbers[name] for name in list(numbers)[:-1]})
    with pytest.raises(ConfigError, match=r"predictions .output. is missing"):
        load_keras(Net(), bare, names=NAMES)
    model = Net(3)
    assert load_keras(model, bare, names=NAMES, new_head=True).fresh == ("output",)
    check(model, numbers, skip=["output"])


def test_a_missing_layer_is_named_even_with_a_new_head(tmp_path, numbers):
    path = write_legacy(tmp_path / "a.h5", {name: numbers[name] for name in numbers if name != "depthwise_conv2d"})
    for new_head in (False, True):
        with pytest.raises(ConfigError, match="depthwise"):
            load_keras(Net(), path, names=NAMES, new_head=new_head)


def test_what_is_left_over_is_named(tmp_path, numbers):
    extra = {**numbers, "dense_7": [np.ones((5, 5), "f4"), np.ones(5, "f4")]}
    ROLES["dense_7"] = ["kernel", "bias"]
    with pytest.raises(ConfigError, match="dense_7 has no place in the model"):
        load_keras(Net(), write_legacy(tmp_path / "a.h5", extra), names=NAMES)


def test_another_shape_is_named(tmp_path, numbers):
    numbers["conv2d_1"] = [np.ones((5, 5, 4, 4), "f4")]
    with pytest.raises(ConfigError, match=r"conv2d_1 is 5×5×4×4, second of the model 3×3×4×4"):
        load_keras(Net(), write_legacy(tmp_path / "a.h5", numbers), names=NAMES)


def test_a_refused_file_leaves_the_model_as_it_was(tmp_path, numbers):
    model = Net(9)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(ConfigError):
        load_keras(model, write_legacy(tmp_path / "a.h5", numbers), names=NAMES)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_another_network_is_called_so(tmp_path):
    path = write_legacy(tmp_path / "a.h5", {f"conv{n}": [np.ones((7, 7, 2, 2), "f4")] for n in range(9)})
    with pytest.raises(ConfigError, match=r"another network: 0 of its 9 layers have a place in Net"):
        load_keras(Net(), path, names=NAMES)


def test_a_dense_layer_after_flattening_sees_the_same_maps(tmp_path):
    """Keras flattens height, width, channels; PyTorch channels, height, width."""
    random = np.random.default_rng(0)
    kernel, bias = random.normal(size=(4 * 5 * 3, 2)).astype("f4"), random.normal(size=2).astype("f4")
    maps = random.normal(size=(1, 4, 5, 3)).astype("f4")
    model = nn.Sequential()
    model.add_module("dense", nn.Linear(60, 2))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.attrs["layer_names"] = [b"fc"]
        file.create_group("fc").attrs["weight_names"] = [b"fc/kernel:0", b"fc/bias:0"]
        file["fc/fc/kernel:0"], file["fc/fc/bias:0"] = kernel, bias
    load_keras(model, tmp_path / "a.h5", names=[("fc", "dense", (3, 4, 5))])
    with torch.no_grad():
        ours = model(torch.from_numpy(maps.transpose(0, 3, 1, 2).copy()).flatten(1))
    np.testing.assert_allclose(ours.numpy(), maps.reshape(1, -1) @ kernel + bias, rtol=1e-5, atol=1e-5)


def test_a_convolution_of_one_pixel_is_a_dense_layer(tmp_path, numbers):
    numbers["predictions"] = [numbers["predictions"][0][None, None], numbers["predictions"][1]]
    model = Net()
    load_keras(model, write_legacy(tmp_path / "a.h5", numbers), names=NAMES)
    np.testing.assert_array_equal(model.output.weight.detach().numpy(), numbers["predictions"][0][0, 0].T)


def test_bfloat16_weights_are_read(tmp_path, numbers):
    path = write_stored(tmp_path / "a.weights.h5", numbers)
    exact = torch.from_numpy(numbers["stem"][1]).bfloat16()
    with h5py.File(path, "a") as file:
        del file["layers/conv2d/vars/1"]
        raw = exact.view(torch.int16).numpy().view("V2")
        file["layers/conv2d/vars"].create_dataset("1", data=raw).attrs["dtype"] = "bfloat16"
    model = Net()
    load_keras(model, path, names=NAMES)
    assert torch.equal(model.stem.bias.detach(), exact.float())


@pytest.mark.parametrize(
    ("file", "block"),
    [
        ({"userblock_size": 512}, {}),
        ({}, {"chunks": (3, 3, 3, 2)}),
        ({}, {"dtype": ">f4"}),
        ({}, {"dtype": "f2"}),
        ({}, {"dtype": ">f8"}),
    ],
    ids=["behind a user's block", "in pieces", "big-endian", "half", "big-endian double"],
)
def test_numbers_are_read_wherever_and_however_they_lie(tmp_path, numbers, file, block):
    numbers["stem"] = [np.round(array * 8) / 8 for array in numbers["stem"]]  # exact in half precision
    written = write_stored(tmp_path / "a.weights.h5", numbers)
    path = tmp_path / "b.weights.h5"
    with h5py.File(written) as source, h5py.File(path, "w", **file) as target:
        for name in source:
            source.copy(name, target)
        del target["layers/conv2d/vars/0"]
        target["layers/conv2d/vars"].create_dataset("0", data=numbers["stem"][0], **block)
    model = Net()
    load_keras(model, path, names=NAMES)
    check(model, numbers)


def test_a_compact_block_is_read(tmp_path, numbers):
    path = write_stored(tmp_path / "a.weights.h5", numbers)
    with h5py.File(path, "a") as file:
        del file["layers/conv2d/vars/1"]
        layout = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        layout.set_layout(h5py.h5d.COMPACT)
        array = numbers["stem"][1].astype("<f4")
        parent = file["layers/conv2d/vars"].id
        block = h5py.h5d.create(parent, b"1", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple(array.shape), layout)
        block.write(h5py.h5s.ALL, h5py.h5s.ALL, array)
    model = Net()
    load_keras(model, path, names=NAMES)
    check(model, numbers)


def test_a_model_that_took_the_tensors_themselves_has_plain_ones_and_can_be_trained(tmp_path, numbers):
    model = Net()
    load_keras(model, write_stored(tmp_path / "a.weights.h5", numbers), names=NAMES, assign=True)
    check(model, numbers)
    for name, tensor in model.named_parameters():
        assert tensor.requires_grad, name
        assert tensor.is_leaf, name
        assert tensor.is_contiguous() or tensor.is_contiguous(memory_format=torch.channels_last), name
    with torch.no_grad():
        for tensor in model.state_dict().values():
            tensor.add_(1)  # memory of its own, which may be written to
