"""Texts as they are, of which tokens are made: what a sample holds, whatever vocabulary writes it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor

from profond.data.targets import Targets, as_targets


class Texts:
    """Texts in a fixed order; a split of tokens has them as its origin.

    Args:
        texts: each as it was written.
        targets: as in `profond.data.split.TensorSplit`.
        names: one identity for each.
        groups: one group for each, or None.
    """

    def __init__(
        self, texts: Sequence[str], targets: Tensor, names: Sequence[str], groups: Sequence[str] | None = None
    ) -> None:
        assert len(texts) == len(targets) == len(names)
        self.texts = list(texts)
        self.targets: Targets = as_targets(targets)
        self.groups = groups
        self._names = list(names)

    def __len__(self) -> int:
        return len(self.texts)

    def identity(self, index: int) -> str:
        return self._names[index]

    def raw(self, index: int) -> Tensor:
        """The text's code points, int64 (t)."""
        return torch.tensor([ord(letter) for letter in self.texts[index]], dtype=torch.int64)

    def contents(self) -> list[str]:
        """A digest of each text: 16 hexadecimal digits."""
        return [digest_of(text).hex() for text in self.texts]

    def subset(self, indices: Sequence[int]) -> Texts:
        chosen = [int(i) for i in indices]
        return Texts(
            [self.texts[i] for i in chosen],
            self.targets[torch.tensor(chosen, dtype=torch.int64)],
            [self._names[i] for i in chosen],
            None if self.groups is None else [self.groups[i] for i in chosen],
        )


def digest_of(text: str) -> bytes:
    """Equal for texts that differ in spaces alone."""
    return hashlib.blake2b(" ".join(text.split()).encode("utf-8", "surrogatepass"), digest_size=8).digest()
