"""The registered data sets; read from syntax trees, so that listing their names imports none of them."""

from __future__ import annotations

from profond.core.registry import Registry

registry = Registry("data", "profond.data")
register_data = registry.register
