"""Pictures in turn: as many frames as pictures, each as long as it was asked to be, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import av
import pytest
from PIL import Image

from profond.core.errors import UsageError
from profond.measures.film import write_film

RED, BLUE = Image.new("RGB", (21, 15), (200, 30, 30)), Image.new("L", (33, 10), 40)


def test_a_gif_has_each_picture_in_its_colours_for_its_time(tmp_path: Path) -> None:
    path = write_film(tmp_path / "two.gif", [RED, BLUE], seconds=0.2, at_the_end=1.0)
    with Image.open(path) as film:
        assert (film.n_frames, film.size) == (2, (33, 15))  # type: ignore[attr-defined]
        seen = []
        for frame in range(2):
            film.seek(frame)
            seen.append((film.info["duration"], film.convert("RGB").getpixel((5, 5))))
    assert seen == [(200, (200, 30, 30)), (1000, (40, 40, 40))]


def test_words_stand_below_and_make_a_narrow_film_as_wide_as_they_are(tmp_path: Path) -> None:
    with Image.open(write_film(tmp_path / "said.gif", [RED, BLUE], ["step 1 of 2,000", ""])) as film:
        first = film.convert("L")
        assert first.width > 90
        below = first.crop((0, 16, *first.size))
        assert below.getextrema()[0] < 128
        film.seek(1)
        assert film.convert("L").crop((0, 16, *first.size)).getextrema() == (255, 255)


def test_an_mp4_shows_the_same_for_the_same_time(tmp_path: Path) -> None:
    path = write_film(tmp_path / "two.mp4", [RED, BLUE], seconds=0.2, at_the_end=0.4)
    with av.open(str(path)) as film:
        shown = [frame.to_ndarray(format="rgb24")[5, 5].tolist() for frame in film.decode(video=0)]
        assert (film.streams.video[0].width, film.streams.video[0].height) == (34, 16)
    assert len(shown) == 18
    assert shown[0][0] > 150
    assert shown[-1] == pytest.approx([40, 40, 40], abs=12)


def test_another_kind_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"film\.avi"):
        write_film(tmp_path / "film.avi", [RED])
    assert not list(tmp_path.iterdir())
