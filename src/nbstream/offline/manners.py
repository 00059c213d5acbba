"""How the models of each provider write: their tokens, their events and their pace.

No service says how it cuts, and each does it in its own way. What is alike here is
what a client sees of it: the same text has other counts elsewhere, an event is not a
token, and what Gemini sends at once takes OpenAI a dozen events. The numbers are ours.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import cycle


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """One provider's way to write.

    ``longest`` is how many characters of a word are one token, ``digits`` how many
    digits are, and ``characters`` how many a token of a prompt is thought to have.
    ``events`` is how many tokens one event holds, over and over; every ``halved``-th
    event ends inside a token, or none. ``uneven`` is how far a wait is from the usual.
    """

    longest: int
    digits: int
    characters: float
    events: tuple[int, ...]
    halved: int
    first_token_s: float
    tokens_per_s: float
    uneven: float


OPENAI = Manner(
    longest=8,
    digits=3,
    characters=4.0,
    events=(1, 1, 1, 2, 1, 1, 1, 1, 3, 1, 1),
    halved=0,
    first_token_s=0.3,
    tokens_per_s=70,
    uneven=0.4,
)
ANTHROPIC = Manner(
    longest=6,
    digits=2,
    characters=3.5,
    events=(1, 4, 2, 7, 3, 5, 1, 9, 4, 2, 6),
    halved=2,
    first_token_s=0.45,
    tokens_per_s=80,
    uneven=0.7,
)
GOOGLE = Manner(
    longest=11,
    digits=1,
    characters=4.2,
    events=(3, 14, 26, 20, 32, 24),
    halved=1,
    first_token_s=0.4,
    tokens_per_s=130,
    uneven=0.2,
)
MANNERS: Mapping[str, Manner] = {
    "openai": OPENAI,
    "anthropic": ANTHROPIC,
    "google": GOOGLE,
}

_PIECE = re.compile(r"\s?[^\W\d]\w*|\s?\d+|\s?[^\w\s]+|\s+")
_JOINER = "\u200d"


@lru_cache(maxsize=64)
def cut(text: str, manner: Manner = OPENAI) -> tuple[str, ...]:
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
        elif piece.strip().isdecimal():
            tokens.extend(_cut_number(piece, manner.digits))
        else:
            tokens.extend(_cut_word(piece, manner.longest))
    return tuple(tokens)


def _cut_word(word: str, longest: int) -> Iterator[str]:
    """Cut a long word into pieces of about half of what would be left whole."""
    start = 0
    while len(word) - start > longest and word[-1].isalnum():
        ahead = word[start : start + longest].encode("utf-8", "surrogatepass")
        at = start + longest // 2 - 1 + zlib.crc32(ahead) % (longest // 2)
        yield word[start:at]
        start = at
    yield word[start:]


def _cut_number(number: str, digits: int) -> Iterator[str]:
    """Cut a number into groups of so many digits; the space is the first one's."""
    start = len(number) - len(number.lstrip())
    yield number[: start + digits]
    for at in range(start + digits, len(number), digits):
        yield number[at : at + digits]


def _extends(character: str) -> bool:
    """Say whether a character belongs to the one before it."""
    return (
        character == _JOINER
        or "\U0001f3fb" <= character <= "\U0001f3ff"  # skin tones
        or "\U000e0020" <= character <= "\U000e007f"  # tags, in some flags
        or unicodedata.category(character).startswith("M")
    )


def pieces(tokens: Sequence[str], manner: Manner) -> Iterator[tuple[str, int]]:
    """Yield what each event says, and how many tokens begin in it: one at least.

    A token is halved between two letters or digits only, so no character is cut.
    """
    begun, carried = 0, ""
    for number, size in enumerate(cycle(manner.events), 1):
        if begun >= len(tokens):
            break
        some = tokens[begun : begun + size]
        begun += len(some)
        said, carried = carried + "".join(some), ""
        more = begun < len(tokens) and manner.halved
        if more and number % manner.halved == 0 and len(some[-1]) > 3:
            at = len(said) - len(some[-1]) // 2
            if said[at - 1 : at + 1].isalnum():
                said, carried = said[:at], said[at:]
        yield said, len(some)
