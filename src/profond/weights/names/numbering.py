"""What Keras calls layers that were given no name, and in which order it lists them.

A fresh session calls them ``conv2d``, ``conv2d_1``, ``conv2d_2`` in the order in which they were made: one branch after
the other. ``model.layers`` has them in another order, by the number of layers from there to the output; where that is
equal, the first branch comes first. So ``conv2d_8`` comes before ``conv2d_5`` in InceptionV3.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from torch import nn

from profond.nn.branches import Branches
from profond.nn.convolution import ConvNorm

NO_LAYER = (nn.Identity, nn.Flatten, nn.Dropout)


@dataclass
class Numbering:
    """Walks a network from input to output, as Keras's code made it.

    Args:
        rows: of the layers with weights: layers after it up to the output of its module, Keras's name, our path.
        counts: of each kind of layer without a name so far.
    """

    rows: list[tuple[int, str, str]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def layers(self, module: nn.Module, path: str) -> list[tuple[str, str]]:
        """(Keras's name, our path) of every layer with weights in a module, in the order of ``model.layers``.

        Args:
            module: convolutions with BatchNorm, poolings, and these in sequence or side by side.
            path: its dotted name.
        """
        self.rows = []
        self._walk(module, path, 0)
        return [(name, own) for _, name, own in sorted(self.rows, key=lambda row: -row[0])]

    def _walk(self, module: nn.Module, path: str, after: int) -> int:
        """Note the layers of a module that ``after`` layers follow. Returns how many follow its input."""
        if isinstance(module, Branches):
            return max(self._walk(branch, f"{path}.{name}", after + 1) for name, branch in module.named_children())
        if isinstance(module, nn.Sequential) and not isinstance(module, ConvNorm):
            lengths = [self._length(part) for part in module]
            for index, (name, part) in enumerate(module.named_children()):
                self._walk(part, f"{path}.{name}", after + sum(lengths[index + 1 :]))
            return after + sum(lengths)
        if isinstance(module, ConvNorm):
            parts = [name for name, _ in module.named_children()]
            for index, name in enumerate(parts):
                if name in ("convolution", "norm"):
                    kind = "conv2d" if name == "convolution" else "batch_normalization"
                    self.rows.append((after + len(parts) - index, self._name(kind), f"{path}.{name}"))
        return after + self._length(module)

    def _length(self, module: nn.Module) -> int:
        """Layers on the longest way through a module."""
        if isinstance(module, Branches):
            return 1 + max(self._length(branch) for branch in module.children())
        if isinstance(module, nn.Sequential):
            return sum(self._length(part) for part in module)
        return 0 if isinstance(module, NO_LAYER) else 1

    def _name(self, kind: str) -> str:
        number = self.counts[kind]
        self.counts[kind] += 1
        return f"{kind}_{number}" if number else kind
