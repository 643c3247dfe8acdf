from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle
from PIL import Image
from torch import Tensor, nn

from profond import models
from profond.cli import run
from profond.cli.models import build
from profond.core.errors import ConfigError
from profond.explain.network.architecture import clipped, collapsed, draw
from profond.explain.network.summary import Layer, Summary, count, summarise
from profond.explain.network.summary_table import lines


def by_name(summary: Summary) -> dict[str, Layer]:
    return {layer.name: layer for layer in summary.layers}


def value(formula: str) -> int:
    return int(eval(formula.replace("·", "*").replace(",", "")))


class Residual(nn.Module):
    """Two paths of unlike reach, added with plain operations."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.wide = nn.Conv2d(channels, channels, 5, stride=2, padding=2, groups=channels)
        self.short = nn.Conv2d(channels, channels, 1, stride=2)

    def forward(self, inputs: Tensor) -> Tensor:
        return F.relu_(self.wide(inputs) + self.short(inputs))


class Branches(nn.Module):
    """Concatenation of a dilated and a shifted path; slicing and padding outside of any module."""

    def __init__(self) -> None:
        super().__init__()
        self.dilated = nn.Conv2d(1, 2, 3, padding=3, dilation=3)
        self.mix = nn.Conv2d(3, 1, 1)

    def forward(self, inputs: Tensor) -> Tensor:
        shifted = F.pad(inputs, (1, 0, 0, 0))[..., :-1]
        return self.mix(torch.cat([self.dilated(inputs), shifted], 1))


SPATIAL: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
    "convolution": (nn.Conv2d(1, 2, 3), (1, 17, 17)),
    "strides that differ": (nn.Conv2d(1, 2, (3, 5), stride=(2, 3), padding=(1, 2)), (1, 31, 31)),
    "dilation": (nn.Sequential(nn.Conv2d(1, 2, 3, dilation=2), nn.Conv2d(2, 1, 3, dilation=3)), (1, 31, 31)),
    "lenet": (
        nn.Sequential(nn.Conv2d(1, 2, 5, padding=2), nn.AvgPool2d(2), nn.ReLU(), nn.Conv2d(2, 2, 5), nn.AvgPool2d(2)),
        (1, 40, 40),
    ),
    "overlapping pooling": (nn.Sequential(nn.AvgPool2d(3, 2, 1), nn.AvgPool2d(3, 1)), (1, 31, 31)),
    "one dimension": (nn.Sequential(nn.Conv1d(1, 2, 9, stride=4), nn.AvgPool1d(2), nn.Conv1d(2, 1, 3)), (1, 200)),
    "three dimensions": (nn.Sequential(nn.Conv3d(1, 1, (1, 3, 3)), nn.Conv3d(1, 1, 3, stride=2)), (1, 17, 19, 19)),
    "transposed": (
        nn.Sequential(nn.Conv2d(1, 2, 3, 2), nn.ConvTranspose2d(2, 1, 4, 2), nn.Conv2d(1, 1, 3)),
        (1, 29, 29),
    ),
    "residual": (nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), Residual(2), Residual(2)), (1, 41, 41)),
    "branches": (Branches(), (1, 21, 21)),
    "nearest upsampling": (
        nn.Sequential(nn.AvgPool2d(2), nn.Upsample(scale_factor=4), nn.Conv2d(1, 1, 5)),
        (1, 24, 24),
    ),
    "extended borders": (nn.Sequential(nn.ReplicationPad2d(3), nn.Conv2d(1, 1, 7)), (1, 21, 21)),
    "an image as a signal": (
        nn.Sequential(nn.Flatten(2), nn.Conv1d(1, 1, 9, stride=2), nn.Conv1d(1, 1, 3)),
        (1, 12, 12),
    ),
}


def seen_from(model: nn.Module, shape: tuple[int, ...], at: int) -> list[tuple[int, int]]:
    """The truth: on which positions one output number near the middle depends, by its gradient."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(1.0)
    inputs = torch.ones(1, *shape, requires_grad=True)
    output = model(inputs)
    middle = tuple(length // 2 + at for length in output.shape[2:])
    (gradient,) = torch.autograd.grad(output[(0, 0, *middle)], inputs)
    if output.ndim < gradient.ndim:
        gradient = gradient.flatten(2)
    touched = gradient[0].sum(0).nonzero()
    return [(int(axis.min()), int(axis.max())) for axis in touched.T]


@pytest.mark.parametrize("case", SPATIAL)
def test_the_receptive_field_is_what_the_gradient_reaches(case: str) -> None:
    model, shape = SPATIAL[case]
    last = (
        summarise(nn.Sequential(model), shape).layers[-1]
        if case != "branches"
        else by_name(summarise(model, shape))["mix"]
    )
    if case == "residual":  # the sum stands in no layer of its own: the next one's field tells it
        last = summarise(nn.Sequential(*model, nn.Conv2d(2, 1, 1)), shape).layers[-1]
    truth, second = seen_from(model, shape, 0), seen_from(model, shape, 2)
    reach = [high - low + 1 for low, high in truth]
    assert last.receptive_field is not None
    assert last.step is not None
    if all(step >= 1 for step in last.step):
        assert list(last.receptive_field) == reach
        assert [2 * step for step in last.step] == [b[0] - a[0] for a, b in zip(truth, second, strict=True)]
    else:  # between two input positions, what a number sees depends on where it stands
        assert all(abs(said - found) <= 1 for said, found in zip(last.receptive_field, reach, strict=True))


def test_a_linear_layer_and_global_pooling_see_everything() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 3))
    rows = by_name(summarise(model, (1, 30, 30)))
    assert not rows["0"].sees_all
    assert rows["1"].sees_all
    assert rows["3"].sees_all
    assert rows["3"].receptive_field == (30, 30)
    mlp = by_name(summarise(models.create("mlp", input_shape=(1, 6, 6), num_classes=2), (1, 6, 6)))
    assert mlp["flatten"].receptive_field == (1, 1)
    assert mlp["hidden.0.0"].sees_all


