"""The lecture, item by item, each as an experiment with its stated result."""

from __future__ import annotations

from profond.core.registry import Registry

registry = Registry("item", "profond.lecture")
register_item = registry.register
