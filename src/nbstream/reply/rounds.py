"""A turn of several answers: each but the last one has its tool calls run."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from nbstream.types import TextDelta

if TYPE_CHECKING:
    from nbstream.reply import Reply
    from nbstream.reply.arriving import Arriving
    from nbstream.reply.choice import Choice

__all__ = ["INVALID", "answerable", "noted", "taken"]

_Reply = TypeVar("_Reply", bound="Arriving")

#: Under this key goes back what a model wrote as arguments and is no JSON object
#: (https://platform.claude.com/docs/en/agents-and-tools/tool-use/fine-grained-tool-streaming).
INVALID = "INVALID_JSON"


def taken(reply: _Reply) -> _Reply:
    """Take the answer that has come out of the reply, which begins the next one.

    The times stay with the reply: they are the whole turn's.
    """
    done, blank = type(reply)(), type(reply)(reply.api)
    stays = ("_earlier", "timing", "shown_in", "form", "expected", "live")
    kept = {name: vars(reply)[name] for name in stays}
    kept["_usage_rounds"] = reply.usage
    vars(done).update(vars(reply), _earlier=[], _usage_rounds=None, timing=None)
    vars(reply).update(vars(blank), **kept)
    done.end()
    return done


def answerable(reply: Reply) -> Reply:
    """Return a copy in which a call with invalid arguments can be sent back.

    The model has to read what was wrong with a call, so the call must be there; but
    an API takes an object and no other text.
    """
    return _copied(reply, _mend)


def noted(reply: Reply, note: str) -> Reply:
    """Return a copy that says something more behind its text."""

    def add(choice: Choice) -> None:
        choice.add_text(TextDelta(text=note))

    return _copied(reply, add)


def _copied(reply: Reply, change: Callable[[Choice], None]) -> Reply:
    made = type(reply)()
    vars(made).update(vars(reply), _choices=copy.deepcopy(reply._choices))
    change(made._choice(min(made._choices, default=0)))
    return made


def _mend(choice: Choice) -> None:
    calls = [part for part in choice.parts if part.kind == "tool_call"]
    for part, call in zip(calls, choice.tool_calls(running=False), strict=True):
        if call.state == "invalid":
            part.replace(json.dumps({INVALID: call.arguments}, ensure_ascii=False))
