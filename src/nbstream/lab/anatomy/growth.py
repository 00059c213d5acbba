"""Note, event by event, what of a reply has changed: each part of it as a text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from nbstream.markdown.rendering import common_prefix
from nbstream.reply import Choice, Reply, ToolCall
from nbstream.reply.partial_json import PartialJson
from nbstream.types import Event, Hop, Ignored, Start, TextDelta, TextDone, Usage

SectionKind: TypeAlias = Literal[
    "reasoning", "text", "refusal", "call", "arguments", "parsed", "fact"
]
#: What a text or a count says nothing of; all other events may change everything.
_TEXTS = (TextDelta, TextDone)
_COUNTS = (Usage, Ignored, Start, Hop)
_ORDER = ("reasoning", "text", "refusal", "citations", "others", "call", "finish")
_LAST = ("model", "usage", "ignored", "error", "outcome")


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One thing that is accumulated, such as the text, or a call's arguments.

    Attributes:
        key: Its name in changes and snapshots, such as ``"0/call/0/arguments"``.
        title: What to call it.
        kind: What it is; ``fact`` is a line about the answer.
    """

    key: str
    title: str
    kind: SectionKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A text's end is replaced: ``dropped`` goes, ``added`` comes in its place."""

    key: str
    dropped: str
    added: str


def apply(texts: Mapping[str, str], changes: Iterable[Change]) -> dict[str, str]:
    """Return the texts as they are after the changes."""
    after = dict(texts)
    for change in changes:
        old = after.get(change.key, "")
        after[change.key] = old[: len(old) - len(change.dropped)] + change.added
    return after


class Growth:
    """A reply as texts; asked after each event, it says which of them changed."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self.texts: dict[str, str] = {}
        self._partials: dict[str, PartialJson] = {}

    def after(self, events: Iterable[Event]) -> tuple[Change, ...]:
        """Return what these events, which the reply has had already, changed."""
        found: dict[str, str] = {}
        rest = []
        for event in events:
            if isinstance(event, _TEXTS):
                choice = next(c for c in self._reply.choices if c.index == event.choice)
                found[f"{choice.index}/{event.kind}"] = choice.text_of(event.kind)
            else:
                rest.append(event)
        if rest:
            counts = all(isinstance(event, _COUNTS) for event in rest)
            found |= dict(self._facts() if counts else self._everything())
        return tuple(self._changes(found))

    def finish(self) -> tuple[Change, ...]:
        """Return what the end of the stream changed."""
        return tuple(self._changes(dict(self._everything())))

    def sections(self) -> list[Section]:
        """Return what there was, in the order in which to show it."""
        many = len(self._reply.choices) > 1
        return [_section(key, many) for key in sorted(self.texts, key=_place)]

    def _all_of(self, choice: Choice) -> Iterator[tuple[str, str]]:
        at = f"{choice.index}"
        for kind in ("reasoning", "text", "refusal"):
            yield f"{at}/{kind}", choice.text_of(kind)
        running = self._reply.outcome == "running"
        for number, call in enumerate(choice.tool_calls(running=running)):
            yield from self._call(f"{at}/call/{number}", call)
        sources = [dict(each) for part in choice for each in part.citations]
        yield f"{at}/citations", "\n".join(map(_json, sources))
        others = [part.type for part in choice if part.kind == "other"]
        yield f"{at}/others", "\n".join(others)
        if choice.finish is not None:
            raw = choice.finish.raw_reason
            word = choice.finish_reason or ""
            yield f"{at}/finish", word if raw == word else f"{word} (it said: {raw})"

    def _call(self, key: str, call: ToolCall) -> Iterator[tuple[str, str]]:
        error = f": {call.error}" if call.error else ""
        yield key, f"{call.name} · {call.state}{error}"
        yield f"{key}/arguments", call.arguments
        old = self.texts.get(f"{key}/arguments", "")
        if not old or not call.arguments.startswith(old):
            old, self._partials[key] = "", PartialJson()
        self._partials[key].feed(call.arguments[len(old) :])
        yield f"{key}/parsed", self._partials[key].closed

    def _everything(self) -> Iterator[tuple[str, str]]:
        for each in self._reply.choices:
            yield from self._all_of(each)
        yield from self._facts()

    def _facts(self) -> Iterator[tuple[str, str]]:
        reply = self._reply
        yield "model", reply.model
        if reply.usage is not None:
            yield "usage", _counts(reply.usage)
        ignored = [f"{type_} ({count})" for type_, count in reply.ignored.items()]
        yield "ignored", "\n".join(ignored)
        if reply.error is not None:
            yield "error", f"{reply.error.type}: {reply.error.message}"
        yield "outcome", reply.outcome

    def _changes(self, found: Mapping[str, str]) -> Iterator[Change]:
        for key, text in found.items():
            old = self.texts.get(key, "")
            if text == old:
                continue
            same = len(old) if text.startswith(old) else common_prefix(old, text)
            yield Change(key=key, dropped=old[same:], added=text[same:])
            self.texts[key] = text


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _counts(usage: Usage) -> str:
    said = {
        "input": usage.input_tokens,
        "output": usage.output_tokens,
        "reasoning": usage.reasoning_tokens,
        "cached": usage.cached_tokens,
        "total": usage.total_tokens,
    }
    return " · ".join(f"{name} {n:,}" for name, n in said.items() if n is not None)


def _place(key: str) -> tuple[int, int, tuple[int, int]]:
    """Give a key's place in the order of showing."""
    if key in _LAST:
        return (1 << 30, _LAST.index(key), (0, 0))
    choice, kind, *more = key.split("/")
    number = int(more[0]) if more else 0
    part = ("arguments", "parsed").index(more[1]) + 1 if more[1:] else 0
    return (int(choice), _ORDER.index(kind), (number, part))


_TITLES: Mapping[str, str] = {
    "citations": "Sources",
    "others": "Other parts",
    "finish": "Finish reason",
    "ignored": "Not shown",
    "arguments": "Arguments, as they came",
    "parsed": "Arguments, read so far",
}
_KINDS: Mapping[str, SectionKind] = {kind: kind for kind in get_args(SectionKind)}


def _section(key: str, many: bool) -> Section:
    parts = key.split("/")
    name = parts[-1]
    kind = _KINDS.get(name, "fact")
    title = _TITLES.get(name, name.capitalize())
    if name.isdigit():
        kind, title = "call", f"Tool call {int(name) + 1}"
    if many and len(parts) > 1:
        title = f"Answer {int(parts[0]) + 1}: {title}"
    return Section(key=key, title=title, kind=kind)
