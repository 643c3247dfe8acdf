from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage, signal
from torch.nn import functional

from profond.core.errors import ConfigError, DataError, UnknownName
from profond.explain.draw.colour_scale import Scale
from profond.explain.draw.drawing import save_figure
from profond.explain.draw.numbers import write_number
from profond.explain.steps.convolution import convolve
from profond.explain.steps.convolution_figure import draw_convolution
from profond.explain.steps.kernels import KERNELS, choose_kernel, read_matrix
from profond.explain.steps.sliding import Axis, pad

TABLE = [[1, 1, 2, 4], [5, 6, 7, 8], [3, 2, 1, 0], [1, 2, 3, 4]]
TORCH_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "replicate", "circular": "circular"}


def by_hand(plane: np.ndarray, kernel: np.ndarray, padding: int, stride: int, dilation: int) -> np.ndarray:
    """The definition, in loops."""
    plane = np.pad(plane, padding)
    (height, width), (tall, wide) = plane.shape, kernel.shape
    rows = range(0, height - dilation * (tall - 1), stride)
    columns = range(0, width - dilation * (wide - 1), stride)
    output = np.zeros((len(rows), len(columns)))
    for i, top in enumerate(rows):
        for j, left in enumerate(columns):
            for y in range(tall):
                for x in range(wide):
                    output[i, j] += plane[top + dilation * y, left + dilation * x] * kernel[y, x]
    return output


@pytest.mark.parametrize("seed", range(40))
def test_any_size_gives_what_loops_and_torch_give(seed: int) -> None:
    random = np.random.default_rng(seed)
    tall, wide, stride, dilation = (int(n) for n in random.integers(1, 5, 4))
    padding = int(random.integers(0, 4))
    least = [dilation * (size - 1) + 1 for size in (tall, wide)]
    height, width = (int(max(1, size - 2 * padding) + random.integers(0, 12)) for size in least)
    plane = random.integers(-9, 256, (height, width)).astype(float)
    kernel = random.integers(-5, 6, (tall, wide)).astype(float)
    result = convolve(plane, kernel, padding, stride, dilation=dilation, bias=3)
    assert (result.output == by_hand(plane, kernel, padding, stride, dilation) + 3).all()  # whole numbers stay exact
    reference = functional.conv2d(
        torch.from_numpy(plane)[None, None],
        torch.from_numpy(kernel)[None, None],
        torch.tensor([3.0], dtype=torch.float64),
        stride,
        padding,
        dilation,
    )[0, 0]
    assert (result.output == reference.numpy()).all()
    assert result.output.shape == (result.rows.count, result.columns.count)


@pytest.mark.parametrize("mode", TORCH_MODES)
@pytest.mark.parametrize("seed", range(5))
def test_every_padding_mode_is_torchs(mode: str, seed: int) -> None:
    random = np.random.default_rng(seed)
    plane = random.normal(size=(int(random.integers(4, 9)), int(random.integers(4, 9))))
    kernel = random.normal(size=(3, 3))
    down, across = int(random.integers(0, 4)), int(random.integers(0, 4))
    border = functional.pad(torch.from_numpy(plane)[None, None], (across, across, down, down), mode=TORCH_MODES[mode])
    reference = functional.conv2d(border, torch.from_numpy(kernel)[None, None])[0, 0].numpy()
    result = convolve(plane, kernel, (down, across), padding_mode=mode)
    np.testing.assert_allclose(result.output, reference, rtol=1e-12, atol=1e-12)


def test_flipping_gives_the_convolution_of_mathematics() -> None:
    random = np.random.default_rng(0)
    plane, kernel = random.normal(size=(9, 11)), random.normal(size=(3, 5))
    flipped = convolve(plane, kernel, flip=True).output
    np.testing.assert_allclose(flipped, signal.convolve2d(plane, kernel, mode="valid"), rtol=1e-12, atol=1e-12)
    plain = convolve(plane, kernel).output
    np.testing.assert_allclose(plain, signal.correlate2d(plane, kernel, mode="valid"), rtol=1e-12, atol=1e-12)
    assert not np.allclose(flipped, plain)


def test_same_padding_keeps_the_size_with_stride_1() -> None:
    for size in (1, 3, 5, 7):
        assert convolve(np.ones((10, 13)), np.ones((size, size)), "same").output.shape == (10, 13)
    assert convolve(np.ones((10, 13)), np.ones((3, 3)), "same", dilation=2).output.shape == (10, 13)


