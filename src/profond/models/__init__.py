"""One paper, one file. A model is a plain ``nn.Module``; its constructor's arguments are its config.

What every model has besides, as tests/contract/test_models.py checks:

- ``stages``: dotted names of the sub-modules that can be shown, from input to output
- ``head``: dotted name of the sub-module that fine-tuning replaces
- ``example_shape``: shape of a small sample that it takes, or a static method from the variant's settings to one
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from profond.core.registry import Registry

if TYPE_CHECKING:
    from torch import nn

    from profond.core.spec import Spec

registry = Registry("model", "profond.models")
register_model = registry.register


def configure(name: str, spec: Spec | None = None, settings: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The full, checked constructor arguments of a registered model.

    Args:
        name: a registered name; its variant's settings are the start.
        spec: gives ``input_shape`` and ``num_classes`` to a model that takes them.
        settings: override both.

    Raises: UnknownName, ConfigError.
    """
    import inspect

    from profond.core.config import bind

    target = registry.load(name)
    accepted = inspect.signature(target).parameters
    given = {key: value for key, value in (spec.interface() if spec else {}).items() if key in accepted}
    return bind(target, {**given, **registry.entry(name).config, **(settings or {})}, what=f"model {name!r}")


def create(name: str, spec: Spec | None = None, **settings: Any) -> nn.Module:
    """Build a registered model with fresh weights from the current random state.

    Raises: UnknownName; ConfigError for settings that no network can be built with; DeviceError for one that this
    machine has no room for.
    """
    from profond.core.errors import ConfigError, ProfondError, out_of_memory
    from profond.models.bounded import Bounded

    target, config = registry.load(name), configure(name, spec, settings)
    try:
        with Bounded(f"model {name!r}"):
            model: nn.Module = target(**config)
    except ProfondError:
        raise
    except (RuntimeError, OverflowError) as error:
        if out_of_memory(error):
            raise
        first = str(error).partition("\n")[0]
        raise ConfigError(f"model {name!r} cannot be built: {first}", "check its settings") from None
    return model


def example_shape(name: str, **settings: Any) -> tuple[int, ...]:
    """The shape of one small sample that a registered model takes, such as (1, 28, 28).

    Raises: UnknownName, ConfigError.
    """
    from profond.core.config import bind

    shape = registry.load(name).example_shape  # type: ignore[attr-defined]
    if callable(shape):
        shape = shape(**bind(shape, {**registry.entry(name).config, **settings}, what=f"model {name!r}"))
    return tuple(shape)
