"""Say whether Markdown is inert: the second opinion on what ``safe`` has made.

It reads as other tools do, CommonMark with HTML and JupyterLab, and shares nothing with
the first opinion but the lists of what is allowed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from html import unescape
from typing import TYPE_CHECKING

from nbstream.markdown.bounds import MOST, fit
from nbstream.markdown.math import without_math
from nbstream.markdown.parser import plain_parser
from nbstream.markdown.tags import BREAK, TAG, is_address, is_balanced, is_image

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

#: No attributes, no raw formats, nothing that leaves the attribute it is put in.
_INFO = re.compile(r"\s*([\w+#.-]*)[\w+#.,:=/ -]*")
#: Fences that some renderer turns into a picture, a page or a map.
_PREVIEWED = re.compile(
    r"""mermaid|svg|math|html-?preview|preview|raw|graphviz|dot|viz|plantuml|puml|uml|d2
      |katex|abc|chart|geojson|topojson|stl|markmap|echarts|vega(?:-lite)?|wavedrom
      |flow(?:chart)?|sequence|nomnoml|bytefield|ditaa""",
    re.IGNORECASE | re.VERBOSE,
)
_SPLICED = re.compile(r"@@\d+@@")
#: What begins an address that the host makes a link of unasked.
_ADDRESS = re.compile(r"://|www\.", re.IGNORECASE)


def is_inert(markdown: str, most: int = MOST, *, images: bool) -> bool:
    """Say that neither CommonMark nor JupyterLab's reading finds anything alive."""
    rest, formulas = without_math(markdown)
    if not fit(formulas, most):
        return False
    for word in re.split(r"[\s<]", rest):
        address = _ADDRESS.search(word)
        if address and _SPLICED.search(word, address.end()):
            return False
    if _SPLICED.search(unescape(markdown).replace("\\", "")):
        return False  # JupyterLab fails where it has no formula of that number
    readings = [markdown] if rest == markdown else [markdown, rest]
    return all(
        _is_inert(token, images=images)
        for reading in readings
        for token in _walk(_other_parser().parse(reading))
    )


def _is_inert(token: Token, *, images: bool) -> bool:
    if any(_SPLICED.search(str(value)) for value in token.attrs.values()):
        return False  # JupyterLab would put a formula, quotes and all, into it
    match token.type:
        case "html_block":
            return False
        case "html_inline":
            tag, line = (each.fullmatch(token.content) for each in (TAG, BREAK))
            return line is not None or bool(tag and tag[2])
        case "inline":
            return is_balanced(token.children or [])
        case "link_open":
            url = str(token.attrs["href"])
            return not url or is_address(url)
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
def _other_parser() -> MarkdownIt:
    md = plain_parser(html=True)
    # We look ourselves.
    md.validateLink = lambda url: True  # type: ignore[method-assign]
    return md
