"""Shown numbers add up: whoever checks them with a pencil comes to the numbers that stand there."""

from __future__ import annotations

import re
from decimal import Decimal

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from profond.explain.draw.numbers import read_number
from profond.explain.steps.convolution import convolve
from profond.explain.steps.convolution_figure import draw_convolution
from profond.explain.steps.layer_pixel import layer_pixel
from profond.explain.steps.layer_pixel_figure import draw_layer_pixel
from profond.explain.steps.pooling import pool
from profond.explain.steps.pooling_figure import draw_pooling
from profond.explain.steps.sums import added

NUMBER = r"−?\d+(?:\.\d+)?(?:e[+−]\d+)?"


def random_terms(seed: int) -> list[float]:
    numbers = np.random.default_rng(seed)
    size = 10.0 ** numbers.integers(-9, 9)
    terms = numbers.normal(0, size, numbers.integers(1, 40))
    if seed % 4 == 0:
        terms = terms.round(int(numbers.integers(0, 3)))
    if seed % 5 == 0:  # cancels nearly
        terms = np.append(terms, -terms.sum() * (1 + 1e-4))
    return terms.tolist()


@pytest.mark.parametrize("seed", range(200))
def test_written_terms_give_the_written_sum_and_each_is_true_to_its_last_digit(seed):
    terms = random_terms(seed)
    total = float(np.sum(terms))
    part = min(len(terms), 3)
    written = added(terms, total, part=part)
    assert sum(map(read_number, written.terms)) == read_number(written.total)
    assert sum(map(read_number, written.terms[:part])) == read_number(written.part(0, part))
    assert abs(read_number(written.total) - Decimal(total)) <= written.unit / 2
    for text, value in zip(written.terms, terms, strict=True):
        assert abs(read_number(text) - Decimal(value)) <= written.unit, (text, value)
    scale = max(map(abs, terms))
    if abs(total) > 1e-7 * scale and not written.total.startswith("0"):
        assert len(re.sub(r"e.*|[−.]", "", written.total)) >= 4 or total == pytest.approx(
            float(read_number(written.total)), rel=1e-10
        )


@pytest.mark.parametrize(
    ("terms", "expected", "total"),
    [
        ([0.9529, 1.241, -1.486], ["0.9529", "1.241", "−1.486"], "0.7079"),
        ([0.95294, 1.24098, -1.48632], ["0.9529", "1.2410", "−1.4863"], "0.7076"),
        ([1.0, 2.0, -6.0], ["1", "2", "−6"], "−3"),
        ([0.25, 0.5], ["0.25", "0.5"], "0.75"),
        ([0.0, 0.0], ["0", "0"], "0"),
        ([0.1, 0.2, -0.3], ["0.1", "0.2", "−0.3"], "0"),
        ([1 / 3, 1 / 3, 1 / 3], None, "1"),
        ([1234.5678, 0.0001], ["1234.6", "0.0"], "1234.6"),
    ],
)
def test_sums_are_written_as_people_write_them(terms, expected, total):
    written = added(terms, sum(terms))
    assert sum(map(read_number, written.terms)) == read_number(written.total)
    assert written.total == total
    if expected is not None:
        assert list(written.terms) == expected


def arithmetic(lines: list[str], *, tolerance: Decimal = Decimal(1)) -> int:
    """Check each line of products, their sum, bias and value by the printed numbers; how many lines there were."""
    rows, whole = [], {}
    for line in lines:
        if "×" in line and "=" in line and not line.lstrip().startswith(("output", "kernel")):
            left, _, right = line.rpartition(" = ")
            pairs = re.findall(rf"\(?({NUMBER})\)?×\(?({NUMBER})\)?", left)
            assert pairs, line
            total = read_number(right)
            unit = Decimal(1).scaleb(int(Decimal(right.replace("−", "-")).as_tuple().exponent))
            assert abs(sum(read_number(a) * read_number(b) for a, b in pairs) - total) <= tolerance * unit, line
            rows.append(total)
        elif found := re.match(rf"\s+the other [\d,]+ add up to ({NUMBER})", line):
            rows.append(read_number(found[1]))
        elif found := re.match(r"\s+(sum|bias|value): (.*)", line):
            numbers = re.findall(NUMBER, found[2])
            whole[found[1]] = read_number(numbers[0] if found[1] == "value" else numbers[-1]) if numbers else Decimal(0)
    assert sum(rows) == whole["sum"], (rows, whole)
    assert whole["sum"] + whole["bias"] == whole["value"], whole
    return len(rows)


