"""Names of what a task tells apart or estimates, as people type them."""

from __future__ import annotations

from collections.abc import Sequence

from profond.core.errors import UnknownName


def index_of(wanted: str, names: Sequence[str], kind: str) -> int:
    """Where a name stands, whatever its capitals; or the number itself where nothing is called so.

    Args:
        kind: of the names, such as ``"class"``.

    Raises: UnknownName.
    """
    if wanted in names:
        return names.index(wanted)
    alike = [index for index, name in enumerate(names) if name.casefold() == wanted.casefold()]
    if len(alike) == 1:
        return alike[0]
    if wanted.isascii() and wanted.isdigit() and int(wanted) < len(names):
        return int(wanted)
    raise UnknownName(kind, wanted, names)
