"""What simple means reach in guessing the next character: counts of what followed the last few, and a compressor.

Source: I. H. Witten and T. C. Bell, The zero-frequency problem, IEEE Transactions on Information Theory 37, 1991
    (method C): how much of a probability is left to shorter contexts is how many different characters followed.
"""

from __future__ import annotations

import lzma
import math
from collections import Counter
from collections.abc import Sequence

ORDER = 5
"""Characters before, at most."""
MOST = 1_000_000
"""Characters that are counted, the last ones of the text: the counts of more would take a gigabyte."""


class Counts:
    """How often each character followed the last few ones.

    Args:
        text: to learn from.
        order: of the longest context.
        size: different characters that can be.
    """

    def __init__(self, text: str, size: int, order: int = ORDER) -> None:
        text = text[-MOST:]
        self.size, self.order = size, order
        self.counts: list[Counter[str]] = []
        self.totals: list[Counter[str]] = []
        self.kinds: list[Counter[str]] = []
        for length in range(order + 1):
            grams = Counter(text[i : i + length + 1] for i in range(len(text) - length))
            totals, kinds = Counter[str](), Counter[str]()
            for gram, count in grams.items():
                totals[gram[:-1]] += count
                kinds[gram[:-1]] += 1
            self.counts.append(grams)
            self.totals.append(totals)
            self.kinds.append(kinds)

    def probability(self, before: str, character: str) -> float:
        """Of a character behind others, of which the last few count."""
        found = 1 / self.size
        for length in range(min(self.order, len(before)) + 1):
            context = before[len(before) - length :]
            total = self.totals[length].get(context, 0)
            if not total:
                break
            kinds = self.kinds[length][context]
            found = (self.counts[length].get(context + character, 0) + kinds * found) / (total + kinds)
        return found

    def bits(self, pieces: Sequence[tuple[str, int]]) -> float:
        """Bits a character of some pieces, of each of which only what stands behind a place is guessed."""
        bits, count = 0.0, 0
        for text, start in pieces:
            for at in range(start, len(text)):
                bits -= math.log2(self.probability(text[max(0, at - self.order) : at], text[at]))
                count += 1
        return bits / count


def compressed_bits(text: str, following: str) -> float:
    """Bits a character that a text costs LZMA more, when it follows another one."""
    before, whole = (len(lzma.compress(one.encode("utf-8"), preset=9)) for one in (text, text + following))
    return 8 * (whole - before) / len(following)
