"""What ``--format`` makes of an answer: text, Markdown, code, JSON."""

from __future__ import annotations

from typing import Any

from nbstream.errors import UnknownNameError
from nbstream.markdown.parser import parse
from nbstream.reply import Reply

__all__ = ["FORMATS", "first_code", "hand_over_code", "reply_of"]

#: What ``--format`` may be.
FORMATS = ("text", "markdown", "code", "json")


def reply_of(format_: str | None) -> Reply:
    """Return the empty reply that will be shown in this format.

    Raises:
        UnknownNameError: there is no such format.
    """
    if format_ is not None and format_ not in FORMATS:
        raise UnknownNameError("format", format_, FORMATS)
    reply = Reply()
    if format_ == "text":
        reply.form = "text"
    elif format_ == "json":
        from nbstream.structured import AnyJson

        reply.form, reply.expected = "json", AnyJson()
    return reply


def hand_over_code(reply: Reply, shell: Any) -> None:
    """Put the first block of code into the next cell, where it waits to be run."""
    code = first_code(reply.text)
    if code is None:
        print("No block of code in the answer: the next cell stays as it is.")  # noqa: T201
    else:
        shell.set_next_input(code, replace=False)


def first_code(text: str) -> str | None:
    """Return the first block of code between fences; None: there is none, or half."""
    lines = text.split("\n")
    for token in parse(text)[0]:
        if token.type == "fence" and token.map is not None:
            fence, end = token.markup, lines[token.map[1] - 1].strip(" >")
            closed = token.map[1] - 1 > token.map[0] and not end.strip(fence[0])
            return token.content.rstrip() if closed and len(end) >= len(fence) else None
    return None
