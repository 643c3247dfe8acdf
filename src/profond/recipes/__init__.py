"""One experiment, one file: data, model, task, training, and the result that it promises."""

from __future__ import annotations

from profond.core.registry import Registry

registry = Registry("recipe", "profond.recipes")
register_recipe = registry.register