def test_same_padding_is_torchs_for_kernels_that_are_not_square() -> None:
    random = np.random.default_rng(1)
    plane, kernel = random.normal(size=(8, 9)), random.normal(size=(1, 5))
    reference = functional.conv2d(
        torch.from_numpy(plane)[None, None], torch.from_numpy(kernel)[None, None], padding="same"
    )
    np.testing.assert_allclose(convolve(plane, kernel, "same").output, reference[0, 0].numpy(), rtol=1e-12, atol=1e-12)


def test_named_kernels_do_what_they_say() -> None:
    random = np.random.default_rng(2)
    plane = random.integers(0, 256, (20, 20)).astype(float)

    def inner(name: str) -> np.ndarray:
        return convolve(plane, KERNELS[name].values).output

    assert (inner("identity") == plane[1:-1, 1:-1]).all()
    np.testing.assert_allclose(inner("blur"), ndimage.uniform_filter(plane, 3)[1:-1, 1:-1])
    assert (inner("sobel_x") == ndimage.sobel(plane, axis=1)[1:-1, 1:-1]).all()
    assert (inner("sobel_y") == ndimage.sobel(plane, axis=0)[1:-1, 1:-1]).all()
    assert (inner("laplacian") == ndimage.laplace(plane)[1:-1, 1:-1]).all()
    assert (inner("sharpen") == plane[1:-1, 1:-1] - inner("laplacian")).all()
    flat = convolve(np.full((9, 9), 100.0), KERNELS["edge"].values).output
    assert (flat == 0).all()
    for name in ("identity", "blur", "gaussian", "gaussian5", "sharpen", "emboss"):
        assert KERNELS[name].values.sum() == pytest.approx(1), name
    for name in ("edge", "laplacian", "sobel_x", "sobel_y"):
        assert KERNELS[name].values.sum() == 0, name
    assert [name for name, kernel in KERNELS.items() if kernel.signed] == ["edge", "laplacian", "sobel_x", "sobel_y"]


@pytest.mark.parametrize("seed", range(12))
def test_the_arithmetic_of_a_pixel_ends_at_the_pixel(seed: int) -> None:
    random = np.random.default_rng(seed)
    mode = list(TORCH_MODES)[seed % 4]
    plane = random.normal(size=(7, 8))
    kernel = random.normal(size=(3, 2))
    result = convolve(plane, kernel, (2, 1), (1, 2), dilation=(1, 2), padding_mode=mode, bias=0.5, flip=seed % 3 == 0)
    padded = pad(plane, (2, 1), mode)
    for row, column in np.ndindex(*result.output.shape):
        pixel = result.at(row, column)
        assert pixel.products.sum() + 0.5 == pytest.approx(float(result.output[row, column]))
        assert (pixel.patch == padded[np.ix_([y + 2 for y in pixel.rows], [x + 1 for x in pixel.columns])]).all()
        outside = [[not (0 <= y < 7 and 0 <= x < 8) for x in pixel.columns] for y in pixel.rows]
        assert (pixel.inside == ~np.array(outside)).all()


def test_the_arithmetic_is_written_step_by_step() -> None:
    lines = convolve(TABLE, KERNELS["sharpen"].values, "same").at(0, 1).lines()
    assert lines[0].endswith("rows −1 to 1, columns 0 to 2 of the input (3 of its 9 pixels are padding)")
    assert lines[2].strip() == "1×(−1) + 1×5 + 2×(−1) = 2"
    assert lines[4].strip() == "sum: 0 + 2 + (−6) = −4"
    assert lines[-1].strip() == "value: −4"


def test_the_output_size_is_explained_with_its_numbers() -> None:
    result = convolve(np.ones((28, 32)), np.ones((5, 5)), 2, 3)
    assert result.output.shape == (10, 11)
    assert result.rows.formula() == "⌊(H + 2p − k) / s⌋ + 1 = ⌊(28 + 2·2 − 5) / 3⌋ + 1 = ⌊27 / 3⌋ + 1 = 9 + 1 = 10"
    assert "28 rows and 2 of padding above and below make 32" in result.rows.words()
    assert result.columns.words().endswith("stands in 11 places; the last column is never reached")
    dilated = convolve(np.ones((9, 9)), np.ones((3, 3)), dilation=2)
    assert "d(k − 1) − 1) / s⌋ + 1 = ⌊(9 + 2·0 − 2·(3 − 1) − 1) / 1⌋" in dilated.rows.formula()