@pytest.mark.parametrize("seed", range(40))
def test_an_output_pixel_of_conv_is_right_as_it_is_printed(seed):
    numbers = np.random.default_rng(seed)
    size = int(numbers.integers(1, 6))
    plane = numbers.normal(0, 10.0 ** numbers.integers(-3, 4), (9, 9))
    plane = plane.round(seed % 5) if seed % 2 else np.abs(plane)
    kernel = numbers.normal(0, 1, (size, size)) if seed % 3 else np.ones((size, size)) / size**2
    pixel = convolve(plane, kernel, padding=size // 2, bias=[0.0, float(numbers.normal())][seed % 2]).at(2, 3)
    assert arithmetic(pixel.lines()) == size
    assert read_number(pixel.lines()[-1].split(": ")[1]) == pytest.approx(Decimal(pixel.value), rel=Decimal("1e-3"))


@pytest.mark.parametrize(("channels", "kernel"), [(1, 3), (3, 3), (3, 5), (40, 3)])
@pytest.mark.parametrize("bias", [False, True])
def test_an_output_number_of_a_layer_is_right_as_it_is_printed(channels, kernel, bias):
    for seed in range(4):
        torch.manual_seed(seed)
        model = nn.Sequential(nn.Conv2d(channels, 4, kernel, padding=1, bias=bias))
        pixel = layer_pixel(model, torch.randn(channels, 8, 8), "0", 2, (0, 3))
        assert arithmetic(pixel.lines()) == (kernel * channels if channels * kernel**2 <= 75 else 13)


def texts(figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def tables(figure) -> list[list[str]]:
    """The numbers of each table of the figure."""
    found = [[text.get_text() for text in axes.texts] for axes in figure.axes]
    return [one for one in found if one and all(re.fullmatch(NUMBER, text) for text in one)]


@pytest.mark.parametrize("seed", range(8))
def test_the_arithmetic_in_the_picture_of_a_convolution_is_right(seed):
    numbers = np.random.default_rng(seed)
    bias = float(numbers.normal()) if seed % 2 else 0.0
    result = convolve(numbers.random((6, 6)), numbers.normal(0, 1, (3, 3)), bias=bias)
    figure = draw_convolution(result, at=(1, 2))
    patch, kernel, products, value = tables(figure)[-4:]
    assert [len(patch), len(kernel), len(products), len(value)] == [9, 9, 9, 1]
    said = next(text for text in texts(figure) if text.startswith("sum "))
    total, *more = re.findall(NUMBER, said)
    assert sum(map(read_number, products)) == read_number(total)
    assert sum(map(read_number, [total, *more])) == read_number(value[0])
    unit = Decimal(1).scaleb(min(int(read_number(one).as_tuple().exponent) for one in products))
    for a, b, product in zip(patch, kernel, products, strict=True):
        assert abs(read_number(a) * read_number(b) - read_number(product)) <= unit


@pytest.mark.parametrize("channels", [1, 3, 10])
@pytest.mark.parametrize("bias", [False, True])
def test_the_arithmetic_in_the_picture_of_a_layer_is_right(channels, bias):
    torch.manual_seed(channels)
    model = nn.Sequential(nn.Conv2d(channels, 2, 3, bias=bias))
    pixel = layer_pixel(model, torch.randn(channels, 7, 7), "0", 1, (2, 2))
    figure = draw_layer_pixel(pixel, Image.new("L", (70, 70)), name="picture", model="model")
    found = tables(figure)
    totals = []
    for patch, kernel, products, total in zip(*(found[start::4] for start in range(4)), strict=True):
        assert sum(map(read_number, products)) == read_number(total[0])
        unit = Decimal(1).scaleb(min(int(read_number(one).as_tuple().exponent) for one in products))
        for a, b, product in zip(patch, kernel, products, strict=True):
            assert abs(read_number(a) * read_number(b) - read_number(product)) <= unit
        totals.append(read_number(total[0]))
    assert len(totals) == min(3, channels)
    said = [text.get_text() for text in figure.texts]
    start = next(index for index, line in enumerate(said) if line.startswith("sum: "))
    lines = " ".join(said[start:]).partition(" the layer itself")[0]
    summed, _, last = lines.partition(" with the bias: ")
    parts, _, total = summed.removesuffix(" no bias").rpartition(" = ")
    terms = [read_number(one) for one in re.findall(rf"\(?({NUMBER})\)? \((?:map|the)", parts)]
    assert terms[: len(totals)] == totals
    assert sum(terms) == read_number(total)
    if bias:
        one, other, value = re.findall(NUMBER, last)
        assert read_number(one) == read_number(total)
        assert read_number(one) + read_number(other) == read_number(value)


@pytest.mark.parametrize("count_padding", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_the_means_in_the_picture_of_a_pooling_are_those_of_its_shown_numbers(seed, count_padding):
    numbers = np.random.default_rng(seed)
    result = pool(
        numbers.random((6, 6)) * 10 ** (seed - 1), kind="average", padding=seed % 2, count_padding=count_padding
    )
    given, means = tables(draw_pooling(result))[:2]
    padded = 6 + 2 * (seed % 2)
    shown = np.array([read_number(text) for text in given]).reshape(padded, padded)
    for place, mean in zip(np.ndindex(*result.output.shape), means, strict=True):
        window = [shown[y + seed % 2, x + seed % 2] for y, x in result.window(*place)]
        of = 4 if count_padding else len(window)
        unit = Decimal(1).scaleb(int(read_number(mean).as_tuple().exponent))
        assert abs(sum(window) / of - read_number(mean)) <= unit / 2
