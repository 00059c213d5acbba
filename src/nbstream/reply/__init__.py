"""Events in, one ``Reply`` out: the same for every provider.

Strategy: ``parts`` grow by deltas; a ``choice`` is one answer, made of its parts;
``answer`` is what is read of a reply, whether or not it has ended; ``reply`` is how it
grows and ends. ``timing`` and ``wire`` say when what came. None of it knows a clock, a
socket or a screen.
"""

from nbstream.reply.answer import Outcome, Waiting
from nbstream.reply.choice import Choice
from nbstream.reply.parts import CallState, Part, PartKind, ToolCall
from nbstream.reply.reply import Reply
from nbstream.reply.timing import Timing

__all__ = [
    "CallState",
    "Choice",
    "Outcome",
    "Part",
    "PartKind",
    "Reply",
    "Timing",
    "ToolCall",
    "Waiting",
]
