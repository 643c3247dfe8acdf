"""What tasks let leave says the same as their answers; that files say it too is the contract's matter."""

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from support.examples import untrained
from support.leaving import leaving, shaken
from torch import Tensor

from profond import models
from profond.core.errors import ConfigError
from profond.core.spec import Spec
from profond.core.tokens import PADDING
from profond.data.preprocessing import Preprocessing
from profond.measures.latents import latents
from profond.measures.pixels import as_pixels
from profond.serve.translator import Translator
from profond.tasks import registry
from profond.tasks.batch import pair
from profond.tasks.exportable import Exportable
from profond.tasks.part_inputs import network_examples, network_input
from profond.tasks.samples import samples_of
from profond.tasks.task import Part, Tensors

FAMILIES = ("each_step", "forecaster", "encoder_decoder", "language", "generator", "translator")
NAMES = [name for name in models.registry.names() if models.family_of(name) in FAMILIES]


def run(part: Part, *inputs: Tensor) -> dict[str, Tensor]:
    """A part's outputs by name."""
    with torch.no_grad():
        found = part.module(*inputs)
    found = (found,) if isinstance(found, Tensor) else tuple(found)
    return dict(zip([one.name for one in part.outputs], found, strict=True))


def fits(said: Tensors, found: Tensor, count: int, axes: dict[str, int]) -> bool:
    shape = (
        count,
        *(
            axes.setdefault(one, found.shape[place]) if isinstance(one, str) else one
            for place, one in enumerate(said.shape, 1)
        ),
    )
    return shape == tuple(found.shape) and found.dtype == getattr(torch, said.dtype)


@pytest.mark.parametrize("name", NAMES)
def test_a_part_takes_and_gives_what_it_says(name: str) -> None:
    model, task, spec = leaving(name)
    for part in task.exported(model, spec):
        for count, length in ((1, 9), (3, 12)):
            inputs, axes = part.examples(count, length), dict[str, int]()
            again = part.examples(count, length)
            assert all(
                torch.equal(one.nan_to_num(), other.nan_to_num()) for one, other in zip(inputs, again, strict=True)
            )
            outputs = run(part, *inputs)
            for said, found in [
                *zip(part.inputs, inputs, strict=True),
                *zip(part.outputs, outputs.values(), strict=True),
            ]:
                assert fits(said, found, count, axes), (part.name, said, found.shape, found.dtype)
            assert all(bool(one.isfinite().all()) for one in outputs.values())


@pytest.mark.parametrize("name", ["seq2seq", "show_attend_and_tell"])
def test_a_loop_over_the_step_writes_what_a_greedy_search_does(name: str) -> None:
    model, task, spec = leaving(name)
    encoder, step = task.exported(model, spec)
    inputs = encoder.examples(4, 8)[0]
    with torch.no_grad():
        wanted = task.search(model, inputs).tokens
    read, answer, written = run(encoder, inputs), encoder.answer, []
    tokens, ended = torch.full((4,), answer["start"]), torch.zeros(4, dtype=torch.bool)
    for _ in range(answer["longest"]):
        said = run(step, tokens, read["state"], read["values"], read["keys"], read["real"])
        read["state"], tokens = (
            said["next_state"],
            torch.where(ended, answer["padding"], said["log_probabilities"].argmax(1)),
        )
        written.append(tokens)
        ended = ended | (tokens == answer["end"])
    found = torch.stack(written, 1)[:, : wanted.shape[1]]
    assert torch.equal(found, wanted)
    assert len(set(wanted.flatten().tolist())) > 1, "all the same token: nothing was compared"


def test_a_loop_over_the_step_goes_on_as_the_task_does() -> None:
    model, task, spec = leaving("char_lstm", kind="gru", layers=2)
    (step,) = task.exported(model, spec)
    prompt = [5, 9, 6]
    (wanted,) = task.answer(model, torch.tensor([[*prompt, PADDING]]), spec, length=12)
    state, waiting, written = torch.zeros(1, *step.inputs[1].shape), list(prompt), []
    while len(written) < 12:
        said = run(step, torch.tensor(waiting[:1]), state)
        state, waiting = said["next_state"], waiting[1:]
        if not waiting:
            waiting = [int(said["log_probabilities"].argmax())]
            written += waiting
    assert spec.text.decode(written) == wanted.text


