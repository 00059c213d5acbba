"""The answer's text in the form it is to be read in: Markdown, plain text, JSON."""

from __future__ import annotations

import re
from html import escape

from nbstream.markdown import to_html
from nbstream.reply import Choice, Reply
from nbstream.screens.json_layout import Layout

__all__ = ["Json", "fenced", "html_of", "plain_of"]

_FENCE = re.compile(r"\s*[`~]{3,}\w*[ \t]*\n")
#: Longer than any fence that a text is likely to hold, so that it is never closed.
_LONG = "`" * 24


class Json:
    """A JSON answer as it grows, laid out.

    The object that holds the value under ``key`` is left out, and so is a code fence
    before it. What begins with no brace or bracket is given as it came.
    """

    def __init__(self, key: str | None = None) -> None:
        self._key = key
        self._seen = 0
        self._head: str | None = ""  # what may be left out, until that is known
        self._layout: Layout | None = None
        self._made: list[str] = []

    @classmethod
    def of(cls, reply: Reply) -> Json:
        """Return an empty one for this reply."""
        return cls(reply.expected.key if reply.expected else None)

    def grow(self, text: str) -> str:
        """Return all of it laid out, now that this is the text."""
        added, self._seen = text[self._seen :], len(text)
        if self._head is not None:
            added = self._begin(self._head + added)
        self._made.append(self._layout.feed(added) if self._layout else added)
        return "".join(self._made)

    def end(self, text: str) -> str:
        """Return all of it, now that nothing more comes."""
        self.grow(text)
        rest = self._layout.finish() if self._layout else self._head
        self._head = None
        self._made.append(rest or "")
        return "".join(self._made)

    def _begin(self, text: str) -> str:
        """Take off what is left out; nothing is given until that is known."""
        self._head = text
        start = _FENCE.match(text)
        body = text[start.end() if start else 0 :].lstrip()
        if not body or (not start and body[0] in "`~" and "\n" not in body):
            return ""
        if body[0] not in "{[":
            self._head = None
            return text
        before = None
        if self._key is not None and body[0] == "{":
            if ":" not in body:
                return ""
            before = re.match(rf'\{{\s*"{self._key}"\s*:\s*', body)
        inside, alone = before is not None, start is not None
        self._head, self._layout = None, Layout(inside=inside, alone=alone)
        return body[before.end() if before else 0 :]


def plain_of(choice: Choice, reply: Reply) -> str:
    """Return the choice's text as plain text; JSON is laid out, if it is any."""
    if reply.form != "json" or reply.misfit is not None:
        return choice.text
    return Json.of(reply).end(choice.document)


def html_of(choice: Choice, reply: Reply, *, images: bool = False) -> str:
    """Return the choice's text as safe HTML."""
    match reply.form:
        case "text":
            # Inline, for the saved output: nothing else is there to break long lines.
            return f'<pre style="white-space: pre-wrap">{escape(choice.text)}</pre>'
        case "json":
            return to_html(fenced(plain_of(choice, reply)))
        case "markdown":
            return to_html(choice.text, images=images)


def fenced(code: str, *, open_end: bool = False) -> str:
    """Return JSON as a block of code in Markdown, which may go on."""
    return f"{_LONG}json\n{code}" + ("" if open_end else f"\n{_LONG}")
