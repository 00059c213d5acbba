"""Make Markdown that any other tool may render, with as few changes as can be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from nbstream.markdown.defuse import defuse, defuse_formula, is_alive
from nbstream.markdown.guard import is_inert, is_inert_info
from nbstream.markdown.parser import clean, parse

if TYPE_CHECKING:
    from markdown_it.token import Token

__all__ = ["to_safe_markdown"]

_LONGEST = 2_000_000
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")
_FENCE = re.compile(
    r"(?:[ \t>]|[*+-][ \t]|\d{1,9}[.)][ \t])*(`{3,}(?![^`\r\n]*`)|~{3,})([^\r\n]*)"
)
_OPENING = re.compile(r"(`{3,}|~{3,})[^\r\n]*")


def to_safe_markdown(text: str, *, images: bool = False) -> str:
    """Return ``text`` as Markdown in which nothing runs, loads or leads astray.

    Raw HTML shows as text, an image becomes a link (unless ``images``), links go
    to ``http``, ``https`` and ``mailto`` only, diagrams show their source, TeX
    commands that load or run something are broken. Innocent text stays as it is.
    What cannot be mended so that every reading agrees becomes one block of code.
    """
    text = clean(text)
    if len(text) > _LONGEST:
        return _as_code(text)
    try:
        tokens, references = parse(text)
        if _is_code(tokens):
            return text
        if not _fences_agree(text, tokens):
            return _as_code(text)
        safe = _mended(text, tokens, references, images=images)
        # Also what was mended must read alike everywhere, or a second pass differs.
        inert = is_inert(safe, images=images) and _fences_agree(safe, parse(safe)[0])
    except RecursionError:
        inert = False
    return safe if inert else _as_code(text)


def _is_code(tokens: list[Token]) -> bool:
    return [(t.type, t.info) for t in tokens] == [("fence", "text")]


def _as_code(text: str) -> str:
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}{'' if text.endswith(chr(10)) else chr(10)}{fence}\n"


def _mended(
    text: str,
    tokens: list[Token],
    references: Mapping[str, Mapping[str, str]],
    *,
    images: bool,
) -> str:
    lines = _LINE.findall(text)
    out: list[str] = []
    at = 0

    def rest(to: int, **how: bool) -> None:
        nonlocal at
        if at < to:
            run = "".join(lines[at:to])
            out.append(defuse(run, references=references, images=images, **how))
        at = max(at, to)

    for token in tokens:
        if token.map is None or token.map[0] < at:
            continue
        begin, end = token.map
        if token.type in ("fence", "code_block"):
            rest(begin, code=False)
            out.extend(_code(token, lines[begin:end]))
            at = end
        elif token.type == "math_block":
            rest(begin, code=False)
            out.append(defuse_formula("".join(lines[begin:end])))
            at = end
        elif token.type in ("inline", "tr_open"):
            rest(begin, code=False)
            rest(end, code=True)
    rest(len(lines), code=False)
    return "".join(out)


def _fences_agree(text: str, tokens: list[Token]) -> bool:
    """Say whether a reader without CommonMark's rules finds the same fences.

    Only then is it sure that what lies between them is code to every tool.
    """
    fences = [token for token in tokens if token.type == "fence" and token.map]
    if not any(is_alive(token.content) for token in fences):
        return True
    lines = _LINE.findall(text)
    indented = any(t.level == 0 and lines[(t.map or [0])[0]][0] == " " for t in fences)
    return not indented and _simple_fences(lines) == [token.map for token in fences]


def _simple_fences(lines: list[str]) -> list[list[int]]:
    found: list[list[int]] = []
    opening = ""
    for at, line in enumerate(lines):
        mark = _FENCE.match(line)
        if opening and mark and not mark[2].strip() and mark[1].startswith(opening):
            found[-1][1] = at + 1
            opening = ""
        elif mark and not opening:
            opening = mark[1]
            found.append([at, len(lines)])
    return found


def _code(token: Token, lines: list[str]) -> list[str]:
    if token.type == "fence" and not is_inert_info(token.info):
        return [_OPENING.sub(r"\1text", lines[0], count=1), *lines[1:]]
    if token.type == "code_block" and is_alive(token.content):
        # Whether lines are far enough in to be code is what tools disagree on most.
        return [_as_code(token.content)]
    return lines
