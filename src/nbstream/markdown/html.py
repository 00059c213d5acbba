"""Show Markdown as HTML that is safe because nothing else can be written.

Every tag, attribute and class below is a constant of this module (or a Pygments
class); only text, an address that ``links`` allows and the first number of a list
come from outside, and they are escaped.
"""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

from nbstream.markdown.code import code_block
from nbstream.markdown.links import is_image, is_link
from nbstream.markdown.math import is_harmless
from nbstream.markdown.parser import clean, parse

if TYPE_CHECKING:
    from markdown_it.token import Token

__all__ = ["LINK_ATTRIBUTES", "LONGEST", "Writer", "as_it_came", "to_html"]

#: A reply is some kilobytes; what is longer than this is shown as it came.
LONGEST = 2_000_000
_BLOCKS = {"blockquote", "ul", "ol", "li", "table", "thead", "tbody", "tr", "p"}
_BLOCKS |= {"h1", "h2", "h3", "h4", "h5", "h6"}
_INLINE = {"em", "strong", "s"}
_CELLS = {"th", "td"}
_ENDS_LINE = {"blockquote", "ul", "ol", "table", "thead", "tbody", "tr"}
_ALIGN = {"text-align:center": "center", "text-align:right": "right"}
LINK_ATTRIBUTES = 'rel="noopener noreferrer nofollow" target="_blank"'
#: Alone in such a span no typesetter takes these for (a part of) a formula.
_TEX = re.compile(r"[$\\]+")
_TASK = re.compile(r"\[([ xX])\](?=\s)")


def to_html(text: str, *, images: bool = False) -> str:
    """Return safe HTML for the Markdown ``text`` of an untrusted writer.

    Raw HTML is shown as text. An image becomes a link that shows its address,
    because loading it tells its server what the address holds; ``images=True``
    loads it. Formulas stay TeX, for the host to typeset; other dollars are kept
    from it. What is too deep or too long to be read is shown as it came.
    """
    text = clean(text)
    if len(text) > LONGEST:
        return as_it_came(text)
    try:
        tokens, _ = parse(text)
    except RecursionError:
        return as_it_came(text)
    return "".join(Writer(images=images).blocks(tokens))


def as_it_came(text: str) -> str:
    """Return ``text`` as one block of code, as what cannot be read is shown."""
    return f"<pre><code>{escape(text, quote=False)}</code></pre>\n"


class Writer:
    """Writes tokens as HTML; remembers only the links that are open."""

    def __init__(self, *, images: bool) -> None:
        self._images = images
        self._links: list[bool] = []

    def blocks(self, tokens: list[Token]) -> list[str]:
        """Return the HTML of each block."""
        out: list[str] = []
        block: list[str] = []
        depth = 0
        for at, token in enumerate(tokens):
            if token.type == "inline":
                in_item = at > 1 and tokens[at - 2].type == "list_item_open"
                block.append(self.leaf(token, in_item=in_item))
            elif not token.hidden:
                block.append(self.block(token))
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
        return (_task(children) if in_item else "") + self.inline(children)

    def block(self, token: Token) -> str:
        """Return the HTML of what is no text: the begin or the end of a block."""
        return _block(token)

    def inline(self, tokens: list[Token]) -> str:
        """Return the HTML of what is in a block's text."""
        return "".join(map(self._inline, tokens))

    def _inline(self, token: Token) -> str:
        match token.type:
            case "link_open":
                return self._open(str(token.attrs.get("href", "")))
            case "link_close":
                return "</a>" if self._links.pop() else ""
            case "image":
                return self._image(token)
            case "softbreak":
                return "\n"
            case "hardbreak":
                return "<br>\n"
            case "code_inline":
                return f"<code>{escape(token.content, quote=False)}</code>"
            case "math":
                return _math(token.content)
            case _:
                pass
        if token.tag in _INLINE:
            return f"<{'/' * (token.nesting < 0)}{token.tag}>"
        return _text(token.content)

    def _open(self, url: str) -> str:
        self._links.append(is_link(url))
        return f'<a href="{escape(url)}" {LINK_ATTRIBUTES}>' if self._links[-1] else ""

    def _image(self, token: Token) -> str:
        url, alt = str(token.attrs.get("src", "")), _words(token.children or [])
        if self._images and is_image(url):
            return f'<img src="{escape(url)}" alt="{escape(alt)}">'
        words = _text(f"{alt} ({url})" if alt and url else alt or url)
        inside_link = any(self._links)
        if inside_link or not is_link(url):
            return words
        return f'<a href="{escape(url)}" {LINK_ATTRIBUTES}>{words}</a>'


def _block(token: Token) -> str:
    match token.type:
        case "fence" | "code_block":
            return code_block(token.content, token.info)
        case "math_block":
            return f"<p>{_math(token.content)}</p>\n"
        case "hr":
            return "<hr>\n"
        case _:
            pass
    tag = token.tag
    if token.nesting < 0 and tag in _BLOCKS | _CELLS:
        return f"</{tag}>\n"
    if tag in _CELLS:
        # The host aligns the cells of HTML to the right, those of Markdown to the left.
        align = _ALIGN.get(str(token.attrs.get("style")), "left")
        return f'<{tag} style="text-align:{align}">'
    start = token.attrs.get("start") if tag == "ol" else None
    attribute = f' start="{int(start)}"' if start is not None else ""
    opening = f"<{tag}{attribute}>" + "\n" * (tag in _ENDS_LINE)
    return opening if tag in _BLOCKS else _text(token.content)


def _math(tex: str) -> str:
    if is_harmless(tex):
        return f"<span>{escape(tex, quote=False)}</span>"
    return f"<code>{escape(tex, quote=False)}</code>"


def _text(text: str) -> str:
    def keep(found: re.Match[str]) -> str:
        return f'<span class="tex2jax_ignore">{found[0]}</span>'

    return _TEX.sub(keep, escape(text, quote=False))


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
