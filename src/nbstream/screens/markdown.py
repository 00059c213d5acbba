"""One reply as Markdown that any tool may render.

All of it is made safe in one pass, and not piece by piece: a piece that is safe by
itself may not be so behind another (a code fence that the text leaves open turns
what is code, and so left alone, into what is not).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from nbstream.markdown import to_safe_markdown
from nbstream.markdown.parser import parse
from nbstream.reply import Choice, Reply
from nbstream.screens.forms import plain_of
from nbstream.screens.words import calls, ran, result, state, status

__all__ = ["markdown_of", "markdown_of_several", "said_in"]


def markdown_of(reply: Reply, *, images: bool = False) -> str:
    """Return the reply as Markdown: its text, and what else there is, in words."""
    return _safe(list(_pieces(reply)), images)


def markdown_of_several(replies: Mapping[str, Reply], *, images: bool = False) -> str:
    """Return several replies as Markdown, each under its name."""
    said: list[str] = []
    for name, reply in replies.items():
        said += [f"### {_MARKS.sub(_escaped, ' '.join(name.split()))}", *_pieces(reply)]
    return _safe(said, images)


def said_in(reply: Reply) -> list[str]:
    """Return the pieces of that Markdown before it is made safe, for more to follow.

    None of them leaves a code fence open for the next one.
    """
    return list(map(_closed, _pieces(reply)))


def _safe(said: list[str], images: bool) -> str:
    said[:-1] = map(_closed, said[:-1])
    return to_safe_markdown("\n\n".join(said), images=images)


#: What a name may hold that means something in Markdown.
_MARKS = re.compile(r"[\\`*_{}\[\]()#+!|<>$~&]")


def _escaped(found: re.Match[str]) -> str:
    return f"\\{found[0]}"


def _pieces(reply: Reply) -> Iterator[str]:
    for one in reply.rounds:
        yield from _round(one)


def _round(reply: Reply) -> Iterator[str]:
    for choice in reply.choices:
        if len(reply.choices) > 1:
            yield f"**Answer {choice.index + 1} of {len(reply.choices)}**"
        yield from _choice(choice, reply)
    if line := status(reply):
        yield f"*{line}*"


def _choice(choice: Choice, reply: Reply) -> Iterator[str]:
    if choice.text and reply.form == "json":
        yield _fenced(plain_of(choice, reply), "json")
    elif choice.text:
        yield choice.text
    if choice.refusal:
        yield f"Refused: {choice.refusal}"
    for call in calls(choice, reply):
        code = _fenced(call.arguments, "json")
        yield f"Tool call {call.name}{state(call)}\n\n{code}"
        if call.run is not None:
            yield ran(call.run)
            if call.run.result:
                yield _fenced(result(call.run), "text")


def _fenced(text: str, language: str) -> str:
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text}\n{fence}"


def _closed(text: str) -> str:
    """Close a code fence left open, so that what follows is not part of the code."""
    try:
        tokens, _ = parse(text)
    except RecursionError:
        return text
    last = tokens[-1] if tokens else None
    if last is None or last.type != "fence" or last.map is None:
        return text
    lines = text.rstrip().splitlines()
    end = lines[-1].strip()
    closed = last.map[0] < len(lines) - 1 and end == last.markup[0] * len(end)
    if closed and len(end) >= len(last.markup):
        return text
    return f"{text.rstrip()}\n{last.markup}"
