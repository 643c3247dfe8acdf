"""Settings are checked against the signature that takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from profond.core.config import Count, Share, bind, checked, convert
from profond.core.errors import ConfigError


def network(
    widths: Sequence[int],
    rate: float = 0.1,
    bias: bool = True,
    mode: Literal["fast", "slow"] = "fast",
    limit: int | None = None,
    shape: tuple[int, int] = (2, 2),
) -> None: ...


def check(**given: Any) -> dict[str, Any]:
    return bind(network, {"widths": [3], **given}, what="network")


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("rate", "1e-3", 0.001),
        ("rate", 1, 1.0),
        ("bias", "false", False),
        ("bias", "no", False),
        ("widths", "[512, 512]", [512, 512]),
        ("widths", (512, 512), (512, 512)),
        ("shape", "[3, 4]", (3, 4)),
        ("shape", [3, 4], (3, 4)),
        ("limit", "null", None),
        ("limit", "7", 7),
        ("mode", "slow", "slow"),
    ],
)
def test_text_and_json_become_what_the_signature_says(name: str, text: Any, value: Any) -> None:
    converted = check(**{name: text})[name]
    assert converted == value
    assert type(converted) is type(value)


@pytest.mark.parametrize(
    ("name", "given"),
    [("rate", "fast"), ("bias", "perhaps"), ("mode", "medium"), ("widths", "[1, 'a']"), ("shape", [1, 2, 3])],
)
def test_what_does_not_fit_is_named_with_what_was_received(name: str, given: Any) -> None:
    with pytest.raises(ConfigError, match=f"{name} of network") as raised:
        check(**{name: given})
    assert repr(given) in raised.value.message
    assert raised.value.help


def test_how_a_list_is_typed_is_said() -> None:
    with pytest.raises(ConfigError, match="'wide' does not fit") as raised:
        check(shape="wide")
    assert "'[1, 2]'" in (raised.value.help or "")


def test_an_unknown_setting_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="network has no setting 'wdiths'") as raised:
        check(wdiths=[1])
    assert raised.value.help == "did you mean 'widths'?"


def test_a_missing_setting_is_asked_for() -> None:
    with pytest.raises(ConfigError, match="network needs widths"):
        bind(network, {}, what="network")


def test_nothing_is_added_to_what_was_given() -> None:
    assert check() == {"widths": [3]}


def test_classes_and_dataclasses_are_checked_like_functions() -> None:
    @dataclass(frozen=True)
    class Settings:
        epochs: int = 1

    class Model:
        def __init__(self, depth: int) -> None: ...

    assert bind(Settings, {"epochs": "3"}, what="settings") == {"epochs": 3}
    assert bind(Model, {"depth": "3"}, what="model") == {"depth": 3}


def test_a_callable_that_takes_anything_takes_anything() -> None:
    def anything(size: int = 1, **others: Any) -> None: ...

    assert bind(anything, {"size": "2", "colour": "red"}, what="it") == {"size": 2, "colour": "red"}


def test_a_fraction_is_not_quietly_cut_to_a_whole_number() -> None:
    with pytest.raises(ConfigError):
        check(limit=1.5)


def test_a_path_may_be_text() -> None:
    assert convert("a/b", Path, "folder") == Path("a/b")


@checked("a drawing")
def draw(picture: str, width: Count = 3, *, share: Share | None = None, shades: Sequence[Share] = ()) -> list[Any]:
    return [picture, width, share, shades]


def test_ranges_are_checked_at_each_call_and_the_rest_passes() -> None:
    assert draw("a", 2, share=0.5) == ["a", 2, 0.5, ()]
    assert draw(7, width="4")[:2] == [7, 4]  # type: ignore[arg-type]
    for wrong in ({"width": 0}, {"width": 2.5}, {"width": True}, {"share": 1}, {"shades": (0.5, -0.1)}):
        with pytest.raises(ConfigError, match=f"{next(iter(wrong))} of a drawing") as raised:
            draw("a", **wrong)  # type: ignore[arg-type]
        assert raised.value.help.startswith("it must be")
    with pytest.raises(ConfigError, match="width of a drawing"):
        draw("a", 0)
    with pytest.raises(TypeError):
        draw()  # type: ignore[call-arg]
