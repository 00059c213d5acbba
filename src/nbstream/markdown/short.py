"""Shorten HTML for the wire: what is said again and again becomes one character.

The characters are C1 controls, which no text needs: two bytes each, and JSON leaves
them as they are. One that does stand in a text is sent with ``LITERAL`` before it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from nbstream.markdown.html import LINK_ATTRIBUTES

__all__ = ["LITERAL", "SHORT", "expand", "shorten", "shortened"]

LITERAL = "\x80"
_LONG = (
    f" {LINK_ATTRIBUTES}>",
    '<td style="text-align:left">',
    '<th style="text-align:left">',
    '<td style="text-align:right">',
    '<td style="text-align:center">',
    "</td>\n",
    "</th>\n",
    '<span class="tex2jax_ignore">',
    '<span class="s">',
    '<span class="k">',
    '<span class="o">',
    '<span class="m">',
    '<span class="c">',
    "</span>",
    '<pre><code class="highlight">',
    "</code></pre>\n",
    "<strong>",
    "</strong>",
    "<code>",
    "</code>",
    "<li>",
    "</li>\n",
    '<a href="https://',
    "<br>\n",
    "<p>",
    "</p>\n",
    "</ul>\n",
    "<tr>\n",
    "</tr>\n",
    "</tbody>\n</table>\n",
    "</em>",
)
#: What each character stands for.
SHORT = {chr(0x81 + at): long for at, long in enumerate(_LONG)}
_CHARACTERS = {long: short for short, long in SHORT.items()}
_TO_SHORT = re.compile("[\x80-\x9f]|" + "|".join(map(re.escape, _LONG)))
_TO_LONG = re.compile("\x80.|[\x81-\x9f]")


def shorten(html: str) -> str:
    """Return ``html`` in fewer characters; ``expand`` gives it back."""
    return _TO_SHORT.sub(lambda m: _CHARACTERS.get(m[0]) or LITERAL + m[0], html)


def shortened(value: object) -> object:
    """Return a message with each text in it shortened; what is no text stays."""
    match value:
        case str():
            return shorten(value)
        case Mapping():
            return {key: shortened(each) for key, each in value.items()}
        case list() | tuple():
            return [shortened(each) for each in value]
        case _:
            return value


def expand(short: str) -> str:
    """Give back the HTML, as the browser does."""
    return _TO_LONG.sub(lambda m: SHORT.get(m[0]) or m[0][1:], short)