@pytest.mark.parametrize(
    ("settings", "wrong", "helpful"),
    [
        ({"stride": 0}, "stride of 0 never moves", "1 or more"),
        ({"stride": -2}, "stride of -2", "1 or more"),
        ({"padding": -1}, "padding of -1", "0 or more"),
        ({"dilation": 0}, "dilation of 0", "no gaps"),
        ({"kernel": np.ones((5, 5))}, "kernel of 5 does not fit", "at most 4, or a padding of at least 1"),
        ({"kernel": np.ones((3, 3)), "dilation": 2}, "reaches over 5 pixels", "padding of at least 1"),
        ({"kernel": np.ones((2, 2)), "padding": "same"}, "has none", "odd kernel such as 3 × 3"),
        ({"padding": "full"}, "'full' is not known", "'same', 'valid'"),
        ({"padding": 4, "padding_mode": "reflect"}, "only 4 high", "at most 3"),
        ({"padding": 5, "padding_mode": "circular"}, "only 4 high", "at most 4"),
        ({"bias": float("nan")}, "bias of nan", "give a number"),
        ({"stride": 1.5}, "stride 1.5", "stride 1"),
    ],
)  # fmt: skip
def test_the_impossible_is_refused_in_words(settings: dict, wrong: str, helpful: str) -> None:
    with pytest.raises(ConfigError, match=wrong) as caught:
        convolve(TABLE, **{"kernel": np.ones((3, 3)), **settings})
    assert helpful in str(caught.value.help)


def test_what_the_help_proposes_works() -> None:
    with pytest.raises(ConfigError, match="does not fit") as caught:
        convolve(TABLE, np.ones((9, 9)))
    assert "at least 3" in str(caught.value.help)
    assert convolve(TABLE, np.ones((9, 9)), 3).output.shape == (2, 2)
    assert convolve(TABLE, np.ones((4, 4))).output.shape == (1, 1)
    with pytest.raises(ConfigError):
        convolve(TABLE, np.ones((9, 9)), 2)


def test_a_padding_beyond_memory_is_refused_before_it_is_made() -> None:
    with pytest.raises(ConfigError, match="pixels"):
        convolve(TABLE, np.ones((3, 3)), 10**9)


@pytest.mark.parametrize("kernel", [[], [[]], [[1, 2], [3]], [1, 2, 3], [["a"]], [[float("inf")]]])
def test_what_is_not_a_rectangle_of_numbers_is_refused(kernel: object) -> None:
    with pytest.raises(DataError, match="the kernel"):
        convolve(TABLE, kernel)


def test_numbers_too_large_to_write_are_refused() -> None:
    with pytest.raises(DataError, match="too large"):
        convolve([[1e308, 1e308]], [[1, 1]])


def test_an_unknown_padding_mode_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="reflection") as caught:
        convolve(TABLE, np.ones((3, 3)), 1, padding_mode="reflection")
    assert "reflect" in str(caught.value.help)


def test_a_pixel_that_the_output_lacks_is_refused() -> None:
    result = convolve(TABLE, np.ones((3, 3)))
    with pytest.raises(ConfigError, match="no column 2: it is 2 high and 2 wide"):
        result.at(0, 2)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("[[1,2],[3]]", "row 1 has 2 numbers, row 2 has 1"),
        ("[[1,2],[3,4]", "cannot be read"),
        ("[1,2]", "not a list of rows"),
        ("[]", "empty"),
        ("[[]]", "empty"),
        ('[[1,"x"]]', "row 1, column 2: 'x' is not a number"),
        ("[[true]]", "True is not a number"),
        ("[[NaN]]", "finite"),
        ("[[1" + "0" * 5000 + "]]", "cannot be read"),
        ("[[1" + "0" * 400 + "]]", "too large"),
        ("[" * 100_000, "cannot be read"),
        ("nowhere.csv", "no file nowhere.csv"),
    ],
)
def test_a_table_that_cannot_be_used_says_where(text: str, wrong: str) -> None:
    with pytest.raises(DataError, match=wrong):
        read_matrix(text)