def test_a_linear_layer_over_time_keeps_to_its_own_step() -> None:
    rows = by_name(summarise(nn.Sequential(nn.Linear(4, 8), nn.LSTM(8, 5, batch_first=True)), (6, 4), axes="tc"))
    assert rows["0"].receptive_field == (1,)
    assert rows["1"].receptive_field == (6,)
    assert rows["1"].sees_all


def test_after_an_operation_without_a_rule_the_field_is_unknown_not_wrong() -> None:
    class Rolled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Conv2d(1, 1, 3, padding=1)
            self.second = nn.Conv2d(1, 1, 3, padding=1)

        def forward(self, inputs: Tensor) -> Tensor:
            return self.second(torch.roll(self.first(inputs), 5, 2))

    rows = by_name(summarise(Rolled(), (1, 16, 16)))
    assert rows["first"].receptive_field == (3, 3)
    assert rows["second"].receptive_field is None


FORMULAS: list[tuple[nn.Module, tuple[int, ...], str]] = [
    (nn.Linear(784, 512), (784,), "784·512 + 512"),
    (nn.Linear(4, 3, bias=False), (4,), "4·3"),
    (nn.Conv2d(1, 6, 5), (1, 9, 9), "5·5·1·6 + 6"),
    (nn.Conv2d(8, 6, (3, 1), groups=2, bias=False), (8, 9, 9), "3·1·4·6"),
    (nn.ConvTranspose2d(8, 6, 4), (8, 9, 9), "4·4·8·6 + 6"),
    (nn.Conv1d(2, 3, 7), (2, 9), "7·2·3 + 3"),
    (nn.BatchNorm2d(7), (7, 4, 4), "2·7"),
    (nn.LayerNorm(6), (6,), "2·6"),
    (nn.LSTM(28, 128, batch_first=True), (28, 28), "4·(28·128 + 128·128 + 2·128)"),
    (nn.GRU(3, 5, 2, batch_first=True), (4, 3), "3·(3·5 + 5·5 + 2·5) + 3·(5·5 + 5·5 + 2·5)"),
    (nn.RNN(3, 5, bidirectional=True, batch_first=True), (4, 3), "2·(3·5 + 5·5 + 2·5)"),
    (nn.LSTM(3, 5, bias=False, batch_first=True), (4, 3), "4·(3·5 + 5·5)"),
    (nn.PReLU(), (3,), "1"),
]


