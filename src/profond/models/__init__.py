"""One paper, one file. A model is a plain ``nn.Module``; its constructor's arguments are its config.

What every model has besides, as tests/contract/models checks:

- ``stages``: dotted names of the sub-modules that can be shown, from input to output
- ``head``: dotted name of the sub-module that fine-tuning replaces
- ``example_shape``: shape of a small sample that it takes, or a static method from the variant's settings to one

And, where it is not the usual one:

- ``family``: which contract it keeps; ``"feedforward"`` (samples of one shape in, one score for each class out)
- ``example_settings``: settings that make a small network of it, for tests
- ``value_range``: least and greatest value of the pictures that it takes, such as (-1, 1), where these are not
  standardised: of a generator, whose own pictures have bounds
- ``usual``: settings that usually work with it, where they are not those of the task that its family is for
- ``settled``: a static method from its settings, and whether the machine has bf16 or a GPU, to these settings with what
  that decides, and a line for people on each
- ``forward_shape``: of what one forward pass is given for a sample, where that is no sample: a generator's noise
- ``any_length``: true where it takes series of unlike length, which end in NaN; others get the mean of the channel
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from profond.core.errors import ConfigError
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
    from_data = {key: value for key, value in (spec.interface() if spec else {}).items() if key in accepted}
    for needed, does, done in (("vocabulary", "reads", "read"), ("output_vocabulary", "writes", "written")):
        if spec is not None and needed in accepted and needed not in {**from_data, **(settings or {})}:
            raise ConfigError(
                f"model {name!r} {does} texts, and these data hold none to be {done}",
                "`profond train --help` says which model is for which data",
            )
    return bind(target, {**from_data, **registry.entry(name).config, **(settings or {})}, what=f"model {name!r}")


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
    except (RuntimeError, OverflowError, ValueError, ZeroDivisionError) as error:  # so say torch's own layers
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

    target = registry.load(name)
    shape = getattr(target, "example_shape", None)
    if shape is None:
        raise ConfigError(
            f"model {name!r} has no example_shape ({_written(target)})",
            "add a small input that it takes, as in example_shape = (3, 32, 32); here, --input 3x32x32 does too",
        )
    if callable(shape):
        shape = shape(**bind(shape, {**registry.entry(name).config, **settings}, what=f"model {name!r}"))
    if not isinstance(shape, tuple | list) or not all(isinstance(side, int) for side in shape):
        raise ConfigError(
            f"example_shape of model {name!r} is {shape!r} ({_written(target)})", "write (channels, height, width)"
        )
    return tuple(shape)


def family_of(name: str) -> str:
    """The family of a registered model; models of one family take and give the same.

    Raises: UnknownName, ConfigError.
    """
    return str(getattr(registry.load(name), "family", "feedforward"))


def value_range_of(name: str) -> tuple[float, float] | None:
    """Least and greatest value of the pictures that a registered model takes; None where these are standardised.

    Raises: UnknownName, ConfigError.
    """
    return getattr(registry.load(name), "value_range", None)


def usual_settings(name: str) -> dict[str, Any]:
    """Settings of an experiment that usually work with a registered model. Raises: UnknownName, ConfigError."""
    return dict(getattr(registry.load(name), "usual", {}))


def settled(name: str, settings: Mapping[str, Any], fast: bool) -> tuple[dict[str, Any], list[str]]:
    """A registered model's settings with what the machine decides, and a line for people on each decision.

    Args:
        fast: whether the training has bf16 or a GPU.

    Raises: UnknownName, ConfigError.
    """
    decide = getattr(registry.load(name), "settled", None)
    return (dict(settings), []) if decide is None else decide(settings, fast)


def whole(model: nn.Module) -> nn.Module:
    """The same model, whose forward pass goes through all of it: a generator's samples through its critic."""
    if hasattr(model, "generator") and hasattr(model, "critic"):
        made: Any = model
        made.forward = lambda noise: made.critic(made.generator(noise))
    return model


def takes_any_length(name: str) -> bool:
    """Whether a registered model takes series that end in NaN. Raises: UnknownName, ConfigError."""
    return bool(getattr(registry.load(name), "any_length", False))


def example_settings(name: str) -> dict[str, Any]:
    """Settings that make a small network of a registered model; most need none. Raises: UnknownName, ConfigError."""
    return dict(getattr(registry.load(name), "example_settings", {}))


def head_of(model: nn.Module) -> str:
    """The dotted name of the sub-module that fine-tuning replaces. Raises: ConfigError when the model names none."""
    head = getattr(model, "head", None)
    if not isinstance(head, str):
        wrong = "names no head" if head is None else f"has a head that is no name but a {type(head).__name__}"
        help = 'add the dotted name of the sub-module that fine-tuning replaces, as in head = "output"'
        raise ConfigError(f"{type(model).__name__} {wrong} ({_written(type(model))})", f"{help}; {_parts(model)}")
    return _existing_path(model, head, "head")


def stages_of(model: nn.Module) -> tuple[str, ...]:
    """The dotted names of the sub-modules that can be shown. Raises: ConfigError when the model names none."""
    stages = getattr(model, "stages", None)
    if not isinstance(stages, tuple | list) or not all(isinstance(stage, str) for stage in stages):
        wrong = "names no stages" if stages is None else f"has stages that are no names but {stages!r:.60}"
        help = 'add the dotted names of the sub-modules that can be shown, as in stages = ("features",)'
        raise ConfigError(f"{type(model).__name__} {wrong} ({_written(type(model))})", f"{help}; {_parts(model)}")
    return tuple(_existing_path(model, stage, "stages") for stage in stages)


def _existing_path(model: nn.Module, path: str, what: str) -> str:
    from profond.core.errors import suggest

    paths = [name for name, _ in model.named_modules() if name]
    if path not in paths and not _is_module(model, path):
        raise ConfigError(
            f"{what} of {type(model).__name__} names {path!r}, which is no sub-module ({_written(type(model))})",
            suggest(path, paths),
        )
    return path


def _is_module(model: nn.Module, path: str) -> bool:
    """Also where a module stands in the model twice, and ``named_modules`` gives one of its names alone."""
    try:
        return bool(path) and model.get_submodule(path) is not None
    except AttributeError:
        return False


def _parts(model: nn.Module) -> str:
    names = [name for name, _ in model.named_children()]
    return f"it has {', '.join(names[:8])}{' …' if len(names) > 8 else ''}" if names else "it has no sub-module"


def _written(target: Any) -> str:
    """Where something is written, for people."""
    import inspect

    try:
        return f"{inspect.getsourcefile(target)}, line {inspect.getsourcelines(target)[1]}"
    except (OSError, TypeError):  # typed into an interpreter
        return f"{target.__module__}.{target.__qualname__}"
