"""The growing reply as sections of safe HTML, and what of them changed since last time.

A section is one piece of the final output (the reasoning, the text, a call, the last
line), so that what is seen live is what stays. Each is a list of blocks, and changes
by frames: see ``nbstream.markdown.rendering.Frame``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from html import escape
from typing import Any, TypeAlias

from nbstream.markdown.html import shortened
from nbstream.markdown.rendering import Frame, Rendering, changes, units
from nbstream.reply import Choice, Part, Reply, ToolCall
from nbstream.screens.base import exact
from nbstream.screens.bundle import (
    call_html,
    calls,
    fenced,
    html_of,
    is_cut,
    other_html,
    refusal_html,
    run_html,
    status_html,
    title_html,
)
from nbstream.screens.caption import caption_html
from nbstream.screens.json_layout import Json, laid_out, plain_of, standing
from nbstream.screens.other_parts import Stage, pieces, stage_of
from nbstream.types import ToolResult

#: What a part that is no text costs at most, as an open block of so many characters.
MOST_OPEN = 50_000
#: A frame as the page gets it, see ``_Written.sent``.
SentFrame: TypeAlias = Mapping[str, object]

#: Half a character, which no message can carry.
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_EMPTY = {"keep": 0, "html": (), "code": None, "line": "", "replaced": ()}

#: What is said beside a call whose arguments may go on.
_STANDING = {
    "open": "arguments are arriving …",
    "valid": "arguments are arriving … valid so far",
    "invalid": "arguments are arriving … not valid JSON",
}


class Sections:
    """Everything the page shows, section by section."""

    def __init__(self, *, images: bool = False) -> None:
        #: The largest block that was open, and all the text: what a frame costs.
        self.open_chars = 0
        self.chars = 0
        self._images = images
        self._round = 0
        self._chars_before = 0
        self._written: dict[str, _Written] = {}
        self._json: dict[str, Json] = {}
        self._fixed: dict[str, str] = {}
        self._others: dict[str, tuple[Mapping[str, object], str, Stage]] = {}

    def changes(self, reply: Reply) -> dict[str, SentFrame]:
        """Return the sections that changed since the last call, by their keys.

        Keys, their numbers read as numbers, sort as the sections stand on the page.
        """
        self.open_chars = 0
        self.chars = self._chars_before
        found: dict[str, SentFrame] = {}
        for number, each in enumerate(reply.rounds[self._round :], self._round):
            found |= self._changes(each, number)
            size = sum(len(one.text) + len(one.reasoning) for one in each.choices)
            self.chars += size
            if each is not reply:
                self._round, self._chars_before = number + 1, self.chars
        return found

    def snapshot(self) -> dict[str, SentFrame]:
        """Return all sections, each with one frame for an empty page."""
        written = {key: each.whole() for key, each in self._written.items()}
        return written | {key: {"html": [html]} for key, html in self._fixed.items()}

    def _changes(self, reply: Reply, number: int) -> Iterator[tuple[str, SentFrame]]:
        ended = reply.outcome != "running"
        before = f"r{number}." if number else ""  # nearly always there is but one
        for choice in reply.choices:
            at = f"{before}{choice.index}"
            if len(reply.choices) > 1:
                yield from self._html(f"{at}.0.title", title_html(choice, reply))
            every, cut = pieces(choice, reply), is_cut(choice, reply)
            if choice.reasoning:
                key, goes_on = f"{at}.1.reasoning", cut and not any(every)
                text = choice.reasoning
                yield from self._markdown(key, text, False, ended, cut=goes_on)
            yield from self._pieces(f"{at}.2", choice, reply)
            if choice.refusal:
                yield from self._html(f"{at}.3.refusal", refusal_html(choice))
            for index, call in enumerate(calls(choice, reply)):
                html = _call_html(call, f"{number}.{index}")
                yield from self._html(f"{at}.4.call.{index}", html)
        if line := status_html(reply):
            yield from self._html(f"{before}z.status", line)

    def _pieces(
        self, before: str, choice: Choice, reply: Reply
    ) -> Iterator[tuple[str, SentFrame]]:
        every, cut = pieces(choice, reply), is_cut(choice, reply)
        for at, each in enumerate(every):
            goes_on = cut and at == len(every) - 1
            place = f"{before}.x{at}" if at else before  # digits would sort too early
            if isinstance(each, Part):
                stage = stage_of(each, choice, reply)
                yield from self._other(f"{place}.other", each, stage)
            elif each:
                yield from self._text(f"{place}.text", each, reply, cut=goes_on)

    def _other(
        self, key: str, part: Part, stage: Stage
    ) -> Iterator[tuple[str, SentFrame]]:
        """Show a part that is no text: it is read again where something is new."""
        now = (part.data, part.text, stage)
        before = self._others.get(key)
        if before is None or before[0] is not now[0] or before[1:] != now[1:]:
            self._others[key] = now
            seen = self.open_chars
            yield from self._html(key, other_html(part, stage))
            # An image is sent once, and is no work of the page's from then on.
            self.open_chars = max(seen, min(self.open_chars, MOST_OPEN))

    def _text(
        self, key: str, text: str, reply: Reply, *, cut: bool
    ) -> Iterator[tuple[str, SentFrame]]:
        ended = reply.outcome != "running"
        if reply._form == "text":
            yield from self._html(key, html_of(text, reply))
        elif reply._form == "json":
            json = self._json.setdefault(key, Json.of(reply))
            whole = plain_of(text, reply) if ended else json.grow(text)
            source = fenced(whole, open_end=not ended)
            yield from self._markdown(key, source, False, ended)
        else:
            yield from self._markdown(key, text, self._images, ended, cut=cut)

    def _html(self, key: str, html: str) -> Iterator[tuple[str, SentFrame]]:
        html, before = _SURROGATE.sub("\ufffd", html), self._fixed.get(key, "")
        if html != before:
            self._fixed[key] = html
            _, keep, added = changes([before], [html], whole=False)
            yield key, {"keep": keep, "html": added}
        self.open_chars = max(self.open_chars, len(html))

    def _markdown(
        self, key: str, text: str, images: bool, ended: bool, *, cut: bool = False
    ) -> Iterator[tuple[str, SentFrame]]:
        written = self._written.get(key)
        if written is None or not written.goes_on(text, ended):
            self._written[key] = written = _Written(images)
        frame = written.frame(text, ended, cut=cut)
        if frame is not None:
            self.open_chars = max(self.open_chars, frame.tail_chars)
            yield key, written.sent(frame)  # an empty one takes the tail away


class _Written:
    """One text in Markdown, as it grows."""

    def __init__(self, images: bool) -> None:
        self._rendering = Rendering(images=images)
        self._size = 0
        self._closed = 0
        self._ended = False
        self._text = ""

    def goes_on(self, text: str, ended: bool) -> bool:
        """Tell whether this begins with what has been shown; read at the end only."""
        if not ended:
            return len(text) >= self._size
        return self._ended or text.startswith(self._text)

    def frame(self, text: str, ended: bool, *, cut: bool) -> Frame | None:
        """Return what is new, now that this is the text."""
        if self._ended:
            return None
        size, self._size, self._text = self._size, len(text), text
        self._rendering.feed(text[size:])
        self._ended = ended
        if not ended:
            return self._rendering.frame()
        return self._rendering.finish(cut=cut)

    def sent(self, frame: Frame) -> SentFrame:
        """Return the next frame as the page gets it, without what goes without saying.

        That is what is empty, and what is where the tail began: after the blocks that
        were closed before.
        """
        usual = {**_EMPTY, "at": self._closed, "closed": self._closed}
        self._closed = frame.closed
        every = {each.name: getattr(frame, each.name) for each in fields(frame)}
        return {name: every[name] for name in usual if every[name] != usual[name]}

    def whole(self) -> SentFrame:
        """Return all of it, as a frame for an empty page."""
        blocks, line = self._rendering.blocks, self._rendering.line
        return {"html": blocks, "closed": self._closed, "line": line}


def _call_html(call: ToolCall, name_of_call: str) -> str:
    if call.state != "open":
        made = call_html(replace(call, run=None))
        return f"{made}\n{_run_html(call.run, name_of_call)}" if call.run else made
    name, code = escape(exact(call.name)), escape(exact(laid_out(call.arguments)))
    note = f'<span class="nbstream-note">{_STANDING[standing(call.arguments)]}</span>'
    return (
        f"<p>Tool call <code>{name}</code> {note}</p>\n<pre><code>{code}</code></pre>"
    )


def _run_html(run: ToolResult, call: str) -> str:
    """Return what came of a call, with what only the live view says: time, a question.

    The buttons are the page's own doing by what they are told to answer:
    see ``answer.js``.
    """
    if run.state == "asking":
        words = ("Allow", "Refuse")
        buttons = (
            f'<button class="nbstream-consent" value="{word} {call}">{word}</button>'
            for word in words
        )
        return run_html(run, f" {' '.join(buttons)}")
    if run.seconds is None:
        return run_html(run)
    return run_html(run, f' <span class="nbstream-note">{_seconds(run.seconds)}</span>')


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 0.05 else f"{seconds * 1000:.0f} ms"


# -- what is said beside the text: what goes on, and how long it took -----------------

_PHASES = {"reasoning": "thinking", "tool_call": "calling", "other": "working"}


class Facts:
    """The facts so far, and which of them are new."""

    def __init__(self) -> None:
        self.all: dict[str, object] = {"phase": "waiting"}
        self._rounds = 1
        self._thinking_since_s: float | None = None

    def new(self, reply: Reply, elapsed_s: float) -> Mapping[str, object]:
        """Return what has changed, so long after the request.

        ``phase`` is waiting, thinking, writing, working, calling, running, asking or
        ended; ``first_s`` is when the first token came; ``thought_s`` stands still
        once the model writes, and ``thought_chars`` is told as often; ``end_s`` and
        ``outcome`` come with the end; ``caption`` is HTML.
        """
        kind = reply.parts[-1].kind if reply.parts else ""
        phase = _PHASES.get(kind, "writing") if kind else "waiting"
        if reply._calling:
            phase = "asking" if reply._asking else "running"
        if reply.outcome != "running":
            phase = "ended"
        found: dict[str, object] = {"phase": phase}
        first_s, end_s = _moments(reply)
        if phase == "ended" and "end_s" not in self.all:
            end_s = elapsed_s if end_s is None else end_s
            found |= {"end_s": round(end_s, 3), "outcome": reply.outcome}
        if kind and "first_s" not in self.all:
            found["first_s"] = round(elapsed_s if first_s is None else first_s, 3)
        if line := caption_html(reply):
            found["caption"] = line
        if len(reply.rounds) != self._rounds:
            self._rounds, self._thinking_since_s = len(reply.rounds), None
            self.all.pop("thought_s", None)
        if reply.reasoning:
            if self._thinking_since_s is None:
                self._thinking_since_s = elapsed_s
            if phase == "thinking" or "thought_s" not in self.all:
                found["thought_s"] = round(elapsed_s - self._thinking_since_s)
            if phase != "thinking" or found["thought_s"] != self.all.get("thought_s"):
                found["thought_chars"] = len(reply.reasoning)
        return self._changed(found)

    def retrying(
        self, seconds_left: int, why: str, elapsed_s: float
    ) -> Mapping[str, object]:
        """Return what has changed, now that the request is sent again soon."""
        at_s = round(elapsed_s + seconds_left, 2)
        return self._changed({"phase": "waiting", "retry": {"at_s": at_s, "why": why}})

    def _changed(self, found: Mapping[str, object]) -> Mapping[str, object]:
        changed = {key: found[key] for key in found if found[key] != self.all.get(key)}
        self.all |= changed
        return changed


def _moments(reply: Reply) -> tuple[float | None, float | None]:
    """Return when the first token came and when it ended, if its timing knows that."""
    if reply.timing is None:
        return None, None
    first_s, sent_s = reply.timing.time_to_first_token_s, reply.timing.request_sent_s
    return None if first_s is None else first_s + (sent_s or 0.0), reply.timing.end_s


# -- the messages, as short as can be: most say that a text goes on -------------------

_FENCE = {"at", "code", "line"}


@dataclass(slots=True)
class _Section:
    """What a page has of a section: how many blocks, of them closed, an open line."""

    blocks: int = 0
    closed: int = 0
    line: str = ""


class FrameMessages:
    """Numbers the frames and words them; knows what a page has by now."""

    def __init__(self) -> None:
        self.seq = 0
        #: The last section of the last frame.
        self.last = ""
        self._sections: dict[str, _Section] = {}

    def next(
        self, sections: Mapping[str, Mapping[str, Any]], facts: Mapping[str, object]
    ) -> object:
        """Return the message of the next frame.

        It is ``[seq, keep, html]`` where only the last block of the section that was
        sent last has changed, and ``[seq, code, keep, line]`` where that block is a
        fence which goes on, whose open line keeps so much; else it says each thing by
        its name.
        """
        self.seq += 1
        goes_on = not facts and list(sections) == [self.last]
        said = [self._taken(key, frame) for key, frame in sections.items()]
        self.last = [self.last, *sections][-1]
        if goes_on and said[0]:
            return [self.seq, *said[0]]
        changed = shortened(sections)
        return {"kind": "frame", "seq": self.seq, "sections": changed, **facts}

    def _taken(self, key: str, frame: Mapping[str, Any]) -> list[object]:
        """Note what the page will have; return the frame in short, if it can be."""
        section = self._sections.setdefault(key, _Section())
        at, html = frame.get("at", section.closed), frame.get("html", ())
        short: list[object] = []
        names = set(frame) - {"at"}
        if names <= {"keep", "html"} and len(html) == 1 and at == section.blocks - 1:
            short = [frame.get("keep", 0), shortened(html[0])]
        elif "code" in frame and set(frame) <= _FENCE and at == section.blocks:
            keep, added = _gained(section.line, frame.get("line", ""))
            short = [shortened(frame["code"]), keep, shortened(added)]
        section.blocks = at + len(html)
        section.closed = frame.get("closed", section.closed)
        section.line = frame.get("line", "")
        return short


def _gained(before: str, line: str) -> tuple[int, str]:
    _, keep, added = changes([before], [line], whole=False)
    return (keep, added[0]) if added else (units(line), "")