@pytest.mark.parametrize(("module", "shape", "expected"), FORMULAS)
def test_the_formula_gives_the_count(module: nn.Module, shape: tuple[int, ...], expected: str) -> None:
    (layer,) = summarise(module, shape).layers
    assert layer.formula == expected
    assert value(expected) == layer.parameters == sum(one.numel() for one in module.parameters())


def test_an_embedding_takes_integers() -> None:
    model = nn.Sequential(nn.Embedding(1_000, 8), nn.LSTM(8, 4, batch_first=True))
    rows = by_name(summarise(model, (12,), axes="t"))
    assert rows["0"].formula == "1,000·8"
    assert rows["0"].output_shape == (12, 8)
    assert rows["1"].multiply_adds == 12 * 4 * (8 * 4 + 4 * 4)


def test_parameters_of_your_own_are_shown_by_their_shapes() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(3, 1, 1))
            self.table = nn.Parameter(torch.ones(5, 2), requires_grad=False)
            self.inner = nn.Conv2d(3, 3, 1)

        def forward(self, inputs: Tensor) -> Tensor:
            return self.inner(inputs * self.scale)

    summary = summarise(Scaled(), (3, 4, 4))
    own = by_name(summary)["(model)"]
    assert own.formula == "3·1·1 + 5·2"
    assert (own.parameters, own.trainable) == (13, 3)
    assert summary.parameters == 13 + 12


def test_shared_parameters_count_once_and_unused_ones_say_so() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encode = nn.Linear(4, 4)
            self.decode = nn.Linear(4, 4)
            self.decode.weight = self.encode.weight
            self.unused = nn.Linear(2, 2)

        def forward(self, inputs: Tensor) -> Tensor:
            return self.decode(self.encode(self.encode(inputs)))

    model = Tied()
    summary = summarise(model, (4,))
    rows = by_name(summary)
    assert summary.parameters == sum(one.numel() for one in model.parameters()) == 16 + 4 + 4 + 6
    assert rows["decode"].formula == "4; weight is encode.weight"
    assert rows["encode"].calls == 2
    assert rows["encode"].multiply_adds == 2 * 16
    assert rows["unused"].output_shape is None
    text = "\n".join(lines(summary))
    assert "not called" in text
    assert "Linear ×2" in text


@pytest.mark.parametrize(
    ("module", "shape", "expected"),
    [
        (nn.Conv2d(3, 8, 3, stride=2, padding=1, groups=1), (3, 10, 10), 5 * 5 * 8 * 3 * 9),
        (nn.Conv2d(4, 8, 3, groups=4), (4, 10, 10), 8 * 8 * 8 * 9),
        (nn.ConvTranspose2d(3, 5, 4, stride=2), (3, 6, 6), 6 * 6 * 3 * 5 * 16),
        (nn.Linear(7, 9), (7,), 63),
        (nn.Linear(7, 9), (5, 7), 5 * 63),
        (nn.GRU(3, 5, batch_first=True), (4, 3), 4 * 3 * (15 + 25)),
        (nn.BatchNorm2d(3), (3, 4, 4), 0),
    ],
)
def test_multiply_adds_are_exact(module: nn.Module, shape: tuple[int, ...], expected: int) -> None:
    assert summarise(module, shape).multiply_adds == expected


