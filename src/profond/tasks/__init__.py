"""What is learned: loss and prediction. A task knows no file."""

from __future__ import annotations

from profond.core.registry import Registry

registry = Registry("task", "profond.tasks")
register_task = registry.register
