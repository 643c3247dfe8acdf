"""What texts are written in: words, characters or sentencepiece's pieces, each a number."""

from __future__ import annotations

import base64
import functools
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from profond.core.errors import ConfigError, DataError

if TYPE_CHECKING:
    from sentencepiece import SentencePieceProcessor

Kind = Literal["words", "characters", "pieces"]

PADDING, UNKNOWN, START, END = range(4)
SPECIAL = ("<padding>", "<unknown>", "<start>", "<end>")
"""The first four of every vocabulary."""
_LONGEST_PART = 4000
"""Bytes."""
UNREADABLE = "\N{REPLACEMENT CHARACTER}"
"""What an unknown token reads as."""

_WORD = re.compile(r"\w+(?:['\N{RIGHT SINGLE QUOTATION MARK}-]\w+)*|[^\w\s]")
_CLOSING = re.compile(r" (?=[.,;:!?%)\]}\N{RIGHT DOUBLE QUOTATION MARK}\N{HORIZONTAL ELLIPSIS}](?: |$))|(?<=[(\[{]) ")


@dataclass(frozen=True)
class Tokens:
    """A vocabulary, and how a text is cut into its entries.

    Args:
        kind: ``"words"`` (and marks of punctuation), ``"characters"``, or ``"pieces"`` of sentencepiece.
        entries: words or characters in the order of their numbers, the four special ones first; of pieces, none.
        lower: capitals are written small.
        longest: of a text, only so many tokens are read; 0 reads all.
        model: of pieces, sentencepiece's own file in base64.
    """

    kind: Kind
    entries: tuple[str, ...] = ()
    lower: bool = False
    longest: int = 0
    model: str = ""

    def __post_init__(self) -> None:
        if self.kind == "pieces":
            if not self.model:
                raise ConfigError("tokens of the kind 'pieces' have no model", "learn them from texts")
        elif tuple(self.entries[: len(SPECIAL)]) != SPECIAL:
            raise ConfigError(f"a vocabulary begins with {', '.join(SPECIAL)}", "learn it from texts")

    @classmethod
    def learn(
        cls,
        texts: Iterable[str],
        kind: Kind = "words",
        size: int | None = None,
        lower: bool = False,
        least: int = 1,
        longest: int = 0,
    ) -> Tokens:
        """The vocabulary of some texts: the most frequent words or characters, or pieces.

        Args:
            texts: those that are learned from, and no others.
            size: entries at most, the four special ones among them; None: all there are, of pieces 4,000.
            lower: write capitals small.
            least: how often a word or character has to be there; those below are what "unknown" is learned from.
            longest: as in the class.

        Raises: DataError when the texts hold nothing.
        """
        if size is not None and size <= len(SPECIAL):
            raise ConfigError(f"a vocabulary of {size} entries was asked for", f"use more than {len(SPECIAL)}")
        if kind == "pieces":
            return cls(kind, (), lower, longest, _trained([_plain(text, lower) for text in texts], size or 4000))
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(_cut(_plain(text, lower), kind))
        if not counts:
            raise DataError("the texts hold nothing to learn words from", "give texts with words in them")
        kept = sorted((entry for entry, count in counts.items() if count >= least), key=lambda e: (-counts[e], e))
        return cls(kind, (*SPECIAL, *(kept if size is None else kept[: size - len(SPECIAL)])), lower, longest)

    def __len__(self) -> int:
        return self._pieces.get_piece_size() if self.kind == "pieces" else len(self.entries)

    def cut(self, text: str) -> list[str]:
        """A text in pieces as they stand in it, those too that the vocabulary does not have."""
        text = _plain(text, self.lower)
        found = self._pieces.encode(text, out_type=str) if self.kind == "pieces" else _cut(text, self.kind)
        return found[: self.longest] if self.longest else found

    def encode(self, text: str) -> list[int]:
        """The numbers of a text's tokens, without start and end."""
        if self.kind == "pieces":
            ids: list[int] = self._pieces.encode(_plain(text, self.lower))
            return ids[: self.longest] if self.longest else ids
        number = self._number
        return [number.get(piece, UNKNOWN) for piece in self.cut(text)]

    def unknown(self, text: str) -> list[str]:
        """The pieces of a text that the vocabulary does not have, in their order."""
        return [piece for piece, token in zip(self.cut(text), self.encode(text), strict=True) if token == UNKNOWN]

    def decode(self, ids: Iterable[int]) -> str:
        """The text that tokens stand for, up to the first end; padding and start are left out."""
        real = list(_up_to_end(ids))
        if self.kind == "pieces":
            return str(self._pieces.decode(real)).replace("\N{DOUBLE QUESTION MARK}", UNREADABLE).strip()
        if self.kind == "characters":
            return "".join(self.pieces(real))
        return _CLOSING.sub("", " ".join(self.pieces(real)))

    def pieces(self, ids: Iterable[int]) -> list[str]:
        """What each token is called in a picture; the beginning of a word is marked in pieces as sentencepiece does."""
        size = len(self)
        return [UNREADABLE if i == UNKNOWN else (self._entry(i) if 0 <= i < size else f"<{i}>") for i in map(int, ids)]

    def _entry(self, index: int) -> str:
        if index < len(SPECIAL):
            return SPECIAL[index]
        return str(self._pieces.id_to_piece(index)) if self.kind == "pieces" else self.entries[index]

    @functools.cached_property
    def _number(self) -> dict[str, int]:
        return {entry: i for i, entry in enumerate(self.entries) if i >= len(SPECIAL)}

    @functools.cached_property
    def _pieces(self) -> SentencePieceProcessor:
        from sentencepiece import SentencePieceProcessor  # only who uses pieces pays for it

        try:
            return SentencePieceProcessor(model_proto=base64.b64decode(self.model, validate=True))
        except (ValueError, RuntimeError, OSError) as error:
            raise ConfigError(
                f"sentencepiece's model is damaged: {error}", "restore the file, or train again"
            ) from None

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key not in ("_number", "_pieces")}

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Tokens:
        """Raises: ConfigError, KeyError for what is no vocabulary."""
        return cls(
            data["kind"],
            tuple(data.get("entries", ())),
            bool(data.get("lower", False)),
            int(data.get("longest", 0)),
            str(data.get("model", "")),
        )