def test_attention_counts_its_two_products_too() -> None:
    model = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    summary = summarise(model, (5, 8), axes="tc")
    attention = 5 * 8 * 24 + 2 * 5 * 5 * 8 + 5 * 8 * 8
    assert summary.multiply_adds == attention + 2 * 5 * 8 * 16
    assert summary.parameters == sum(one.numel() for one in model.parameters())


def test_keras_counts_batch_norm_s_running_statistics() -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8))
    torch_way, keras_way = (summarise(model, (3, 8, 8), counting=how) for how in ("torch", "keras"))  # type: ignore[arg-type]
    assert torch_way.parameters == torch_way.trainable == 216 + 16
    assert keras_way.parameters == 216 + 32
    assert keras_way.trainable == 216 + 16
    assert by_name(keras_way)["1"].formula == "4·8"


def test_the_model_is_left_as_it_was() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout()).train()
    model[2].eval()
    before = {name: one.clone() for name, one in model.state_dict().items()}
    summarise(model, (1, 8, 8))
    assert [module.training for module in model] == [True, True, False]
    assert all(torch.equal(one, before[name]) for name, one in model.state_dict().items())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_a_model_that_looks_at_its_numbers_is_run_for_real() -> None:
    class Curious(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 2)
            self.offsets = [torch.ones(3)]  # neither parameter nor buffer

        def forward(self, inputs: Tensor) -> Tensor:
            inputs = inputs + self.offsets[0]
            return self.layer(inputs if float(inputs.sum()) > 0 else -inputs)

    assert summarise(Curious(), (3,)).multiply_adds == 6


def test_a_large_model_on_the_meta_device_needs_no_memory() -> None:
    with torch.device("meta"):
        model = nn.Sequential(nn.Linear(1_000_000, 1_000_000))
    summary = summarise(model, (1_000_000,))
    assert summary.parameters == 10**12 + 10**6
    assert summary.weight_bytes == 4 * summary.parameters


def test_an_input_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ConfigError, match="3×8×8"):
        summarise(nn.Conv2d(1, 2, 3), (3, 8, 8))
    with pytest.raises(ConfigError, match="once"):
        summarise(nn.LazyLinear(3), (4,))


@pytest.mark.parametrize("name", ["lenet5", "lenet5_1998", "convnet3d"])
@pytest.mark.parametrize("width", [60, 80, 200])
def test_no_line_is_wider_than_the_terminal_and_none_loses_a_formula(name: str, width: int) -> None:
    shape = models.example_shape(name)
    summary = summarise(models.create(name, input_shape=shape, num_classes=10), shape)
    text = lines(summary, width)
    table = [line for line in text if not line.startswith(("parameters ", "memory ", "field/step ", " " * 13 + "out"))]
    assert max(map(len, table)) <= max(width, 72)
    flat = " ".join(" ".join(text).split())
    assert all(layer.formula in flat for layer in summary.layers)


def test_numbers_stand_in_columns_with_thousands_apart() -> None:
    text = lines(summarise(models.create("lenet5", input_shape=(1, 28, 28), num_classes=10), (1, 28, 28)))
    ends = {line.index(number) + len(number) for line in text for number in ("48,120", "10,164") if number in line}
    assert len(ends) == 1
    assert any(line.startswith("total") and "61,706" in line for line in text)


@pytest.mark.slow
def test_a_picture_shows_every_block_within_its_edges() -> None:
    families = {models.registry.entry(name).module: name for name in models.registry.names()}
    for name in families.values():
        _, model, shape, config, _ = build(name, {})  # only the shapes are drawn
        figure = draw(summarise(model, shape, axes="t" if "vocabulary" in config else None, name=name))
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        box = figure.bbox
        for text in figure.axes[0].texts:
            extent = text.get_window_extent()
            assert extent.x0 >= 0, text
            assert extent.x1 <= box.width, text
        picture = Image.frombuffer("RGBA", canvas.get_width_height(), canvas.buffer_rgba())
        assert len(picture.convert("RGB").getcolors(1 << 20) or []) > 10


