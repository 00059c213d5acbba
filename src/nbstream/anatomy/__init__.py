"""Take a stream apart: its bytes, the events they hold, what has been added up.

    nbstream.anatomy(data, api="openai.chat")     # pasted bytes
    nbstream.anatomy(nbstream.record.load("lesson.rec")[0])
    reply.anatomy()

``nbstream.anatomy`` is the function `anatomy`; these are the types of what it gives.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbstream.anatomy.body import Anatomy
    from nbstream.anatomy.growth import Change, Section
    from nbstream.anatomy.reads import Cut
    from nbstream.anatomy.sources import anatomy
    from nbstream.anatomy.steps import Step
    from nbstream.reply.wire import Read

__all__ = ["Anatomy", "Change", "Cut", "Read", "Section", "Step", "anatomy"]

_HOME = {
    "Anatomy": "body",
    "Change": "growth",
    "Cut": "reads",
    "Section": "growth",
    "Step": "steps",
    "anatomy": "sources",
}


def __getattr__(name: str) -> Any:
    if name == "Read":
        return import_module("nbstream.reply.wire").Read
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