def with_ends(ids: Sequence[int]) -> list[int]:
    """Tokens between start and end."""
    return [START, *ids, END]


def _plain(text: str, lower: bool) -> str:
    """One way of writing accents, and small letters where wished; half a letter of UTF-16 is none."""
    text = unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode())
    return text.lower() if lower else text


def _cut(text: str, kind: Kind) -> list[str]:
    return list(text) if kind == "characters" else _WORD.findall(text)


def _up_to_end(ids: Iterable[int]) -> Iterator[int]:
    for i in map(int, ids):
        if i == END:
            return
        if i not in (PADDING, START):
            yield i


def _parts(text: str) -> Iterator[str]:
    """A text as it is, or cut after words into parts that sentencepiece reads: it passes over those of 4,192 bytes."""
    if len(text.encode()) <= _LONGEST_PART:
        yield text
        return
    part, size = list[str](), 0
    for word in text.split():
        if part and size + len(word.encode()) + 1 > _LONGEST_PART:
            yield " ".join(part)
            part, size = [], 0
        part.append(word)
        size += len(word.encode()) + 1
    yield " ".join(part)


def _trained(texts: Sequence[str], size: int) -> str:
    """Sentencepiece's model (unigram) of some texts, in base64. Raises: DataError when they are too few."""
    from sentencepiece import SentencePieceTrainer

    if not any(text.strip() for text in texts):
        raise DataError("the texts hold nothing to learn pieces from", "give texts with words in them")
    written = io.BytesIO()
    try:
        SentencePieceTrainer.train(
            sentence_iterator=(part for text in texts for part in _parts(text)),
            model_writer=written,
            vocab_size=size,
            hard_vocab_limit=False,
            character_coverage=1.0,
            pad_id=PADDING,
            unk_id=UNKNOWN,
            bos_id=START,
            eos_id=END,
            pad_piece=SPECIAL[PADDING],
            unk_piece=SPECIAL[UNKNOWN],
            bos_piece=SPECIAL[START],
            eos_piece=SPECIAL[END],
            num_threads=1,
            minloglevel=3,
        )
    except RuntimeError as error:
        raise DataError(f"no {size} pieces can be made of these texts: {error}", "ask for fewer, or words") from None
    return base64.b64encode(written.getvalue()).decode("ascii")
