"""A column of a large table: its cells stand in the file's bytes, and become texts or numbers when asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

_AT_ONCE = 1 << 16
"""Cells that are looked at together: what is made on the way stays in the processor's cache."""
_SEARCHED = 1 << 22
"""Bytes in which delimiters are looked for at once."""
_LONGEST_NUMBER = 17
_EXACT = 15
"""Digits of which every whole number is a float64; divided by a power of ten it is then rounded just once."""
_POWERS = 10.0 ** np.arange(_EXACT + 1)


@dataclass(frozen=True, eq=False)
class Column(Sequence[str]):
    """Cells of one column.

    Args:
        data: UTF-8, of the whole table.
        before: (n,) the place before each cell's first byte; the table's own array, of which no copy is made.
        ends: (n,) the place behind its last.
    """

    data: bytes
    before: NDArray[np.integer[Any]]
    ends: NDArray[np.integer[Any]]

    def __len__(self) -> int:
        return len(self.ends)

    @overload
    def __getitem__(self, chosen: int) -> str: ...

    @overload
    def __getitem__(self, chosen: slice) -> Column: ...

    def __getitem__(self, chosen: int | slice) -> str | Column:
        if isinstance(chosen, slice):
            return Column(self.data, self.before[chosen], self.ends[chosen])
        return str(self.data[int(self.before[chosen]) + 1 : int(self.ends[chosen])], "utf-8")

    def __iter__(self) -> Iterator[str]:
        data = self.data
        for part in _parts(len(self)):
            for before, end in zip(self.before[part].tolist(), self.ends[part].tolist(), strict=True):
                yield str(data[before + 1 : end], "utf-8")

    @property
    def sizes(self) -> NDArray[np.integer[Any]]:
        """(n,) bytes of each cell."""
        return self.ends - self.before - 1

    @property
    def filled(self) -> NDArray[np.bool_]:
        """(n,) whether something stands in a cell."""
        return self.sizes > 0

    def without_empty(self) -> Column:
        filled = self.filled
        return self if filled.all() else Column(self.data, self.before[filled], self.ends[filled])

    def stripped(self) -> Column:
        """Without the blanks around each cell."""
        every, starts, ends = np.frombuffer(self.data, dtype=np.uint8), self.before + 1, self.ends.copy()
        while (blank := (starts < ends) & _blank(every[starts])).any():
            starts += blank
        while (blank := (starts < ends) & _blank(every[ends - 1])).any():
            ends -= blank
        return Column(self.data, starts - 1, ends)

    def letters(self, part: slice = slice(None), width: int | None = None) -> NDArray[np.uint8]:
        """(n, width) the bytes of some cells, zeros behind the shorter ones; as wide as the longest when left out."""
        starts = self.before[part].astype(np.int64) + 1
        sizes = self.ends[part] - starts
        longest = int(sizes.max(initial=0))
        every = np.frombuffer(self.data, dtype=np.uint8)
        made = np.zeros((len(starts), longest if width is None else width), dtype=np.uint8)
        for place in range(longest):
            there = sizes > place
            if there.all():
                made[:, place] = every[starts + place]
            else:
                made[there, place] = every[starts[there] + place]
        return made

    def numbers(self, nothing: Mapping[str, str]) -> NDArray[np.float64]:
        """Each cell as `float` reads it. Raises: ValueError for one that is no number.

        Args:
            nothing: what stands for no value, and how `float` is told so.
        """
        values = np.empty(len(self))
        for part in _parts(len(self)):
            found, good = self._decimals(part)
            for row in np.flatnonzero(~good).tolist():
                cell = self[part.start + row]
                found[row] = float(nothing.get(cell, cell))
            values[part] = found
        return values

    def _decimals(self, part: slice) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Values of cells that are digits with a sign before and a point between at most, and which cells are so."""
        sizes = self.ends[part] - self.before[part] - 1
        if int(sizes.max(initial=0)) > _LONGEST_NUMBER:
            return np.empty(len(sizes)), np.zeros(len(sizes), dtype=bool)
        letters = np.ascontiguousarray(self.letters(part).T)
        whole = np.zeros(len(sizes), dtype=np.int64)
        digits, behind, points = (np.zeros(len(sizes), dtype=np.int8) for _ in range(3))
        signs = np.zeros(len(sizes), dtype=np.int8)
        for place, letter in enumerate(letters):
            number = letter - np.uint8(48)  # what is no digit goes round to a number beyond 9
            digit = number < 10
            whole = np.where(digit, whole * 10 + number, whole)
            digits += digit
            behind += digit & (points > 0)
            points += letter == ord(".")
            if not place:
                signs += (letter == ord("-")) | (letter == ord("+"))
        good = (digits + points + signs == sizes) & (digits > 0) & (digits <= _EXACT) & (points <= 1)
        values = whole / _POWERS[np.minimum(behind, _EXACT)]
        if len(letters):
            values = np.where(letters[0] == ord("-"), -values, values)
        return values, good


def _blank(letters: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return (letters == ord(" ")) | (letters == ord("\t"))


def _parts(count: int) -> Iterator[slice]:
    return (slice(start, min(start + _AT_ONCE, count)) for start in range(0, count, _AT_ONCE))


def columns_of(data: bytes, delimiter: str) -> tuple[Column, ...] | None:
    """Columns of lines that have as many cells each; None where they have not.

    Args:
        data: UTF-8 without quotes; lines end with ``"\\n"``, the last one too.
    """
    every, mark = np.frombuffer(data, dtype=np.uint8), ord(delimiter)
    width = data.count(delimiter.encode(), 0, data.index(b"\n")) + 1
    rows, rest = divmod(data.count(b"\n") + data.count(delimiter.encode()), width)
    if rest or rows != data.count(b"\n"):
        return None
    ends: NDArray[Any] = np.empty(rows * width, dtype=np.int32 if len(data) < 2**31 else np.int64)
    count = 0
    for start in range(0, len(every), _SEARCHED):
        piece = every[start : start + _SEARCHED]
        found = np.flatnonzero((piece == mark) | (piece == 10))
        ends[count : count + len(found)] = found + start
        count += len(found)
    table: NDArray[Any] = ends.reshape(rows, width)
    if not (every[table[:, -1]] == 10).all():
        return None
    if (np.diff(table[:, -1], prepend=-1) == 1).any():
        return None  # an empty line
    first: NDArray[Any] = np.concatenate([np.array([-1], dtype=ends.dtype), table[:-1, -1]])
    return tuple(Column(data, table[:, i - 1] if i else first, table[:, i]) for i in range(width))


def factorised(cells: Sequence[str]) -> tuple[NDArray[np.int64], list[str]]:
    """The number (n,) of each cell among the different ones, and these."""
    if not isinstance(cells, Column) or int(cells.sizes.max(initial=0)) > 24:
        known = {cell: number for number, cell in enumerate(dict.fromkeys(cells))}
        return np.fromiter(map(known.__getitem__, cells), dtype=np.int64, count=len(cells)), list(known)
    width = 8 * max(1, -(-int(cells.sizes.max(initial=0)) // 8))
    words = np.empty((len(cells), width // 8), dtype=np.uint64)
    for part in _parts(len(cells)):
        words[part] = cells.letters(part, width).view(np.uint64)
    changed = np.ones(len(words), dtype=bool)
    changed[1:] = (words[1:] != words[:-1]).any(1)
    changes = np.flatnonzero(changed)
    runs = words[changes]
    codes = np.zeros(len(runs), dtype=np.int64)
    for word in runs.T:
        found, numbers = np.unique(word, return_inverse=True)
        _, codes = np.unique(codes * len(found) + numbers, return_inverse=True)
    _, first = np.unique(codes, return_index=True)
    order = np.argsort(first)  # as they first appear
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    every = np.repeat(place[codes], np.diff(np.append(changes, len(words))))
    return every, [cells[int(changes[first[one]])] for one in order]
