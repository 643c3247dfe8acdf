"""What is learned: loss, judgement and answer. A task knows no file."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from profond.core.errors import ConfigError
from profond.core.registry import Registry

if TYPE_CHECKING:
    from profond.core.spec import Spec
    from profond.tasks.task import Task

registry = Registry("task", "profond.tasks")
register_task = registry.register


def task_class(name: str) -> type[Task]:
    """Raises: UnknownName with the nearest name as help."""
    return cast("type[Task]", registry.load(name))


def task_of_family(family: str) -> str | None:
    """The registered task that models of a family are made for, whatever the data; None where these decide."""
    from profond.tasks.task import ForModels

    for name in registry.names():
        task = task_class(name)
        if isinstance(task, ForModels) and family in task.families:
            return name
    return None


def task_for(spec: Spec) -> str:
    """The registered task that learns from such data, asked of each of them.

    Raises: ConfigError when none does, or several.
    """
    learning = [name for name in registry.names() if task_class(name).learns(spec)]
    if len(learning) == 1:
        return learning[0]
    if learning:
        raise ConfigError(
            f"{' and '.join(learning)} all learn from such data", f"name one: --set task.name={learning[0]}"
        )
    raise ConfigError(
        "no task learns from these data: they have neither classes nor numbers to be estimated",
        f"name one: --set task.name=…, of {', '.join(registry.names())}",
    )