def test_a_deep_model_is_drawn_part_by_part() -> None:
    stages = [nn.Sequential(*[nn.Conv2d(4, 4, 3, padding=1) for _ in range(30)]) for _ in range(3)]
    summary = summarise(nn.Sequential(*stages), (4, 8, 8))
    blocks = collapsed(summary)
    assert [(block.name, block.kind) for block in blocks] == [(str(i), "30 layers") for i in range(3)]
    assert sum(block.parameters for block in blocks) == summary.parameters


def test_a_part_is_drawn_with_the_shape_that_it_puts_out_not_with_its_last_layer_s() -> None:
    found = {}
    for name in ("googlenet", "densenet121", "mobilenet", "resnet18"):
        summary = summarise(models.create(name, input_shape=(3, 64, 64), num_classes=10), (3, 64, 64), name=name)
        blocks = collapsed(summary)
        found[name] = {block.name: block.shape for block in blocks}
        assert len(found[name]) == len(blocks), "each block has a name of its own"
        assert sum(block.parameters for block in blocks) == summary.parameters
        assert not any("Pad" in block.kind for block in blocks)
    assert found["googlenet"]["inception3a"] == (256, 8, 8)
    assert found["densenet121"]["body.block1"] == (256, 16, 16)
    assert found["mobilenet"]["blocks.1.depthwise"] == (64, 16, 16)
    assert clipped("body.stage1.0.branch.0") == "…stage1.0.branch.0"


def test_what_runs_in_parallel_is_one_block_and_what_runs_in_turn_is_one_each() -> None:
    found = {}
    for name in ("squeezenet1_1", "resnet18", "mobilenet_v2", "vgg16", "lenet5"):
        shape = models.example_shape(name)
        with torch.device("meta"):
            summary = summarise(models.create(name, input_shape=shape, num_classes=10), shape)
        blocks = collapsed(summary)
        assert sum(block.parameters for block in blocks) == summary.parameters
        found[name] = {block.name: block.kind for block in blocks}
    assert found["squeezenet1_1"]["body.stage1.fire2"] == "3 layers"
    assert found["resnet18"]["body.stage2.0"] == "3 layers"
    assert not [name for name in [*found["squeezenet1_1"], *found["resnet18"]] if "expand" in name or "branch" in name]
    assert {"layers" in kind for name in ("vgg16", "lenet5") for kind in found[name].values()} == {False}


def test_a_batch_norm_is_counted_with_the_layer_that_it_stands_with() -> None:
    with torch.device("meta"):
        dense, residual, plain = (
            summarise(models.create(name, input_shape=(3, 64, 64), num_classes=10), (3, 64, 64))
            for name in ("densenet121", "resnet50v2", "mobilenet")
        )
    counts = [{block.name: block.parameters for block in collapsed(one)} for one in (dense, residual, plain)]
    assert counts[0]["stem.pool"] == 0
    assert counts[1]["pool"] == 0
    assert counts[1]["body.stage1.1"] == counts[1]["body.stage1.2"]
    assert counts[2]["stem"] == 3 * 9 * 32 + 2 * 32
    assert [sum(one.values()) for one in counts] == [one.parameters for one in (dense, residual, plain)]


def test_plain_operations_between_layers_do_not_make_them_parallel() -> None:
    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two, self.three = (nn.Conv2d(4, 4, 3, padding=1) for _ in range(3))

        def forward(self, inputs: Tensor) -> Tensor:
            maps = F.max_pool2d(F.relu_(self.one(inputs)), 1)
            return self.three(torch.cat([inputs[:, :2], self.two(maps)[:, 2:]], 1)) + maps

    assert summarise(nn.Sequential(Plain()), (4, 8, 8)).parallel == frozenset()
    assert summarise(nn.Sequential(Residual(4)), (4, 8, 8)).parallel == {"0"}


