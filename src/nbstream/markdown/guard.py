"""Read Markdown as other tools read it, and say whether anything in it is alive.

A second opinion: it shares nothing with ``defuse`` but the lists of what is allowed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from html import unescape
from typing import TYPE_CHECKING

from nbstream.markdown.breaks import BREAK
from nbstream.markdown.links import is_fragment, is_image, is_link
from nbstream.markdown.math import is_harmless
from nbstream.markdown.parser import plain_parser

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

__all__ = ["is_inert", "is_inert_info", "without_math"]

#: Fences that some renderer turns into a picture, a page or a map.
_PREVIEWED = re.compile(
    r"""mermaid|svg|math|html-?preview|preview|raw|graphviz|dot|viz|plantuml|puml|uml|d2
      |katex|abc|chart|geojson|topojson|stl|markmap|echarts|vega(?:-lite)?|wavedrom
      |flow(?:chart)?|sequence|nomnoml|bytefield|ditaa""",
    re.IGNORECASE | re.VERBOSE,
)
#: No attributes, no raw formats, nothing that leaves the attribute it is put in.
_INFO = re.compile(r"\s*([\w+#.-]*)[\w+#.,:=/ -]*")
_SPLICED = re.compile(r"@@\d+@@")
#: The same in an address that the host makes a link of unasked.
_SPLICED_ADDRESS = re.compile(r"(?:://|www\.)[^\s<]*@@\d+@@", re.IGNORECASE)


def is_inert(markdown: str, *, images: bool) -> bool:
    """Say that neither CommonMark nor JupyterLab's reading finds anything alive."""
    rest, formulas = without_math(markdown)
    if not all(map(is_harmless, formulas)) or _SPLICED_ADDRESS.search(rest):
        return False
    if _SPLICED.search(unescape(markdown).replace("\\", "")):
        return False  # JupyterLab fails where it has no formula of that number
    tokens = list(_walk(_parser().parse(markdown)))
    if rest != markdown:
        tokens.extend(_walk(_parser().parse(rest)))
    return all(_is_inert(token, images=images) for token in tokens)


def _is_inert(token: Token, *, images: bool) -> bool:
    if any(_SPLICED.search(str(value)) for value in token.attrs.values()):
        return False  # JupyterLab would put a formula, quotes and all, into it
    match token.type:
        case "html_block":
            return False
        case "html_inline":
            return BREAK.fullmatch(token.content) is not None
        case "link_open":
            url = str(token.attrs["href"])
            return is_link(url) or is_fragment(url) or not url
        case "image":
            return images and is_image(str(token.attrs["src"]))
        case "fence":
            return is_inert_info(token.info)
        case _:
            return True


def is_inert_info(info: str) -> bool:
    """Say whether a fence with these words behind it only shows its source."""
    found = _INFO.fullmatch(info)
    return found is not None and not any(
        _PREVIEWED.fullmatch(word) for word in re.split("[.:]", found[1])
    )


def _walk(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _walk(token.children or [])


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    md = plain_parser(html=True)
    md.validateLink = _anything  # type: ignore[method-assign] # we look ourselves
    return md


def _anything(url: str) -> bool:
    return True


_DELIMITER = re.compile(
    r"(\$\$?|\\(?:begin|end)\{[a-z]*\*?\}|\\[{}$]|[{}]|(?:\n\s*)+|@@\d+@@|\\\\[()\[\]])",
    re.IGNORECASE,
)
_FENCE = re.compile(
    r"^(?P<fence>`{3,60}|(?:~T){3,60})[^`\n]*\n[\s\S]*?^(?P=fence)`*$", re.MULTILINE
)
_CODE = re.compile(r"(^|[^\\])(`+)([^\n]*?[^`\n])\2(?!`)", re.MULTILINE)


def without_math(markdown: str) -> tuple[str, list[str]]:
    """Take formulas out as JupyterLab does before it reads Markdown.

    A port of ``removeMath`` (``@jupyterlab/rendermime``, ``latex.ts``): it knows no
    blocks and little of code, so what it takes out can change what the rest means.
    """
    hide = "`" in markdown or "~~~" in markdown
    text = _hidden(markdown) if hide else markdown
    pieces = _DELIMITER.split(re.sub(r"\r\n?", "\n", text))
    formulas: list[str] = []
    _take_out(pieces, formulas)
    rest = "".join(pieces)
    return (_shown(rest), list(map(_shown, formulas))) if hide else (rest, formulas)


def _hidden(text: str) -> str:
    text = _FENCE.sub(_hide_dollars, text.replace("~", "~T"))
    return _CODE.sub(_hide_dollars, text)


def _hide_dollars(found: re.Match[str]) -> str:
    return found[0].replace("$", "~D")


def _shown(text: str) -> str:
    return re.sub("~([TD])", lambda found: "~" if found[1] == "T" else "$", text)


def _take_out(pieces: list[str], formulas: list[str]) -> None:
    start, end, last, depth = -1, "", -1, 0

    def take(to: int) -> None:
        formulas.append("".join(pieces[start : to + 1]))
        pieces[start : to + 1] = [f"@@{len(formulas) - 1}@@", *[""] * (to - start)]

    at = 1
    while at < len(pieces):
        piece = pieces[at]
        if piece.startswith("@"):
            pieces[at] = f"@@{len(formulas)}@@"
            formulas.append(piece)
        elif start >= 0:
            if piece == end:
                if depth:
                    last = at
                else:
                    take(at)
                    start, last = -1, -1
            elif piece.count("\n") > 1:
                if last >= 0:
                    at = last
                    take(at)
                start, last, depth = -1, -1, 0
            elif piece == "{":
                depth += 1
            elif piece == "}" and depth:
                depth -= 1
        elif opened := _opened(piece):
            start, end, last, depth = at, opened, -1, 0
        at += 2
    if start >= 0 and last >= 0:
        take(last)


def _opened(piece: str) -> str:
    """Return what closes the formula that ``piece`` opens, or nothing."""
    if piece in ("$", "$$"):
        return piece
    if piece in ("\\\\(", "\\\\["):
        return "\\\\)" if piece.endswith("(") else "\\\\]"
    return "\\end" + piece[6:] if piece[1:6] == "begin" else ""