@pytest.mark.parametrize(
    "text", ["1,2.5\n-3,4\n", "1;2,5\n-3;4\n", "1\t2.5\n-3\t4", "1 2.5\n\n-3 4\n", "\ufeff1, 2.5\r\n-3, 4\r\n"]
)
def test_a_csv_file_is_read_as_people_write_it(text: str, tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_bytes(text.encode())
    assert read_matrix(str(file)).tolist() == [[1, 2.5], [-3, 4]]


def test_a_csv_file_with_a_header_says_which_cell(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="row 1, column 1: 'a'"):
        read_matrix(str(file))


def test_a_kernel_is_found_by_name_or_typed() -> None:
    assert choose_kernel("sobel_x") is KERNELS["sobel_x"]
    assert choose_kernel(" [[1, 0], [0, -1]]").values.tolist() == [[1, 0], [0, -1]]
    with pytest.raises(UnknownName, match="sobelx") as caught:
        choose_kernel("sobelx")
    assert "sobel_x" in str(caught.value.help)


def test_a_window_never_stands_outside_its_padding() -> None:
    for size, window, padding, stride, dilation in np.random.default_rng(0).integers(1, 7, (200, 5)).tolist():
        if dilation * (window - 1) + 1 > size + 2 * padding:
            continue
        axis = Axis("width", size, window, padding, stride, dilation)
        assert axis.pixels(0)[0] == -padding
        assert axis.pixels(axis.count - 1)[-1] == size + padding - 1 - axis.unreached
        assert axis.pixels(axis.count)[-1] >= size + padding


@pytest.mark.parametrize(
    ("value", "text"),
    [(3.0, "3"), (-3, "−3"), (0.1, "0.1"), (1 / 3, "0.3333"), (12345.678, "12345.7"), (1e-9, "1e−09"), (1e20, "1e+20")],
)
def test_numbers_are_written_for_people(value: float, text: str) -> None:
    assert write_number(value) == text


def test_json_holds_small_results_whole_and_large_ones_in_short() -> None:
    small = json.loads(json.dumps(convolve(TABLE, np.ones((3, 3))).to_json()))
    assert small["output"]["values"] == [[28, 31], [30, 33]]
    large = json.loads(json.dumps(convolve(np.ones((50, 50)), np.ones((3, 3))).to_json()))
    assert "values" not in large["output"]
    assert (large["output"]["min"], large["output"]["max"]) == (9, 9)


def test_a_difference_is_shown_around_zero_and_a_brightness_from_black() -> None:
    random = np.random.default_rng(0)
    plane = random.integers(0, 256, (40, 40)).astype(float)
    edges = Scale.of(convolve(plane, KERNELS["sobel_x"].values).output)
    assert edges.signed
    assert edges.low == -edges.high
    assert edges.image(np.zeros((1, 1))).getpixel((0, 0)) == pytest.approx((255, 255, 255), abs=3)
    bright_spots = -np.eye(40)
    bright_spots[1::2] *= -8
    assert Scale.of(bright_spots, difference=True).signed
    light = Scale.of(plane, levels=True)
    assert (np.asarray(light.image(plane)) == plane).all()


def test_a_scale_says_what_it_cuts_off() -> None:
    values = np.zeros((100, 100))
    values[0, 0] = 1000
    values[:50] += 1
    scale = Scale.of(values)
    assert "run from 0 to 1001" in scale.note


@pytest.mark.parametrize("size", [(4, 4), (1, 60), (60, 1), (30, 40)])
@pytest.mark.parametrize("kernel", ["sobel_x", "gaussian5"])
def test_the_picture_is_drawn_for_any_size(size: tuple[int, int], kernel: str, tmp_path: Path) -> None:
    plane = np.random.default_rng(0).integers(0, 256, size)
    result = convolve(plane, KERNELS[kernel].values, "same")
    at = (size[0] - 1, size[1] - 1)
    written = save_figure(draw_convolution(result, at=at, title="x"), tmp_path / "conv.png")
    with Image.open(written) as drawn:
        assert min(drawn.size) > 300


def test_a_picture_of_one_flat_colour_and_a_large_kernel_is_drawn(tmp_path: Path) -> None:
    result = convolve(np.zeros((40, 40)), np.ones((15, 15)) / 225, "same")
    assert save_figure(draw_convolution(result, at=(0, 0)), tmp_path / "conv.png").stat().st_size > 1000


def test_three_planes_are_drawn_in_colour(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    results = [convolve(random.integers(0, 256, (20, 20)), KERNELS["edge"].values) for _ in range(3)]
    one = save_figure(draw_convolution(results[0], at=(3, 3)), tmp_path / "one.png")
    three = save_figure(draw_convolution(*results, at=(3, 3)), tmp_path / "three.png")
    with Image.open(one) as short, Image.open(three) as tall:
        assert tall.height > short.height  # the arithmetic of three planes
