"""Show a model's streamed answer in a notebook: live, stoppable, kept, safe.

    import nbstream

    reply = nbstream.show(client.responses.create(..., stream=True))
    reply.text, reply.tool_calls, reply.usage, reply.outcome

================================  ===================================================
to                                write
================================  ===================================================
show a stream that you have       ``reply = nbstream.show(stream)``
go on meanwhile                   ``live = nbstream.start(stream)``, ``await live``
ask a model by its name           ``nbstream.ask("...", "openai:gpt-5.6-luna")``
ask from a cell                   ``%load_ext nbstream``, ``%%stream openai:...``
let it call functions             ``ask(..., tools=[function])``, ``nbstream.tool``
get objects                       ``ask(..., schema=list[Recipe]).parsed``
hold a conversation               ``nbstream.Chat("openai:...")``, ``chat.panel()``
race several streams              ``nbstream.race({"name": function, ...})``
loop over events, show nothing    ``for event in nbstream.events(stream): ...``
put it behind a web page           ``nbstream.web.app(chat)``, ``web.Response(stream)``
work with no key and no network   ``nbstream.offline.use()``
record what a provider sends      ``with nbstream.record("lesson.rec"): ...``
see the bytes, and when           ``reply.anatomy()``, ``reply.plot()``
catch what failed                 ``except nbstream.ProviderFailure as failure: ...``
================================  ===================================================

Submodules: ``offline`` (scripted answers), ``types`` (the events), ``errors``, ``sse``
(server-sent events), ``markdown`` (safe HTML), ``providers`` (the wire APIs), ``web``
(a page).

Names are imported when they are first used, so that ``import nbstream`` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nbstream._windows import register

if TYPE_CHECKING:
    from nbstream._ask import ask
    from nbstream._events import events
    from nbstream._live import Live, start
    from nbstream._show import last, show
    from nbstream._timeout import Timeout
    from nbstream.chat import Chat
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
    from nbstream.lab.anatomy import anatomy
    from nbstream.lab.race import Race, RaceStopped, last_race, race
    from nbstream.lab.recording import record
    from nbstream.lab.timeline import plot
    from nbstream.magic import load_ipython_extension
    from nbstream.reply import Reply
    from nbstream.screens.caption import options
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
    "options",
    "plot",
    "race",
    "record",
    "show",
    "start",
    "tool",
]

#: Where each name lives, but for the errors: it is imported when it is first used.
_HOMES = {
    name: module
    for module, names in {
        "nbstream._ask": "ask",
        "nbstream._events": "events",
        "nbstream._live": "Live start",
        "nbstream._show": "last show",
        "nbstream._timeout": "Timeout",
        "nbstream.chat": "Chat",
        "nbstream.lab.anatomy": "anatomy",
        "nbstream.lab.race": "Race RaceStopped last_race race",
        "nbstream.lab.recording": "record",
        "nbstream.lab.timeline": "plot",
        "nbstream.magic": "load_ipython_extension",
        "nbstream.reply": "Reply",
        "nbstream.screens.caption": "options",
        "nbstream.tools": "tool",
    }.items()
    for name in names.split()
}
#: Reached as ``nbstream.offline`` with no further import.
_SUBMODULES = (
    "course",
    "errors",
    "markdown",
    "offline",
    "providers",
    "sse",
    "types",
    "web",
)

register(
    {
        "anatomy": "nbstream.lab.anatomy:anatomy",
        "display": "nbstream.screens.bundle:display_reply",
        "from_sse": "nbstream._reader:read_sse",
        "from_stream": "nbstream._show:read",
        "items": "nbstream.structured_items:Items",
        "marimo": "nbstream.screens.marimo:element",
        "markdown": "nbstream.screens.bundle:markdown_of",
        "partial": "nbstream.structured_items:partial",
        "plot": "nbstream.lab.timeline:plot",
        "resume_hint": "nbstream._resumption:resume_hint",
        "to_message": "nbstream.providers:message_of",
        "to_ui_message": "nbstream.web._chunks:to_ui_message",
    }
)


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module(_HOMES.get(name, "nbstream.errors")), name)
    if name in _SUBMODULES:
        return import_module(f"nbstream.{name}")
    msg = f"module 'nbstream' has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return sorted([*__all__, *_SUBMODULES])
