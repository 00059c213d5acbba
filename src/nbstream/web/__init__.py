"""Put a stream behind a web page: what streams in a notebook streams there too.

    from nbstream import web

    return web.Response(lambda: client.responses.create(..., stream=True))   # FastAPI
    app = web.app(nbstream.Chat("openai:gpt-5.6-luna"))        # uvicorn answers:app
    web.open(app)                                              # below a notebook's cell

It speaks the UI message stream protocol, which ``useChat`` of the AI SDK (5 to 7)
reads, and plain JavaScript or ``curl -N`` as well: server-sent events. When the browser
leaves, the provider's connection is closed, also that of a synchronous client.

It needs Starlette, uvicorn and websockets: ``pip install "nbstream[web]"``.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from nbstream._workers import THREADS
from nbstream.errors import UsageError
from nbstream.web._chunks import ui_messages
from nbstream.web._messages import MAX_BYTES, BadRequest, Messages, read
from nbstream.web._transmission import HEADERS, chunks, encode

if TYPE_CHECKING:
    from nbstream._timeout import Timeout
    from nbstream.chat import Chat
    from nbstream.web._application import Answer, App
    from nbstream.web._response import Response
    from nbstream.web._server import Server, open  # noqa: A004 - it is web.open

__all__ = [
    "HEADERS",
    "App",
    "BadRequest",
    "Messages",
    "Response",
    "Server",
    "app",
    "chunks",
    "encode",
    "open",
    "read",
    "ui_messages",
]

_NO_SOCKETS = (
    "a page has no sockets, so nothing can be served from it: run this where Python is "
    "installed"
)
#: Where the names live that need Starlette or uvicorn.
_HOMES = {
    "App": "_application",
    "Response": "_response",
    "Server": "_server",
    "open": "_server",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(_loaded(_HOMES[name]), name)
    msg = f"module 'nbstream.web' has no attribute {name!r}"
    raise AttributeError(msg)


def _loaded(module: str) -> Any:
    """Return a module of ours that needs the packages of the extra ``web``.

    Raises:
        UsageError: one of them is missing, or we are in a page, which cannot serve.
    """
    if not THREADS:
        raise UsageError(_NO_SOCKETS)
    try:
        return import_module(f"nbstream.web.{module}")
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in {"starlette", "uvicorn"}:
            raise
        msg = f'nbstream.web needs {error.name}: %pip install "nbstream[web]"'
        raise UsageError(msg) from None


def app(
    answer: Chat | Answer,
    *,
    hosts: Sequence[str] = (),
    origins: Sequence[str] = (),
    max_streams: int = 100,
    max_bytes: int = MAX_BYTES,
    linger_s: float = 0.0,
    heartbeat_s: float = 15,
    timeout: float | Timeout | None = None,
    secret: str | bytes | None = None,
    title: str = "",
) -> App:
    """Return an ASGI app that puts a chat, or a function, behind a web page.

    ``uvicorn answers:app`` serves it; ``nbstream.web.open(app)`` does in a notebook.

    ====================================  =============================================
    ``POST /api/chat``                    a question; the answer streams (``useChat``)
    ``GET /api/chat/{id}/stream``         the answer that is streaming, from its start
    ``POST /api/chat/{id}/stop``          stop it
    ``WS /api/ws``                        the same, for ``WebSocketChatTransport``
    ``GET /``                             a page to chat with
    ``GET /health``                       ``ok``
    ====================================  =============================================

    Args:
        answer: A ``Chat``, of which only the settings count: model, system, tools and
            options; each client keeps its own conversation. Or a function that gets
            ``Messages`` and returns what ``nbstream.show`` takes, or
            ``chat.turn(messages)``; it may be async.
        hosts: The names under which it is reached, such as ``"chat.example.com"``,
            besides this machine's own; ``"*"`` is any.
        origins: Other sites whose pages may ask, and show its page in a frame, such as
            ``"https://example.com"``.
        max_streams: How many answers may stream at once; more get a 503.
        max_bytes: The largest request, in bytes.
        linger_s: How long an answer goes on when its reader has left, in seconds, and
            how long it is kept if it ends meanwhile, so that a page that is loaded
            again finds it. 0: it is stopped at once.
        heartbeat_s: After so many seconds of silence a comment is sent.
        timeout: The longest silence of the provider, in seconds, or a ``Timeout``.
        secret: What signs the requests for consent to tool calls. Several processes
            need the same. None: each process makes one.
        title: The page's title; by itself the model's name.

    Raises:
        UsageError: that can answer nothing, or a package is missing.
    """
    made: App = _loaded("_application").App(
        answer,
        hosts=hosts,
        origins=origins,
        max_streams=max_streams,
        max_bytes=max_bytes,
        linger_s=linger_s,
        heartbeat_s=heartbeat_s,
        timeout=timeout,
        secret=secret,
        title=title,
    )
    return made
