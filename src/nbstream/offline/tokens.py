"""Cut text into pieces that look like a model's tokens."""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Iterator
from functools import lru_cache

__all__ = ["cut"]

_PIECE = re.compile(r"\s?\w+|\s?[^\w\s]+|\s+")
_LONGEST_WORD = 8
_JOINER = "\u200d"


@lru_cache(maxsize=64)
def cut(text: str) -> tuple[str, ...]:
    """Cut text into tokens; joined again they are exactly the text.

    A word keeps the space before it; a long word is cut inside, at places that
    depend on the word alone. An emoji, with its joiners, skin tone or flag letters,
    and an accent that is a character of its own, stay with what they belong to.
    """
    tokens: list[str] = []
    for match in _PIECE.finditer(text):
        piece = match.group()
        if tokens and (_extends(piece[0]) or tokens[-1].endswith(_JOINER)):
            tokens[-1] += piece
        else:
            tokens.extend(_cut_word(piece))
    return tuple(tokens)


def _cut_word(word: str) -> Iterator[str]:
    """Cut a long word into pieces of three to six characters."""
    start = 0
    while len(word) - start > _LONGEST_WORD and word[-1].isalnum():
        ahead = word[start : start + _LONGEST_WORD].encode("utf-8", "surrogatepass")
        at = start + 3 + zlib.crc32(ahead) % 4
        yield word[start:at]
        start = at
    yield word[start:]


def _extends(character: str) -> bool:
    """Say whether a character belongs to the one before it."""
    return (
        character == _JOINER
        or "\U0001f3fb" <= character <= "\U0001f3ff"  # skin tones
        or "\U000e0020" <= character <= "\U000e007f"  # tags, in some flags
        or unicodedata.category(character).startswith("M")
    )
