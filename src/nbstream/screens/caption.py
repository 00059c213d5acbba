"""What stands beside an answer: its caption, and the metadata of its output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from nbstream.errors import UnknownNameError, UsageError
from nbstream.markdown.html import text_html
from nbstream.reply import Reply
from nbstream.screens.base import exact
from nbstream.screens.other_parts import one_line

#: Small, and not of the answer, also where no style is left of it.
_CAPTION = '<p style="margin: 0.25em 0 0; opacity: 0.75"><small>{}</small></p>'


@dataclass
class Options:
    """What holds for all answers of this process: ``nbstream.options.caption = False``.

    Attributes:
        caption (bool): Whether a line below each shown answer says which model wrote
            it, and in how many tokens. True.
        timing (bool): Whether the metadata of an output says how long its answer took;
            then the file of a notebook changes with each run. False.

    Raises:
        UnknownNameError: there is no such option.
        UsageError: the value is neither True nor False.
    """

    caption: bool = True
    timing: bool = False

    if not TYPE_CHECKING:  # for which any name would do

        def __setattr__(self, name: str, value: object) -> None:
            known = [each.name for each in fields(self)]
            if name not in known:
                raise UnknownNameError("option", name, known)
            if not isinstance(value, bool):
                msg = f"options.{name} = {value!r}: expected True or False"
                raise UsageError(msg)
            super().__setattr__(name, value)


#: ``nbstream.options``.
options = Options()


def caption(reply: Reply) -> str:
    """Return who wrote it, and how much; "" if no model is named.

    The tokens are those of a complete answer: of others, providers count a part.
    """
    model = exact(one_line(reply.model)).encode("utf-8", "replace").decode()
    if not (model and options.caption):
        return ""
    usage = reply.usage if reply.outcome == "complete" else None
    count = usage.output_tokens if usage else None
    if count is None:
        return model
    return f"{model} · {count:,} token{'s' * (count != 1)}"


def caption_html(reply: Reply) -> str:
    """Return that line as HTML, which the live view shows too."""
    line = caption(reply)
    return _CAPTION.format(text_html(line, quote=True)) if line else ""


def metadata(reply: Reply | Mapping[str, Reply]) -> dict[str, object]:
    """Return what goes beside the output: model, usage, outcome; and timing if chosen.

    It is under ``nbstream`` in the output's metadata, which nbval does not compare.
    """
    if not isinstance(reply, Reply):
        each = {name: metadata(one)["nbstream"] for name, one in reply.items()}
        return {"nbstream": {"race": each}}
    found: dict[str, object] = {
        "api": reply.api,
        "model": reply.model,
        "outcome": reply.outcome,
        "finish_reason": reply.finish_reason,
    }
    if usage := reply.usage:
        names = ("input_tokens", "output_tokens", "total_tokens")
        found["usage"] = {name: getattr(usage, name) for name in names}
    if options.timing and reply.timing and reply.timing.end_s is not None:
        first = reply.timing.first_text_s
        found["timing"] = {
            "first_text_s": None if first is None else round(first, 3),
            "end_s": round(reply.timing.end_s, 3),
        }
    return {"nbstream": found}
