"""What is learned from: sources, splits, loaders, augmentation."""

from __future__ import annotations

from profond.core.registry import Registry

registry = Registry("data", "profond.data")
register_data = registry.register
