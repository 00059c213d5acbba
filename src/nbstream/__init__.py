"""Show a model's streamed answer in a notebook: live, stoppable, kept, safe.

    import nbstream

    reply = nbstream.show(client.responses.create(..., stream=True))
    reply.text, reply.tool_calls, reply.usage, reply.outcome

Names are imported when they are first used, so that ``import nbstream`` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbstream._timeout import Timeout
    from nbstream.anatomy import anatomy
    from nbstream.asking import ask
    from nbstream.chat import Chat
    from nbstream.ended import last
    from nbstream.errors import (
        AuthenticationFailure,
        ConnectionFailure,
        ContentFilterFailure,
        NbstreamError,
        OverloadedFailure,
        ProtocolError,
        ProtocolFailure,
        ProviderFailure,
        RateLimitFailure,
        RequestFailure,
        SchemaFailure,
        ServiceFailure,
        Stopped,
        TimeoutFailure,
        UnknownNameError,
        UsageError,
    )
    from nbstream.iteration import events
    from nbstream.live import Live
    from nbstream.magic import load_ipython_extension
    from nbstream.racing import Race, RaceStopped, last_race, race
    from nbstream.record import record
    from nbstream.reply import Reply
    from nbstream.showing import show, start
    from nbstream.timeline import plot
    from nbstream.tools import tool

__version__ = "0.1.0"
__all__ = [
    "AuthenticationFailure",
    "Chat",
    "ConnectionFailure",
    "ContentFilterFailure",
    "Live",
    "NbstreamError",
    "OverloadedFailure",
    "ProtocolError",
    "ProtocolFailure",
    "ProviderFailure",
    "Race",
    "RaceStopped",
    "RateLimitFailure",
    "Reply",
    "RequestFailure",
    "SchemaFailure",
    "ServiceFailure",
    "Stopped",
    "Timeout",
    "TimeoutFailure",
    "UnknownNameError",
    "UsageError",
    "__version__",
    "anatomy",
    "ask",
    "events",
    "last",
    "last_race",
    "load_ipython_extension",
    "plot",
    "race",
    "record",
    "show",
    "start",
    "tool",
]

_HOME = {
    "Chat": "chat",
    "Live": "live",
    "last": "ended",
    "show": "showing",
    "start": "showing",
    "anatomy": "anatomy",
    "ask": "asking",
    "events": "iteration",
    "load_ipython_extension": "magic",
    "plot": "timeline",
    "Race": "racing",
    "RaceStopped": "racing",
    "last_race": "racing",
    "race": "racing",
    "record": "record",
    "Reply": "reply",
    "NbstreamError": "errors",
    "AuthenticationFailure": "errors",
    "ConnectionFailure": "errors",
    "ContentFilterFailure": "errors",
    "OverloadedFailure": "errors",
    "ProtocolFailure": "errors",
    "RateLimitFailure": "errors",
    "RequestFailure": "errors",
    "SchemaFailure": "errors",
    "ServiceFailure": "errors",
    "TimeoutFailure": "errors",
    "Timeout": "timeout",
    "tool": "tools",
    "ProtocolError": "errors",
    "ProviderFailure": "errors",
    "Stopped": "errors",
    "UnknownNameError": "errors",
    "UsageError": "errors",
}
#: Reached as ``nbstream.offline`` with no further import.
_SUBMODULES = ("errors", "offline", "providers", "sse")

# These are names of ours and submodules. Loading a submodule once, here, and dropping
# the name it leaves makes `nbstream.types` the function for good, while
# `from nbstream.events import TextDelta` finds the submodule.
for _name in ("anatomy", "events", "record"):
    import_module(f"nbstream.{_name}")
    globals().pop(_name, None)  # a reload finds it gone


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"nbstream.{_HOME[name]}"), name)
    if name in _SUBMODULES:
        return import_module(f"nbstream.{name}")
    msg = f"module 'nbstream' has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return sorted(__all__)
