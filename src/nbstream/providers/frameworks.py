"""What libraries yield that hide the wire: plain strings, LangChain's chunks, Ollama's.

A chunk of theirs is read as the chunk of Chat Completions that says the same. Of what
nobody reads it is found out where its text is.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from nbstream._failures import parsed
from nbstream.providers.payloads import get, items, text
from nbstream.types import End, Event, Ignored, TextDelta

if TYPE_CHECKING:
    from nbstream.reply import Reply


@dataclass(frozen=True, slots=True)
class Framework:
    """A provider of what one library yields."""

    API: str
    matches: Callable[[object], bool]
    normalize: Callable[[object], Sequence[Event]]
    to_message: Callable[[Reply], object]


# -- Plain strings: each one is more text of the answer.


def _string(payload: object) -> Sequence[Event]:
    """Turn one string into its event; an empty one says nothing.

    Strings have no terminal marker: who hands them over knows when they are all.
    """
    if not isinstance(payload, str):
        return (Ignored(type=type(payload).__name__),)
    return (TextDelta(text=payload),) if payload else ()


def _said(reply: Reply) -> dict[str, object]:
    """Return the answer in the form most APIs read."""
    return {"role": "assistant", "content": reply.text}


TEXT = Framework("text", lambda payload: isinstance(payload, str), _string, _said)

# -- LangChain: what `.stream()` and `.astream()` yield, LangGraph's pairs of it and of
# metadata, and the events of `.astream_events()` (langchain-core 1.8).

_REASONS = {"end_turn": "stop", "stop_sequence": "stop", "eos": "stop"} | {
    **{"max_tokens": "length", "model_length": "length", "tool_use": "tool_calls"},
}


def _message_in(payload: object) -> object:
    if isinstance(payload, tuple) and payload:
        return payload[0]
    if isinstance(payload, Mapping) and text(payload.get("event")).startswith("on_"):
        return get(payload.get("data"), "chunk")
    return payload


def _is_langchain(payload: object) -> bool:
    is_event = isinstance(payload, Mapping) and {"event", "run_id"} <= payload.keys()
    return is_event or get(_message_in(payload), "type") == "AIMessageChunk"


def _langchain(payload: object) -> Sequence[Event]:
    message = _message_in(payload)
    if get(message, "type") != "AIMessageChunk":
        return (Ignored(type=text(get(payload, "event")) or type(message).__name__),)
    told = get(message, "response_metadata")
    reasons = map(told.get, ("finish_reason", "stop_reason", "done_reason"))
    word = next((text(reason) for reason in reasons if reason), "")
    content, thoughts = _blocks(get(message, "content"))
    delta = {"content": content, "reasoning_content": thoughts}
    calls = [
        {
            "index": get(call, "index"),
            "id": get(call, "id"),
            "function": {"name": get(call, "name"), "arguments": get(call, "args")},
        }
        for call in items(get(message, "tool_call_chunks"))
    ]
    counts = get(message, "usage_metadata")
    events = _chat(
        get(message, "id"),
        told.get("model_name"),
        delta | ({"tool_calls": calls} if calls else {}),
        _REASONS.get(word.lower(), word.lower()),
        counts and (counts.get("input_tokens"), counts.get("output_tokens")),
    )
    is_last = get(message, "chunk_position") == "last" and not word
    return (*events, End()) if is_last else events


def _blocks(content: object) -> tuple[str, str]:
    """Return the text and the reasoning of a content: a string, or a list of blocks."""
    if isinstance(content, str):
        return content, ""
    said, thought = [], []
    for block in items(content):
        if isinstance(block, str) or get(block, "type") == "text":
            said.append(block if isinstance(block, str) else text(get(block, "text")))
        for each in (block, *items(get(block, "summary"))):
            is_text = each is not block
            names = ("thinking", "reasoning", *(("text",) if is_text else ()))
            thought += [text(get(each, name)) for name in names]
    return "".join(said), "".join(thought)


def _chat(
    id_: object, model: object, delta: Mapping[str, Any], reason: object, counts: Any
) -> Sequence[Event]:
    """Return the events of the chunk of Chat Completions that says the same."""
    said = {name: value for name, value in delta.items() if value}
    begins = {"role": "assistant"} if model or reason else {}
    choice = {"index": 0, "delta": begins | said, "finish_reason": reason or None}
    names = ("prompt_tokens", "completion_tokens")
    usage = dict(zip(names, counts, strict=True)) if counts else None
    if usage and all(isinstance(count, int) for count in counts):
        usage["total_tokens"] = sum(counts)
    chunk = {"object": "chat.completion.chunk", "id": id_, "model": model}
    from nbstream.providers import openai_chat  # strings need none of it

    return openai_chat.normalize({**chunk, "choices": [choice], "usage": usage})


def _langchain_message(reply: Reply) -> dict[str, object]:
    from nbstream.providers import openai_chat

    return openai_chat.to_message(reply)


LANGCHAIN = Framework("langchain", _is_langchain, _langchain, _langchain_message)

# -- Ollama's own API: `ollama.chat(..., stream=True)` and `.generate` (ollama 0.6), or
# their JSON.


def _is_ollama(payload: object) -> bool:
    spoken = (get(payload, "message"), get(payload, "response"))
    return type(get(payload, "done")) is bool and spoken != (None, None)


def _ollama(payload: object) -> Sequence[Event]:
    message = get(payload, "message")
    delta = {
        "content": get(message, "content") or get(payload, "response"),
        "reasoning_content": get(message, "thinking") or get(payload, "thinking"),
        "tool_calls": list(_ollama_calls(message)),
    }
    done = get(payload, "done") is True
    reason = done and (get(payload, "done_reason") or "stop")
    counts = (get(payload, "prompt_eval_count"), get(payload, "eval_count"))
    known = done and counts != (None, None) and counts
    return _chat(None, get(payload, "model"), delta, reason, known)


def _ollama_calls(message: object) -> Iterator[dict[str, object]]:
    for call in items(get(message, "tool_calls")):
        function = get(call, "function")
        arguments = json.dumps(get(function, "arguments") or {}, ensure_ascii=False)
        named = {"name": get(function, "name"), "arguments": arguments}
        yield {"function": named}


def _ollama_message(reply: Reply) -> dict[str, object]:
    calls = [
        {"function": {"name": call.name, "arguments": json.loads(call.arguments)}}
        for call in reply.tool_calls
        if call.state == "valid"
    ]
    return _said(reply) | ({"tool_calls": calls} if calls else {})


OLLAMA = Framework("ollama", _is_ollama, _ollama, _ollama_message)

# -- What nobody reads: where its text is, so that it can be said how to pass that.

#: How the names of texts end, the surest first: LlamaIndex's ``text`` is the sum.
_TEXTS = (
    "delta",
    "text",
    "content",
    "token",
    "output",
    "answer",
    "response",
    "message",
)
#: What strings are called that are no text of an answer.
_NO_TEXT = re.compile(
    r"(?i)(^|_)(id|role|model|object|name|status|reason|version|time|url|source|context|"
    r"tag|key|json|prompt|query|input|instructions|system)$|(type|kind|event)$|[a-z]I[dD]$"
)
#: What tells what an item is; and what an item is that only begins.
_KIND, _BEGINS = re.compile(r"(?i)(type|kind|^event)$"), re.compile("(?i)start|begin")
#: About as many values are looked at.
_MOST = 300


class Found(NamedTuple):
    """Where a text is, the likeliest first: ``test`` is what is true of such items."""

    unsure: bool
    deep: int
    rank: int
    path: str
    test: str

    @property
    def begins(self) -> bool:
        """Whether the item only begins: its text is not where that of others is."""
        return _BEGINS.search(self.test) is not None


def find_text(item: object, path: str = "c") -> Found | None:
    """Return where the text of an item is; None: nowhere that can be seen."""
    found, ahead = [], [("", item, Found(True, 0, len(_TEXTS), path, ""))]
    for name, value, at in ahead:  # it grows: what is near comes first
        if isinstance(value, bytes):
            is_json = isinstance(parsed(value.decode("utf-8", "replace")), Mapping)
            path = f"json.loads({at.path})" if is_json else at.path  # Bedrock's
            found.append(at._replace(unsure=False, path=path))
        elif not isinstance(value, str):
            ahead += _inside(value, name, at) if len(ahead) < _MOST else ()
        elif value and not _NO_TEXT.search(name):
            fits = (i for i, end in enumerate(_TEXTS) if name.lower().endswith(end))
            rank = next(fits, at.rank)
            found.append(at._replace(unsure=rank == at.rank, rank=rank))
    best = min(found, default=None)
    return None if best and best.unsure and len(found) > 1 else best


def _inside(value: object, name: str, at: Found) -> Iterator[tuple[str, object, Found]]:
    """Give what a value holds, and where; no code of it is run."""
    known: Mapping[Any, object]
    if in_brackets := isinstance(value, Mapping | list | tuple):
        known = value if isinstance(value, Mapping) else dict(enumerate(value))
    else:  # of a property, or a slot, it is only seen that there is one
        kept = {each: inspect.getattr_static(type(value), each, 0) for each in _TEXTS}
        names = [each for each in kept if inspect.isdatadescriptor(kept[each])]
        known = {**dict.fromkeys(names, "?"), **getattr(value, "__dict__", {})}
    test = f"{_quoted(next(iter(known)))} in {at.path}" if len(known) == 1 else ""
    test = test if isinstance(value, Mapping) else ""
    paths = {}
    for key, inner in known.items():
        paths[key] = f"{at.path}[{_quoted(key)}]" if in_brackets else f"{at.path}.{key}"
        if isinstance(inner, str) and _KIND.search(str(key)):
            test = f"{paths[key]} == {_quoted(inner)}"
    test = " and ".join(filter(None, (at.test, test)))
    for key in paths:
        if not str(key).startswith("_"):
            said = key if isinstance(key, str) else name
            held = at._replace(deep=at.deep + 1, path=paths[key], test=test)
            yield said, known[key], held


def _quoted(key: object) -> str:
    return json.dumps(key, ensure_ascii=False) if isinstance(key, str) else repr(key)
