"""The losses of CycleGAN and CUT as their equations, the pool, and what cannot be learned."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from profond import models
from profond.core.errors import ConfigError, DataError
from profond.core.spec import Spec
from profond.data.dataset import Dataset
from profond.data.preprocessing import Preprocessing
from profond.data.split import TensorSplit
from profond.nn.translation import ColourCritic
from profond.tasks.patch_contrast import patch_contrast
from profond.tasks.picture_pool import PicturePool
from profond.tasks.translate_images import CRITIC, GENERATOR, TranslateImages, domains, recoloured
from profond.tasks.translation import Translation, TranslationShow
from profond.training import Training, fit

SMALL: dict[str, Any] = {"input_shape": (3, 8, 8), "width": 4, "blocks": 1, "critic_width": 4, "critic_layers": 1}


def built(name: str, **settings: Any) -> Any:
    torch.manual_seed(0)
    if name != "cyclegan":
        settings = {"head_width": 8, **settings}
    model = models.create(name, **{**SMALL, **settings})
    with torch.no_grad():
        for parameter in model.parameters():  # so that no term is near nothing
            parameter.mul_(5)
    return model


def batch(each: int = 3) -> tuple[Tensor, Tensor]:
    pictures = torch.rand(2 * each, 3, 8, 8, generator=torch.Generator().manual_seed(1)) * 2 - 1
    return pictures, torch.arange(2 * each) % 2


def test_cyclegan_s_losses_are_those_of_its_paper() -> None:
    model, (inputs, targets) = built("cyclegan"), batch()
    a, b = inputs[targets == 0], inputs[targets == 1]
    to_b, to_a, critics = model.generators["to_b"], model.generators["to_a"], model.critics
    task = TranslateImages(cycle=7.0, identity=0.3)
    found = task.loss(model, (inputs, targets), GENERATOR)
    adversarial = (critics["b"](to_b(a)) - 1).square().mean() + (critics["a"](to_a(b)) - 1).square().mean()
    cycle = (to_a(to_b(a)) - a).abs().mean() + (to_b(to_a(b)) - b).abs().mean()
    identity = (to_b(b) - b).abs().mean() + (to_a(a) - a).abs().mean()
    torch.testing.assert_close(found.value, adversarial + 7 * cycle + 7 * 0.3 * identity)
    torch.testing.assert_close(found.report["cycle"], cycle.detach())
    critic = task.loss(model, (inputs, targets), CRITIC)
    expected = sum(
        (critics[name](real) - 1).square().mean() / 2 + critics[name](made).square().mean() / 2
        for name, real, made in (("b", b, to_b(a)), ("a", a, to_a(b)))
    )
    torch.testing.assert_close(critic.value, expected)
    plain = TranslateImages(cycle=7.0, identity=0).loss(model, (inputs, targets), GENERATOR)
    torch.testing.assert_close(plain.value, adversarial + 7 * cycle)


def contrast_written_out(model: Any, before: Tensor, after: Tensor, flipped: bool) -> Tensor:
    """Equations 2 to 4 of the paper, place by place; all places of each layer, whose order changes nothing."""
    to_b, heads = model.generators["to_b"], model.generators["heads"]
    total = torch.zeros(())
    maps = list(zip(to_b.features(after), to_b.features(before), heads.heads, strict=True))
    for query, key, head in maps:
        query = query.flip(-1) if flipped else query
        for q, k in zip(query, key, strict=True):
            rows = [F.normalize(head(one.flatten(1).T), dim=1) for one in (q, k)]
            similar = rows[0] @ rows[1].T / 0.07
            total = total + (similar.logsumexp(1) - similar.diagonal()).mean() / len(after)
    return total / len(maps)


@pytest.mark.parametrize("name", ["cut", "fastcut"])
def test_cut_s_losses_are_those_of_its_paper(name: str) -> None:
    model, (inputs, targets) = built(name), batch()
    a, b = inputs[targets == 0], inputs[targets == 1]
    to_b, critic = model.generators["to_b"], model.critics["b"]
    seen = set()
    for seed in range(6):
        task = TranslateImages(contrast=2.0, places=1000)
        torch.manual_seed(seed)
        flipped = name == "fastcut" and float(torch.rand(())) < 0.5
        torch.manual_seed(seed)
        found = task.loss(model, (inputs, targets), GENERATOR)
        made = to_b(a.flip(-1) if flipped else a)
        contrast = contrast_written_out(model, a, made, flipped)
        if name == "cut":
            contrast = (contrast + contrast_written_out(model, b, to_b(b), flipped)) / 2
        adversarial = (critic(made) - 1).square().mean()
        torch.testing.assert_close(found.value, adversarial + 2 * contrast, rtol=1e-4, atol=1e-4)
        of_critic = task.loss(model, (inputs, targets), CRITIC)
        expected = (critic(b) - 1).square().mean() / 2 + critic(made).square().mean() / 2
        torch.testing.assert_close(of_critic.value, expected, rtol=1e-4, atol=1e-5)
        seen.add(flipped)
    assert seen == ({True, False} if name == "fastcut" else {False})


def test_a_critic_of_colours_stands_beside_the_one_of_patches_and_counts_as_much() -> None:
    model, (inputs, targets) = built("fastcut", colours=(1, 4)), batch()
    task = TranslateImages(mirror=False)
    made, real = model(inputs[targets == 0]), inputs[targets == 1]
    patches, colours = model.critics["b"], model.critics["b_colours"]
    found = task.loss(model, (inputs, targets), GENERATOR)
    expected = (patches(made) - 1).square().mean() + (colours(made) - 1).square().mean()
    torch.testing.assert_close(found.report["adversarial"], expected.detach(), rtol=1e-4, atol=1e-5)
    of_critics = task.loss(model, (inputs, targets), CRITIC)
    each = [((one(real) - 1).square().mean() + one(made).square().mean()) / 2 for one in (patches, colours)]
    torch.testing.assert_close(of_critics.value, each[0] + each[1], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(of_critics.report["real_b"], patches(real).mean().detach(), rtol=1e-4, atol=1e-5)


def test_a_critic_of_colours_sees_how_much_there_is_of_each_and_how_wide_it_is_but_not_where() -> None:
    torch.manual_seed(0)
    near, both = ColourCritic(3, (1,)), ColourCritic(3, (1, 4))
    filled = torch.ones(1, 3, 16, 16)
    filled[..., 4:8, 4:8] = -1  # a square of 16 black pixels
    moved = filled.roll((4, -4), (2, 3))
    line = torch.ones(1, 3, 16, 16)
    line[..., 5, :] = -1  # a line of as many
    for critic in (near, both):
        torch.testing.assert_close(critic(moved), critic(filled))
    torch.testing.assert_close(near(line), near(filled))
    assert not torch.allclose(both(line), both(filled), atol=1e-4)


def test_the_input_s_patches_teach_nothing_that_they_are_made_from() -> None:
    queries, keys = (torch.randn(2, 4, 3, requires_grad=True) for _ in range(2))
    patch_contrast(queries, keys).sum().backward()
    assert queries.grad is not None
    assert keys.grad is None


def test_what_a_task_is_told_decides_over_the_model() -> None:
    given = batch()
    for settings, as_model in (({"translate_b": True, "mirror": False}, "cut"), ({"translate_b": False}, "fastcut")):
        values = []
        for name, told in ((as_model, {}), ("fastcut" if as_model == "cut" else "cut", {**settings, "mirror": False})):
            model = built(name, downsample="strided")
            torch.manual_seed(3)
            task = TranslateImages(**{"mirror": False, **told})
            values.append(task.loss(model, given, GENERATOR).value.item())
        assert values[0] == pytest.approx(values[1], rel=1e-5)


def test_a_pool_gives_back_old_pictures_in_half_of_the_cases_and_keeps_the_new_ones() -> None:
    torch.manual_seed(0)
    pool = PicturePool(50)
    first = torch.arange(50.0).view(50, 1, 1, 1)
    assert torch.equal(pool.exchange(first), first), "while it is not full, what is new is shown"
    new = torch.arange(50.0, 1050.0).view(-1, 1, 1, 1)
    shown = torch.cat([pool.exchange(one[None]) for one in new])
    old = shown != new
    assert 430 < int(old.sum()) < 570
    assert bool((shown[old] < new[old]).all())
    state = pool.state()
    assert state is not None
    assert state.shape == (50, 1, 1, 1)
    assert not set(state.flatten().tolist()) & set(shown[old].flatten().tolist()), "what was shown has left"
    assert torch.equal(PicturePool(0).exchange(new), new)


def test_a_memory_is_gone_on_with_and_another_s_is_refused() -> None:
    task, model, given = TranslateImages(kept=4), built("cyclegan"), batch()
    for phase in (GENERATOR, CRITIC):
        task.loss(model, given, phase)
    memory = task.memory()
    assert {name: len(one) for name, one in memory.items()} == {"pool_a": 3, "pool_b": 3}
    other = TranslateImages(kept=4)
    other.remember(memory)
    assert all(torch.equal(other.memory()[name], one) for name, one in memory.items())
    with pytest.raises(ValueError, match="pool of 2"):
        TranslateImages(kept=2).remember(memory)


def test_a_critic_learns_from_what_the_generators_made_before_they_learned() -> None:
    """As the authors have it; and that is not made a second time."""
    model, given, task, calls = built("cyclegan"), batch(), TranslateImages(), []
    model.generators["to_b"].register_forward_hook(lambda *_: calls.append(1))
    task.loss(model, given, GENERATOR)
    made = len(calls)
    expected = TranslateImages().loss(model, given, CRITIC).value
    calls.clear()
    with torch.no_grad():
        model.generators["to_b"].output.convolution.bias += 3
    torch.testing.assert_close(task.loss(model, given, CRITIC).value, expected)
    assert (made, len(calls)) == (2, 0)


def test_other_colours_leave_black_and_white_and_shapes() -> None:
    random = torch.Generator().manual_seed(0)
    values = torch.tensor([-1.0, 1.0, 0.5, -0.3])[torch.randint(0, 4, (5, 1, 8, 8), generator=random)]
    pictures = torch.cat([values, values.abs(), torch.where(values.abs() == 1, values, -values)], 1)
    torch.manual_seed(0)
    found = recoloured(pictures)
    assert found.shape == pictures.shape
    for before, after in zip(pictures, found, strict=True):
        whites = (before == 1).all(0)
        assert bool(whites.any())
        assert bool((after[:, whites] == 1).all())
        assert after.flatten(1).T.unique(dim=0).shape == before.flatten(1).T.unique(dim=0).shape
    assert not torch.allclose(found, pictures, atol=0.1)
    model, given = built("fastcut"), batch()
    torch.manual_seed(0)
    seen = seen_by(model, TranslateImages(recolour=1.0, mirror=False), given)
    as_given, _ = domains(*given)
    assert not any(torch.allclose(one, before) for one, before in zip(seen, as_given, strict=True))


def test_a_share_of_the_pictures_is_recoloured_and_the_others_are_as_given() -> None:
    model, given = built("fastcut"), batch()
    torch.manual_seed(0)
    as_given, _ = domains(*given)
    task = TranslateImages(recolour=0.5, mirror=False)
    same = [
        torch.equal(one, before)
        for _ in range(20)
        for one, before in zip(seen_by(model, task, given), as_given, strict=True)
    ]
    assert 0.2 < sum(same) / len(same) < 0.8
    assert torch.equal(seen_by(model, TranslateImages(mirror=False), given), as_given)
    with pytest.raises(ConfigError):
        TranslateImages(recolour=1.5)


def seen_by(model: Any, task: TranslateImages, given: Any) -> Tensor:
    """The pictures of A that the generator learns from."""
    seen: list[Tensor] = []
    hook = model.generators["to_b"].stem.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
    task.loss(model, given, GENERATOR)
    hook.remove()
    return seen[0]


def test_a_batch_of_one_kind_is_refused_in_words() -> None:
    inputs, _ = batch()
    for targets in (torch.zeros(6, dtype=torch.int64), torch.ones(6, dtype=torch.int64)):
        with pytest.raises(DataError, match="needs both") as refusal:
            TranslateImages().loss(built("cyclegan"), (inputs, targets), GENERATOR)
        assert "balanced" in refusal.value.help


def test_data_that_are_not_two_kinds_of_pictures_are_refused_in_words() -> None:
    pictures = torch.zeros(4, 3, 8, 8, dtype=torch.uint8)
    preprocessing = Preprocessing(size=(8, 8), mode="RGB")
    for classes, targets in ((("a", "b", "c"), torch.arange(4) % 3), (("a", "b"), torch.zeros(4, dtype=torch.int64))):
        splits = {"train": TensorSplit(pictures, targets, "train")}
        data = Dataset("some", Spec((3, 8, 8), "chw", classes=classes), preprocessing, dict(splits), "here")
        with pytest.raises(DataError) as refusal:
            TranslateImages().settle(data)
        assert refusal.value.help


def test_a_split_that_could_not_be_measured_is_told_before_anything_is_learned() -> None:
    data = TranslateImages.example().dataset
    decided, notes = TranslateImages().settle(data)
    assert (decided, notes) == ({}, ["48 of grey become like 48 of coloured"])
    few = replace(data, splits={**data.splits, "test": data.split("test").subset([0, 1, 2, 3])})
    with pytest.raises(DataError, match="test has 2 pictures of grey and 2 of coloured") as refusal:
        TranslateImages().settle(few)
    assert "data.test_fraction" in refusal.value.help


def test_impossible_settings_are_refused_in_words() -> None:
    for settings in ({"cycle": 0.0}, {"places": 0}, {"kept": -1}, {"temperature": 0.0}):
        with pytest.raises(ConfigError) as refusal:
            TranslateImages(**settings)
        assert refusal.value.help


def test_answers_are_pictures(tmp_path: Path) -> None:
    model = built("cyclegan").eval()
    inputs, _ = batch()
    with torch.inference_mode():
        made = model(inputs[:1])
        (answer,) = TranslateImages().answer(model, inputs[:1])
    (path,) = answer.write(tmp_path, "zebra")
    assert path.name == "zebra.png"
    with Image.open(path) as opened:
        found = np.asarray(opened)
    np.testing.assert_array_equal(found, ((made[0] + 1) * 127.5).round().byte().permute(1, 2, 0).numpy())
    assert answer.line() == "8×8 pixels"
    assert Translation.of(torch.zeros(1, 5, 7)).size == (7, 5)
    directions = TranslateImages().translators(model)
    assert list(directions) == ["a-to-b", "b-to-a"]
    assert list(TranslateImages().translators(built("fastcut"))) == ["a-to-b"]


def test_a_sheet_shows_the_same_pictures_before_after_and_as_they_are_known() -> None:
    data = TranslateImages.example().dataset
    model = built("cyclegan").eval()
    show = TranslateImages().show(data, seed=3)
    sheet = show.picture(model)
    assert sheet.size == TranslationShow(data, 3).picture(model).size
    buffers = []
    for one in (sheet, TranslationShow(data, 3).picture(model), TranslationShow(data, 4).picture(model)):
        with io.BytesIO() as file:
            one.save(file, format="PNG")
            buffers.append(file.getvalue())
    assert buffers[0] == buffers[1] != buffers[2]
    side = 64 + 2
    assert sheet.size == (4 * side + 2, 8 * side + 2), "A, B, A again, and the known answer, of eight pictures"
    split = data.split("test")
    before, known = (np.asarray(sheet.crop((2 + k * side, 2, 66 + k * side, 66)))[::8, ::8] for k in (0, 3))
    raws = [split.raw(i).permute(1, 2, 0).numpy() for i in range(len(split))]
    number = next(i for i, raw in enumerate(raws) if np.array_equal(raw, before))
    assert isinstance(split, TensorSplit)
    pairs = split.marks["pair"].tolist()
    partner = next(i for i, pair in enumerate(pairs) if pair == pairs[number] and i != number)
    np.testing.assert_array_equal(raws[partner], known)


def test_what_goes_wrong_is_said_once() -> None:
    show = TranslateImages().show(TranslateImages.example().dataset, seed=0)

    class White(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.generators = nn.ModuleDict({"to_b": nn.Linear(1, 1)})

        def forward(self, images: Tensor) -> Tensor:
            return torch.ones_like(images)

    class Nothing(White):
        def forward(self, images: Tensor) -> Tensor:
            return images

    assert [words.split(":")[0] for words in show.symptoms(White(), {"critic/loss": 0.001})] == [
        "the critic tells made from real without fail (its loss is 0.001)",
        "the translations are all alike, whatever is given",
    ]
    assert show.symptoms(White(), {"critic/loss": 0.001}) == []
    assert [words.split(":")[0] for words in show.symptoms(Nothing(), {})] == ["the translations are what was given"]
    assert show.symptoms(built("cyclegan"), {"critic/loss": 0.3}) == []


def test_a_model_of_one_direction_alone_cannot_be_trained(tmp_path: Path) -> None:
    data = TranslateImages.example().dataset
    with pytest.raises(ConfigError, match="no parameter to train"):
        fit(built("cyclegan", one_way=True), TranslateImages(), data.batches("train", 4), Training(steps=1))