def written_on(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def test_a_drawing_says_how_many_parameters_it_leaves_out() -> None:
    with torch.device("meta"):
        model = models.create("googlenet", input_shape=(3, 224, 224), num_classes=10, auxiliary=True)
    summary = summarise(model, (3, 224, 224))
    drawn = sum(block.parameters for block in collapsed(summary))
    said = written_on(draw(summary))
    assert any(text.startswith("9,960,638 parameters") for text in said)
    assert any(text.startswith(f"{summary.parameters - drawn:,} of them in layers that prediction") for text in said)
    assert not any("of them" in text for text in written_on(draw(summarise(nn.Linear(2, 3), (2,)))))


def test_a_drawing_is_as_narrow_as_asked_and_every_arrow_ends_at_a_block() -> None:
    with torch.device("meta"):
        summary = summarise(models.create("vgg19", input_shape=(3, 224, 224), num_classes=1000), (3, 224, 224))
    wide, narrow = draw(summary), draw(summary, room=900)
    assert wide.bbox.width > 1000
    assert narrow.bbox.width <= 900
    for figure in (wide, narrow):
        patches = figure.axes[0].patches
        fronts = [(patch.get_x(), patch.get_y() + patch.get_height()) for patch in patches if type(patch) is Rectangle]
        arrows = [patch.get_path().vertices for patch in patches if isinstance(patch, FancyArrowPatch)]
        assert len(arrows) == len(collapsed(summary))
        for vertices in arrows:
            tip, height = float(vertices[:, 0].max()), float(vertices[0, 1])
            assert any(0 <= x - tip < 60 and 0 < floor - height < 20 for x, floor in fronts)


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any, str]:
    code = run(arguments)
    out, err = capsys.readouterr()
    return code, out, err


def test_models_list_names_every_model(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "models", "list", "--json")
    document = json.loads(out)
    assert code == 0
    assert document["schema_version"] == 1
    assert [row["name"] for row in document["models"]] == models.registry.names()
    assert all(row["summary"] for row in document["models"])
    code, out, _ = said(capsys, "models", "list")
    assert all(name in out for name in models.registry.names())


def test_params_gives_the_lecture_s_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "params", "mlp", "--input", "3x224x224", "--json")
    document = json.loads(out)
    assert code == 0
    assert document["command"] == "params"
    assert document["total"]["parameters"] == 77_338_634
    assert document["layers"][1]["formula"] == "150,528·512 + 512"
    code, out, _ = said(capsys, "models", "show", "mlp")
    assert "669,706" in out


def test_settings_and_classes_are_taken(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "params", "mlp", "--input", "1x2x2", "--classes", "3", "--set", "hidden=[5]", "--json")
    assert json.loads(out)["total"]["parameters"] == 4 * 5 + 5 + 5 * 3 + 3
    code, out, _ = said(capsys, "params", "convnet1d", "--set", "pool=2", "--set", "widths=[4,8]", "--json")
    assert code == 0
    assert json.loads(out)["input_shape"] == [1, 8]