def test_a_forecast_and_its_quantiles_are_those_of_the_answer() -> None:
    model, task, spec = leaving("lstm_forecaster", quantiles=3)
    (part,) = task.exported(model, spec)
    (series,) = part.examples(5, 9)
    assert bool(series[:, 0, -4:].isnan().all())
    with torch.no_grad():
        wanted = task.answer(model, series, spec)
    found = run(part, series)
    np.testing.assert_allclose(found["forecast"], [one.values for one in wanted], rtol=0, atol=1e-6)
    levels = [[list(step.values()) for step in one.quantiles] for one in wanted]
    np.testing.assert_allclose(found["quantiles"], levels, rtol=0, atol=1e-6)
    assert part.answer["quantiles"] == [0.1, 0.5, 0.9]


@pytest.mark.parametrize("name", ["frame_convnet", "frame_lstm"])
def test_labels_of_frames_are_those_of_the_answer(name: str) -> None:
    model, task, spec = leaving(name)
    (part,) = task.exported(model, spec)
    (clips,) = part.examples(4, 7)
    with torch.no_grad():
        wanted = task.answer(model, clips, spec)
    found = run(part, clips)
    assert found["steps"].tolist() == [len(one.labels) for one in wanted]
    assert len(set(found["steps"].tolist())) > 1
    for row, one in zip(found["probabilities"], wanted, strict=True):
        np.testing.assert_allclose(row[: len(one.labels)].amax(1), one.probabilities, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["dcgan", "points_gan"])
def test_samples_are_those_that_generate_makes_of_the_same_noise(name: str) -> None:
    model, task, spec = leaving(name)
    (part,) = task.exported(model, spec)
    noise, labels = latents(model.latent_size, range(5), 3), torch.tensor([2, 0, 1, 1, 2])
    wanted = samples_of(model, noise, labels)
    (found,) = run(part, noise, labels).values()
    if name == "points_gan":
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-5)
    else:
        off = (found.int() - as_pixels(wanted).permute(0, 2, 3, 1).int()).abs()
        assert int(off.max()) <= 1  # a level between two is rounded to either
        assert float((off > 0).float().mean()) < 0.01


@pytest.mark.parametrize("size", [(40, 57), (64, 32), (13, 50), (1, 1)], ids=str)
def test_a_picture_of_any_size_is_translated_as_by_the_translator(size: tuple[int, int]) -> None:
    model, task, spec = leaving("cyclegan")
    preprocessing = Preprocessing(mode="RGB", mean=(0.5,), std=(0.5,))
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    given = preprocessing.normalise(torch.from_numpy(pixels).permute(2, 0, 1)[None])
    for part in task.exported(model, spec):
        network = task.translators(model)[part.name]
        wanted = Translator(network, spec, preprocessing, part.name).translate(Image.fromarray(pixels)).after
        off = np.abs(run(part, given)["made"][0].numpy().astype(int) - np.asarray(wanted).astype(int))
        assert off.max() <= 1
        assert (off > 0).mean() < 0.01


def test_one_direction_has_no_name() -> None:
    model, task, spec = leaving("cut")
    (part,) = task.exported(model, spec)
    assert part.name == ""
    assert (part.answer["from"], part.answer["to"]) == ("drawings", "photos")


def test_a_network_that_writes_no_texts_is_refused() -> None:
    _, task, spec = leaving("seq2seq")
    with pytest.raises(ConfigError, match="writes no texts"):
        task.exported(torch.nn.Linear(2, 2), spec)
    _, task, spec = leaving("char_lstm")
    with pytest.raises(ConfigError, match="cannot go on"):
        task.exported(torch.nn.Linear(2, 2), spec)


def test_samples_of_another_kind_are_refused() -> None:
    with pytest.raises(ConfigError, match="'cd'"):
        network_input(torch.nn.Identity(), Spec((2, 3), "cd"))


def test_examples_of_any_length_hold_shorter_samples_whose_rest_is_padding() -> None:
    model, _, spec = leaving("text_lstm")
    (tokens,) = network_examples(model, spec)(3, 9)
    assert (tokens != 0).sum(1).tolist() == [9, 3, 6]
    model, _, spec = leaving("lstm")
    (series,) = network_examples(model, spec)(3, 9)
    assert series.isnan().any(1).sum(1).tolist() == [0, 6, 3]


@pytest.mark.parametrize("name", registry.names())
def test_every_task_says_what_leaves(name: str) -> None:
    case: Any = untrained(name)
    assert isinstance(case.task, Exportable)
    parts = case.task.exported(shaken(case.model), case.spec)
    assert parts
    assert len({part.name for part in parts}) == len(parts)
    assert all(part.answer["kind"] for part in parts)
    assert len(pair(case.batch())) == 2
