"""Pictures of any kind through a translator: what is large goes through in tiles by itself, and is the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from profond.core.errors import ConfigError, UsageError
from profond.core.spec import Spec
from profond.data.preprocessing import Preprocessing
from profond.nn.translation import ResNetGenerator
from profond.serve.predictor import Predictor
from profond.serve.translator import Translator, write

SPEC = Spec((3, 16, 16), "chw", classes=("day", "night"))
COLOUR = Preprocessing(size=(16, 16), mode="RGB", mean=(0.5,), std=(0.5,))
GREY = Preprocessing(size=(16, 16), mode="L", mean=(0.5,), std=(0.5,))


class Inverted(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return -x


class BothWays:
    """A task whose model has two directions, or one."""

    def __init__(self, *directions: str) -> None:
        self.directions = directions

    def translators(self, model: nn.Module) -> dict[str, nn.Module]:
        return dict.fromkeys(self.directions, model)


def photo(width: int = 120, height: int = 90) -> Image.Image:
    levels = np.random.default_rng(0).integers(0, 256, (height, width, 3))
    shade = np.linspace(0.1, 1, width)[None, :, None]
    return Image.fromarray((levels * shade).astype(np.uint8))


def test_a_picture_too_large_for_the_memory_goes_through_in_tiles_with_the_same_result() -> None:
    torch.manual_seed(0)
    network = ResNetGenerator(3, 6, 1).eval()
    for part in network.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight)
    large = photo(700, 90)
    whole = Translator(network, SPEC, COLOUR).translate(large)
    parts = Translator(network, SPEC, COLOUR, memory=1_000_000).translate(large)
    assert (whole.tiles, parts.tiles) == (1, 2)
    one, other = (np.asarray(done.after).astype(int) for done in (whole, parts))
    assert one.std() > 20
    assert abs(one - other).max() <= 2


def test_pixels_go_in_and_come_out_as_they_are() -> None:
    done = Translator(Inverted(), SPEC, COLOUR).translate(photo())
    assert (np.asarray(done.after) == 255 - np.asarray(photo())).all()
    assert (np.asarray(done.before) == np.asarray(photo())).all()


def test_a_network_of_grey_pictures_takes_colour_and_says_so() -> None:
    done = Translator(Inverted(), SPEC, GREY).translate(photo())
    assert done.after.mode == "L"
    assert any("grey" in note for note in done.notes)
    glass = photo().convert("RGBA")
    glass.putalpha(77)
    assert Translator(Inverted(), SPEC, GREY).translate(glass).after.getchannel("A").getextrema() == (77, 77)


def test_a_picture_far_larger_than_those_of_the_training_is_noted() -> None:
    notes = Translator(Inverted(), SPEC, COLOUR).translate(photo()).notes
    assert any("16 pixels that the run was trained on" in note for note in notes)
    assert not Translator(Inverted(), SPEC, COLOUR).translate(photo(40, 30)).notes


def test_a_colour_profile_is_kept_and_of_several_pictures_the_first_is_done(tmp_path: Path) -> None:
    photo().save(tmp_path / "wide.png", icc_profile=b"profile")
    frames = [photo(), photo().rotate(90)]
    frames[0].save(tmp_path / "film.gif", save_all=True, append_images=frames[1:])
    translator = Translator(Inverted(), SPEC, COLOUR)
    write(translator.translate(tmp_path / "wide.png"), tmp_path / "made.png")
    with Image.open(tmp_path / "made.png") as made:
        assert made.info["icc_profile"] == b"profile"
    with Image.open(tmp_path / "film.gif") as film:
        first = np.asarray(film.convert("RGB"))
    assert (np.asarray(translator.translate(tmp_path / "film.gif").after) == 255 - first).all()


def predictor(task: object) -> Predictor:
    return Predictor(Inverted(), task, SPEC, COLOUR)  # type: ignore[arg-type]


def test_the_direction_is_chosen_by_letters_or_names() -> None:
    both = predictor(BothWays("a-to-b", "b-to-a"))
    assert Translator.of(both).names == ("day", "night")
    assert Translator.of(both, "B-to-A").names == Translator.of(both, "night-to-day").names == ("night", "day")
    with pytest.raises(UsageError, match="no direction 'day-to-dusk'"):
        Translator.of(both, "day-to-dusk")
    with pytest.raises(UsageError, match="goes a-to-b alone"):
        Translator.of(predictor(BothWays("a-to-b")), "night-to-day")


def test_what_translates_no_pictures_is_refused() -> None:
    with pytest.raises(ConfigError, match="does not translate pictures"):
        Translator.of(predictor(object()))
    shuffled = Preprocessing(size=(16, 16), mode="RGB", permutation_seed=1)
    with pytest.raises(ConfigError, match="pictures as they are"):
        Translator(Inverted(), SPEC, shuffled)
