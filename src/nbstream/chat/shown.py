"""A conversation as a static output: safe HTML, safe Markdown and plain text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from nbstream.chat.transcript import Exchange
from nbstream.markdown import to_safe_markdown
from nbstream.screens.bundle import bundle, markdown_pieces

__all__ = ["conversation", "to_markdown"]


def conversation(exchanges: Sequence[Exchange], note: str = "") -> dict[str, str]:
    """Return the MIME bundle of a conversation, below a line that says something.

    What a person asked stands there as text: nothing in it is markup.
    """
    html, plain = [], []
    if note:
        html.append(f"<p><em>{escape(note)}</em></p>")
        plain.append(note)
    for each in exchanges:
        answer = bundle(each.reply)
        html += [_asked_html(each), answer["text/html"]]
        plain += [f"You: {_asked(each)}", answer["text/plain"]]
    return {
        "text/html": "\n".join(filter(None, html)),
        "text/markdown": to_markdown(exchanges) or f"*{note}*",
        "text/plain": "\n\n".join(filter(None, plain)),
    }


def to_markdown(exchanges: Iterable[Exchange]) -> str:
    """Return a conversation as Markdown that any tool may render.

    The questions are quotes: Markdown in them is Markdown, and a fence that one leaves
    open ends with it. All of it is made safe in one pass, as an answer is.
    """
    said = [
        part
        for each in exchanges
        for part in (_quoted(each), *markdown_pieces(each.reply))
    ]
    return to_safe_markdown("\n\n".join(said))


def _asked(exchange: Exchange) -> str:
    files = f"[{', '.join(exchange.files)}]" if exchange.files else ""
    return "\n".join(filter(None, [exchange.question, files]))


def _asked_html(exchange: Exchange) -> str:
    lines = escape(_asked(exchange)).replace("\n", "<br>\n")
    return f"<blockquote><p><strong>You</strong><br>\n{lines}</p></blockquote>"


def _quoted(exchange: Exchange) -> str:
    lines = ["**You**", "", *_asked(exchange).splitlines()]
    return "\n".join(f"> {line}".rstrip() for line in lines)
