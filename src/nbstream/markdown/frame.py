"""What changes a list of blocks into the next one, as compactly as possible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nbstream.prefix import common_prefix

__all__ = ["Frame", "changes", "units"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What makes of a list of blocks, each the HTML of one element, the next one.

    To be applied in this order:

    1. If ``code`` is not ``None``, the last block is an open fence. Its ``code``
       element loses the ``line`` that an earlier frame gave it and gains ``code``.
    2. Each ``(index, html)`` of ``replaced`` is put in the place of that block.
    3. The first ``at`` blocks stay. If ``html`` is empty, the others go. If not, the
       first ``keep`` UTF-16 code units of block ``at`` and the first of ``html`` make
       the new block ``at``; the rest of ``html`` are the blocks behind it.
    4. ``line``, if not empty, is put at the end of the last block's ``code`` element:
       the line that is not complete, as escaped text without tags.

    The first ``closed`` blocks are final then (but for ``replaced``). So many as
    ``tail_chars`` characters have to be read again for the next frame: the more, the
    rarer frames should be.
    """

    at: int
    closed: int
    tail_chars: int
    keep: int = 0
    html: tuple[str, ...] = ()
    code: str | None = None
    line: str = ""
    replaced: tuple[tuple[int, str], ...] = ()


def changes(
    before: Sequence[str], after: Sequence[str], *, whole: bool
) -> tuple[int, int, tuple[str, ...]]:
    """Return ``at``, ``keep`` and ``html`` of what makes ``after`` of ``before``.

    ``whole`` says that a block is sent whole or not at all.
    """
    pairs = enumerate(zip(before, after, strict=False))
    at = next((n for n, (old, new) in pairs if old != new), len(after))
    at = min(at, len(before))
    if at == len(after):
        return at, 0, ()
    same = 0 if whole or at == len(before) else common_prefix(before[at], after[at])
    kept, rest = after[at][:same], after[at][same:]
    return at, units(kept), (rest, *after[at + 1 :])


def units(text: str) -> int:
    """Return the length of ``text`` as JavaScript counts it."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2
