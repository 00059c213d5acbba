"""Show Markdown as HTML that is safe because nothing else can be written.

Every tag, attribute and class below is a constant of this module (or a Pygments
class); only text, an address that ``parser`` allows, one to be read beneath a label and
the first number of a list come from outside, and they are escaped. So they can be
shortened for the wire.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from html import escape
from itertools import count, takewhile
from typing import TYPE_CHECKING
from urllib.parse import unquote

from nbstream.markdown.bounds import Allowance
from nbstream.markdown.code import code_block
from nbstream.markdown.math import parts_of
from nbstream.markdown.parser import LONGEST, clean, parse
from nbstream.markdown.tags import SHOWN, address_words, is_image, is_link

if TYPE_CHECKING:
    from markdown_it.token import Token

_BLOCKS = {"blockquote", "ul", "ol", "li", "table", "thead", "tbody", "tr", "p"}
_BLOCKS |= {"h1", "h2", "h3", "h4", "h5", "h6", "details", "summary"}
#: Begins from the side that its first letters begin from.
_DIRECTED = _BLOCKS - {"li", "thead", "tbody", "tr", "details"}
_CELLS = {"th", "td"}
_ENDS_LINE = {"blockquote", "ul", "ol", "table", "thead", "tbody", "tr", "details"}
_ALIGN = {"text-align:center": "center", "text-align:right": "right"}
_AUTO, _LEFT = ' dir="auto"', ' dir="ltr"'
_LINK_ATTRIBUTES = 'rel="noopener noreferrer nofollow" target="_blank"'
#: What is wider than its place scrolls by itself, and not all of the answer.
_SCROLLS = ' style="display: block; overflow-x: auto"'
#: A formula may be wider than its place if it is written in more characters than these.
NARROW = 40
_WIDE = "overflow-x: auto; overflow-y: hidden"
_WIDE_BLOCK = f"display: block; {_WIDE}"
#: What scrolls keeps the host's space around a formula, beside the paragraph's own.
_ALONE = f"{_WIDE_BLOCK}; margin: -1em 0"
_WIDE_LINE = f"display: inline-block; {_WIDE}; max-width: 100%; vertical-align: middle"
#: The tables of contents of JupyterLab and Notebook 7 leave such a heading out.
_UNLISTED = ' class="tocSkip"'
#: Alone in such a span no typesetter takes these for (a part of) a formula.
_TEX = re.compile(r"[$\\]+")
#: What says nothing of the side that a text begins from.
_NO_WORDS = re.compile(r"(?:<[^<>]*>|`[^`]*`|\$[^$]*\$|[\W\d_])*+")
#: Letters that are written from the right to the left.
_FROM_RIGHT = re.compile(
    "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff]"
)
_TASK = re.compile(r"\[([ xX])\](?=\s)")


def to_html(text: str, *, images: bool = False) -> str:
    """Return safe HTML for the Markdown ``text`` of an untrusted writer.

    What may do something is shown as text; harmless tags, such as ``<sub>``, do what
    they mean. Formulas stay TeX, for the host to typeset; other dollars are kept from
    it. What is too deep or too long to be read is shown as it came.

    Args:
        text: What a model wrote, or anybody else.
        images: Whether images are loaded. By default each becomes a link that shows
            its address, because loading it tells its server what the address holds.
    """
    text = clean(text)
    if len(text) <= LONGEST:
        with suppress(RecursionError):
            return "".join(Writer(images=images).blocks(parse(text)))
    return code_block(text, "")


class Writer:
    """Writes tokens as HTML; remembers what links are open, and what was typeset."""

    def __init__(self, *, images: bool) -> None:
        self.allowance = Allowance()
        self._images = images
        self._links: list[str] = []
        self._code = "<code>"
        self._start = "left"

    def blocks(self, tokens: list[Token]) -> list[str]:
        """Return the HTML of each block."""
        out: list[str] = []
        block: list[str] = []
        depth = 0
        for at, token in enumerate(tokens):
            if token.type == "table_open":
                self._start = _start(_head(tokens, at))
            if token.type == "inline":
                in_item = at > 1 and tokens[at - 2].type == "list_item_open"
                block.append(self.leaf(token, in_item=in_item))
            elif not token.hidden:
                block.append(_aligned(self.block(token), tokens[at + 1 : at + 2]))
            elif token.nesting < 0:
                block.append("\n")
            depth += token.nesting
            if depth == 0:
                out.append("".join(block))
                block.clear()
        return out

    def leaf(self, token: Token, *, in_item: bool) -> str:
        """Return the HTML of a block's text; ``in_item``: it begins a list's item."""
        children = token.children or []
        # Between letters from the right, code keeps its own order.
        self._code = f"<code{_LEFT * bool(_FROM_RIGHT.search(token.content))}>"
        box = _task(children) if in_item else ""
        return box + "".join(map(self._inline, children))

    def block(self, token: Token) -> str:
        """Return the HTML of what is no text: the begin or the end of a block."""
        match token.type:
            case "fence" | "code_block":
                code = code_block(token.content, token.info)
                return (
                    code.replace("<pre>", f"<pre{_LEFT}>", 1) if token.level else code
                )
            case "math_block":
                return f"<p{_AUTO}>{self._math(token.content, _ALONE)}</p>\n"
            case "table_open":
                return f"<table{_AUTO}{_SCROLLS}>\n"
            case "heading_open":
                return f"<{token.tag}{_UNLISTED}{_AUTO}>"
            case "hr":
                return "<hr>\n"
            case _:
                pass
        tag = token.tag
        if token.nesting < 0 and tag in _BLOCKS | _CELLS:
            return f"</{tag}>\n"
        if tag in _CELLS:
            # The host aligns HTML's cells to the right, those of Markdown to the left.
            align = _ALIGN.get(str(token.attrs.get("style")), self._start)
            return f'<{tag} style="text-align:{align}">'
        start = token.attrs.get("start") if tag == "ol" else None
        attribute = f' start="{int(start)}"' if start is not None else ""
        attribute += _AUTO if tag in _DIRECTED else ""
        attribute += " open" if tag == "details" and token.meta["open"] else ""
        opening = f"<{tag}{attribute}>" + "\n" * (tag in _ENDS_LINE)
        return opening if tag in _BLOCKS else text_html(token.content)

    def _inline(self, token: Token) -> str:
        match token.type:
            case "link_open":
                url = str(token.attrs.get("href", ""))
                title = str(token.attrs.get("title", "")) if url[:1] == "#" else ""
                opening, closing = _label(url, title)
                self._links.append(closing)
                return opening
            case "link_close":
                return self._links.pop()
            case "image":
                return self._image(token)
            case "softbreak":
                return "\n"
            case "hardbreak":
                return "<br>\n"
            case "code_inline":
                return f"{self._code}{escape(token.content, quote=False)}</code>"
            case "math":
                return self._math(token.content)
            case _:
                pass
        if token.tag in SHOWN:
            return f"<{'/' * (token.nesting < 0)}{token.tag}>"
        return text_html(token.content)

    def _image(self, token: Token) -> str:
        url, alt = str(token.attrs.get("src", "")), _words(token.children or [])
        if self._images and is_image(url):
            return f'<img src="{escape(url)}" alt="{escape(alt)}">'
        shown = address_words(url)
        words = text_html(f"{alt} ({shown})" if alt and url else alt or shown)
        inside_link = any(self._links)
        if inside_link or not is_link(url):
            return words
        return f"{_link(url)}{words}</a>"

    def _math(self, written: str, block: str = _WIDE_BLOCK) -> str:
        """Return a formula for the host to typeset, or its source if it may not."""
        opener, tex, closer = parts_of(written)
        if not self.allowance.has(tex):
            return f"<code>{escape(written, quote=False)}</code>"
        said = escape(opener + tex + closer, quote=False)
        if len(written) <= NARROW:
            return f"<span>{said}</span>"
        style = _WIDE_LINE if opener in ("$", "\\(") else block
        return f'<span style="{style}">{said}</span>'


def _aligned(opening: str, following: list[Token]) -> str:
    """Return the begin of a block, at the right if its text begins there.

    The host aligns all paragraphs to the left, and takes a ``text-align:start`` off the
    outputs of a notebook that it does not trust.
    """
    if not following or following[0].type != "inline":
        return opening
    if _start(following[0].content) == "left":
        return opening
    return opening.replace(_AUTO, f'{_AUTO} style="text-align:right"', 1)


def _start(text: str) -> str:
    """Return the side that a text begins from, which is that of its first letter."""
    if not _FROM_RIGHT.search(text):
        return "left"
    skipped = _NO_WORDS.match(text)
    return (
        "right" if _FROM_RIGHT.match(text, skipped.end() if skipped else 0) else "left"
    )


def _head(tokens: list[Token], at: int) -> str:
    """Return the first row of the table at a place, which each piece of it has."""
    row = takewhile(
        lambda token: token.type != "thead_close", map(tokens.__getitem__, count(at))
    )
    return " ".join(token.content for token in row)


def _label(url: str, title: str) -> tuple[str, str]:
    """Return what stands before a label, and behind it.

    The address that it may not lead to is told where one points at it.
    """
    if is_link(url):
        return _link(url), "</a>"
    told = title or address_words(unquote(url))
    return (f'<abbr title="{escape(told)}">', "</abbr>") if told else ("", "")


def _link(url: str) -> str:
    return f'<a href="{escape(url)}" {_LINK_ATTRIBUTES}>'


def text_html(text: str, *, quote: bool = False) -> str:
    """Return plain text as HTML in which no typesetter sees a formula."""
    ignored = r'<span class="tex2jax_ignore">\g<0></span>'
    return _TEX.sub(ignored, escape(text, quote=quote))


def _words(tokens: list[Token]) -> str:
    """Return the words of an image's description, without its markup."""
    breaks = {"softbreak": " ", "hardbreak": " "}
    return "".join(
        _words(token.children or [])
        if token.type == "image"
        else breaks.get(token.type, token.content)
        for token in tokens
    )


