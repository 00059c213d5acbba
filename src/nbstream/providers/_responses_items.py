"""The items of a response: what begins one, and what makes it whole."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from nbstream.providers._openai import fields
from nbstream.providers._read import record
from nbstream.providers._values import number, text
from nbstream.types import (
    Arguments,
    Event,
    Ignored,
    OtherPart,
    PartDone,
    Signature,
    TextDelta,
    ToolCallDelta,
)

__all__ = ["CALLS", "added", "done"]

#: The calls that the caller is to run.
CALLS = ("function_call", "custom_tool_call")


def added(event: Mapping[str, Any]) -> Sequence[Event]:
    """Begin a part. A message begins with its first words instead.

    The free text of a custom tool is given as the JSON object ``{"input": "..."}``,
    so that a call is the same whatever its kind.
    """
    raw, index = event.get("item"), number(event.get("output_index"))
    item = fields(raw)
    kind = text(item.get("type"))
    if kind in CALLS:
        call = ToolCallDelta(
            index=index,
            id=text(item.get("call_id")),
            name=text(item.get("name")),
            arguments='{"input": "' if kind == "custom_tool_call" else "",
        )
        return (call,)
    if kind == "reasoning":  # it may have no words, and must go back all the same
        return (TextDelta(text="", index=index, kind="reasoning"),)
    if kind == "message":
        return (Ignored(type=event["type"]),)
    return (OtherPart(type=kind, data=record(raw), index=index),)


def done(event: Mapping[str, Any]) -> Sequence[Event]:
    raw, index = event.get("item"), number(event.get("output_index"))
    item = fields(raw)
    events: list[Event] = []
    if item.get("type") == "function_call" and (whole := _object(item)) is not None:
        events.append(Arguments(index=index, data=whole))
    if signature := text(item.get("encrypted_content")):
        events.append(Signature(signature=signature, index=index))
    events.append(PartDone(index=index, data=record(raw)))
    return events


def _object(item: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a call's whole arguments, for servers that send no fragments."""
    try:
        found = json.loads(text(item.get("arguments")))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