@pytest.mark.parametrize(
    ("name", "size", "parameters", "change"),
    [
        ("resnet50", "3x224x224", 25_636_712, "convolution_bias=true"),
        ("inception_v3", "3x299x299", 23_851_784, "norm_scale=false"),
    ],
)
def test_keras_s_own_number_is_told_with_the_setting_that_leads_to_it(
    name: str, size: str, parameters: int, change: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("params", name, "--input", size, "--classes", "1000", "--counting", "keras")
    _, out, _ = said(capsys, *asked)
    assert f"as Keras builds it, {parameters:,} parameters: --set {change}\n" in out
    code, out, _ = said(capsys, *asked, "--set", change)
    assert code == 0
    assert f"parameters   {parameters:,} (" in out
    assert "builds it" not in out


@pytest.mark.parametrize("name", ["mobilenet_v2", "densenet121", "vgg11", "squeezenet1_1", "xception", "lenet5"])
def test_counting_without_a_forward_pass_comes_to_the_same(name: str) -> None:
    shape = models.example_shape(name)
    with torch.device("meta"):
        model = models.create(name, input_shape=shape, num_classes=10)
    assert count(model, "keras") == summarise(model, shape, counting="keras").parameters
    assert count(model) == summarise(model, shape).parameters


def test_networks_without_batchnorm_are_not_said_to_have_its_statistics(capsys: pytest.CaptureFixture[str]) -> None:
    assert "BatchNorm" not in said(capsys, "params", "lenet5", "--counting", "keras")[1]
    assert "BatchNorm's running statistics" in said(capsys, "params", "convnet2d", "--counting", "keras")[1]


def test_a_model_s_stages_and_head_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = said(capsys, "models", "show", "mobilenet")
    assert "stages       stem, blocks.0, blocks.1, blocks.2, …, blocks.10, blocks.11, blocks.12; head  output\n" in out
    _, out, _ = said(capsys, "models", "show", "mobilenet", "--json")
    document = json.loads(out)
    assert len(document["stages"]) == 14
    assert document["head"] == "output"


def test_what_leads_to_the_counts_of_imagenet_is_said_where_a_small_input_was_taken(
    capsys: pytest.CaptureFixture[str],
) -> None:
    hint = "for ImageNet: --input 3x224x224 --classes 1000"
    assert said(capsys, "models", "show", "squeezenet1_1")[1].splitlines()[-1] == hint
    assert "for ImageNet" not in said(capsys, "models", "show", "squeezenet1_1", "--classes", "10")[1]
    assert "for ImageNet" not in said(capsys, "models", "show", "mlp")[1]


def test_a_run_s_folder_tells_its_model(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    from profond.core.run import Run

    config = {"model": {"name": "mlp", "input_shape": [1, 4, 4], "num_classes": 3, "hidden": [7]}}
    folder = Run.create(tmp_path, "mlp", config).path
    code, out, _ = said(capsys, "params", str(folder), "--json")
    assert code == 0
    assert json.loads(out)["total"]["parameters"] == 16 * 7 + 7 + 7 * 3 + 3
    empty = Run.create(tmp_path, "nothing", {}).path
    code, _, err = said(capsys, "params", str(empty))
    assert code == 3
    assert "model" in err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("models", "show", "lenet"), 2, "did you mean 'lenet5'?"),
        (("params", "lenet5", "--input", "28"), 3, "channels, height, width"),
        (("params", "lenet5", "--input", "3xa"), 2, "3x224x224"),
        (("params", "lenet5", "--input", "1x0x28"), 2, "1 or more"),
        (("params", "mlp", "--input", "99999x99999x99999"), 2, "at most"),
        (("params", "lenet5", "--input", "1x8x8"), 3, "12×12"),
        (
            ("params", "inception_v3", "--input", "3x64x80"),
            3,
            "(3, 75, 75): `train --set size=75`, `finetune --size 75`, `models show --input 3x75x75`",
        ),
        (("params", "convnet1d", "--input", "1x8"), 3, "(1, 64): `models show --input 1x64`"),
        (("params", "lenet5", "--set", "padding"), 2, "key=value"),
        (("params", "lenet5", "--set", "pading=2"), 3, "did you mean 'padding'?"),
        (("params", "lenet5", "--classes", "0"), 2, "1 or more"),
        (("params", "lenet5", "--counting", "kears"), 2, "did you mean 'keras'?"),
        (("params", "lenet5", "--picture", "layers"), 2, ".png"),
        (("params", "runs/none"), 3, "not a folder"),
        (("params", "lenet5_1998", "--classes", "26"), 3, "lenet5 for other classes"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_a_line(
    arguments: tuple[str, ...], code: int, words: str, capsys: pytest.CaptureFixture[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    got, out, err = said(capsys, *arguments)
    assert (got, out) == (code, "")
    assert words in err
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_a_picture_is_written_where_it_is_asked_for(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    target = tmp_path / "layers.png"
    code, out, _ = said(capsys, "params", "lenet5", "--picture", str(target))
    assert code == 0
    assert str(target) in out
    with Image.open(target) as picture:
        assert math.prod(picture.size) > 100_000
