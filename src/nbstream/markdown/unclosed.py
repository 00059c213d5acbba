"""Close what is emphasised but has not ended yet."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it.rules_inline import StateInline
    from markdown_it.rules_inline.state_inline import Delimiter

__all__ = ["close_all"]


def close_all(state: StateInline) -> None:
    """End with the text each emphasis that is open at its end.

    A rule for the parser, to stand behind the one that finds pairs.
    """
    delimiters = state.delimiters
    contents = [token.content for token in state.tokens]
    unclosed = [
        delimiter
        for delimiter in delimiters
        if delimiter.open and delimiter.end < 0 and _is_meant(delimiter, contents)
    ]
    for opener in reversed(unclosed):
        opener.end, opener.close = len(delimiters), False
        token = state.push("text", "", 0)
        token.content = state.tokens[opener.token].content
        at = len(state.tokens) - 1
        delimiters.append(replace(opener, token=at, end=-1, open=False, close=True))


def _is_meant(delimiter: Delimiter, contents: list[str]) -> bool:
    """Say no to the stars of ``2*3``, ``2**n`` and ``f(a, *, b)``."""
    marker = chr(delimiter.marker)
    begin = end = delimiter.token
    while begin > 0 and contents[begin].strip(marker) == "":
        begin -= 1
    while end + 1 < len(contents) and contents[end].strip(marker) == "":
        end += 1
    before, after = contents[begin][-1:], contents[end][:1]
    if after and after in ",.;:!?)]}":
        return False
    return not (delimiter.close and before.isascii() and before.isalnum())