def _task(children: list[Token]) -> str:
    """Take the box of a task off the front of a list item, and return it."""
    found = _TASK.match(children[0].content) if children else None
    if not found:
        return ""
    children[0].content = children[0].content[3:]
    checked = "" if found[1] == " " else " checked"
    return f'<input type="checkbox" disabled{checked}>'


# -- for the wire: what is said again and again becomes one character ------------------

# The characters are C1 controls, which no text needs: two bytes each, and JSON leaves
# them as they are. One that does stand in a text is sent with ``LITERAL`` before it.
LITERAL = "\x80"
_LONG = (
    f" {_LINK_ATTRIBUTES}>",
    '<td style="text-align:left">',
    '<th style="text-align:left">',
    '<td style="text-align:right">',
    '<td style="text-align:center">',
    "</td>\n",
    "</th>\n",
    '<span class="tex2jax_ignore">',
    *(f'<span class="{colour}">' for colour in "skompc"),
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
    f"<p{_AUTO}>",
    "</p>\n",
    "</ul>\n",
    "<tr>\n",
    "</tr>\n",
    "</tbody>\n</table>\n",
)
#: What each character stands for.
SHORT = {chr(0x81 + at): long for at, long in enumerate(_LONG)}
_CHARACTERS = {long: short for short, long in SHORT.items()}
LONGEST_SHORTENED = 500_000
_LITERALS = re.compile("[\x80-\x9f]")
_TO_SHORT = re.compile("[\x80-\x9f]|" + "|".join(map(re.escape, _LONG)))


def shorten(html: str) -> str:
    """Return ``html`` in fewer characters; the browser gives it back.

    What is very long is an image, in which nothing can be made shorter.
    """
    found = _TO_SHORT if len(html) < LONGEST_SHORTENED else _LITERALS
    return found.sub(lambda m: _CHARACTERS.get(m[0]) or LITERAL + m[0], html)


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
