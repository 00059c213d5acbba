"""``app``: a chat, or a function, behind a web page and the clients of the AI SDK."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from inspect import iscoroutinefunction
from typing import Any, TypeAlias

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.responses import Response as Base
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from nbstream._timeout import Timeout
from nbstream.chat import Chat
from nbstream.errors import UsageError
from nbstream.reply import ToolCall
from nbstream.static import chat_page
from nbstream.tool_runs import ToolRun, run_calls
from nbstream.types import Stream
from nbstream.web._chunks import Chunk, Chunks, ended_badly, result_chunk, words_of
from nbstream.web._consent import Consent
from nbstream.web._messages import MAX_BYTES, Approval, BadRequest, Messages, read
from nbstream.web._response import Response
from nbstream.web._transmission import HOLD_S, STALL_S, Transmission, pieces

#: Answers what was asked: gives what ``nbstream.show`` takes; it may be async.
Answer: TypeAlias = Callable[[Messages], Stream | Awaitable[Stream]]

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
FULL = "There are too many readers just now. Try again"
#: How long a client may take to send its request, in seconds.
BODY_S = 30.0


class App:
    """Serves one chat, or one function, to any number of pages.

    It is an ASGI app; ``nbstream.web.app`` says what its arguments are. The state of a
    conversation is the client's: here are only the streams that run.

    Attributes:
        hosts: The names under which it answers; ``"*"`` is any.
        origins: Other sites whose pages may ask, and show its page in a frame.
    """

    def __init__(
        self,
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
    ) -> None:
        given: object = answer
        if not callable(given):
            msg = f"app() takes a Chat or a function, got {type(answer).__name__}"
            raise UsageError(msg)
        self._chat = answer if isinstance(answer, Chat) else None
        self._function = None if isinstance(answer, Chat) else answer
        self.hosts = tuple(each.lower() for each in (*LOOPBACK, *hosts))
        self.origins = tuple(each.rstrip("/").lower() for each in origins)
        self._max_streams = max_streams
        self._max_bytes = max_bytes
        self._linger_s = linger_s
        self._heartbeat_s = heartbeat_s
        self._timeout = timeout
        own = secret.encode() if isinstance(secret, str) else secret
        self._consent = Consent(own or secrets.token_bytes(32))
        self._title = title or (self._chat.model if self._chat else "nbstream")
        self._running: dict[str, Transmission] = {}
        self._starlette = Starlette(
            routes=[
                Route("/", self._page, methods=["GET"]),
                Route("/health", self._health, methods=["GET"]),
                Route("/api/chat", self._ask, methods=["POST", "OPTIONS"]),
                Route(
                    "/api/chat/{id:path}/stream",
                    self._resume,
                    methods=["GET", "OPTIONS"],
                ),
                Route(
                    "/api/chat/{id:path}/stop", self._stop, methods=["POST", "OPTIONS"]
                ),
                WebSocketRoute("/api/ws", self._websocket),
            ],
            lifespan=self._lifespan,
        )

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve a request, unless it comes from another site's page."""
        if scope["type"] not in {"http", "websocket"}:
            await self._starlette(scope, receive, send)
            return
        refused = self._refusal(HTTPConnection(scope))
        if refused is None:
            await self._starlette(scope, receive, send)
        elif scope["type"] == "http":
            await refused(scope, receive, send)
        else:
            await receive()
            await send({"type": "websocket.close", "code": 1008})

    # -- who may ask -----------------------------------------------------------------

    def _refusal(self, request: HTTPConnection) -> Base | None:
        """Return why a request is not served, or None.

        A page of another site may send its reader's browser here (CSRF), also under a
        name of its own that leads to this machine (DNS rebinding).
        """
        host = _name_of(request.headers.get("host", ""))
        if host not in self.hosts and "*" not in self.hosts:
            return _plain_text(
                f"This server does not answer as {host!r:.80}: "
                "name it in nbstream.web.app(..., hosts=[...]).",
                421,
            )
        if not self._is_own(request):
            return _plain_text("Another site's page may not ask here.", 403)
        return None

    def _is_own(self, request: HTTPConnection) -> bool:
        origin = request.headers.get("origin", "").rstrip("/").lower()
        if origin and origin in self.origins:
            return True
        site = request.headers.get("sec-fetch-site")
        if site is not None:
            followed = request.headers.get("sec-fetch-mode") == "navigate"
            simple = request.scope.get("method") == "GET" and not origin and followed
            return site in {"same-origin", "none"} or simple
        scheme, _, name = origin.partition("://")
        port = {"http": ":80", "https": ":443"}.get(scheme, "")
        host = request.headers.get("host", "").lower().removesuffix(port)
        return not origin or (bool(host) and name.removesuffix(port) == host)

    def _allowed(self, request: Request, answer: Base) -> Base:
        """Let a page of an allowed other site read the answer."""
        origin = request.headers.get("origin", "")
        if origin.rstrip("/").lower() in self.origins:
            answer.headers["access-control-allow-origin"] = origin
            answer.headers["access-control-allow-headers"] = "content-type"
            answer.headers["vary"] = "origin"
        return answer

    # -- the routes ------------------------------------------------------------------

    async def _page(self, request: Request) -> Base:
        lingers = self._linger_s > 0
        html, policy = chat_page(self._title, lingers=lingers, frames=self.origins)
        headers = {"content-security-policy": policy, "referrer-policy": "no-referrer"}
        return HTMLResponse(html, headers=headers)

    async def _health(self, request: Request) -> Base:
        return PlainTextResponse("ok")

    async def _ask(self, request: Request) -> Base:
        if request.method == "OPTIONS":
            return self._allowed(request, Base(status_code=204))
        try:
            asked = read(await self._body(request), max_bytes=self._max_bytes)
            run = self._open(asked)
        except BadRequest as error:
            return self._allowed(request, _plain_text(error.sentence, error.status))
        except ClientDisconnect:
            return Base(status_code=400)  # nobody reads it
        except UsageError as error:
            return self._allowed(request, _plain_text(words_of(error), 500))
        html = asked.body.get("html") is True
        return self._allowed(request, self._response(run, asked, html=html))

    async def _body(self, request: Request) -> bytes:
        kind = request.headers.get("content-type", "").partition(";")[0].strip()
        if kind.lower() != "application/json":
            raise BadRequest("expected content-type: application/json", 415)
        found = bytearray()
        try:
            async with asyncio.timeout(BODY_S):
                async for piece in request.stream():
                    found += piece
                    if len(found) > self._max_bytes:
                        most = f"{self._max_bytes:,} bytes"
                        raise BadRequest(f"the request has over {most}", 413)
        except TimeoutError:
            raise BadRequest(f"the request took over {BODY_S:g} s", 408) from None
        return bytes(found)

    async def _resume(self, request: Request) -> Base:
        run = self._taken_up(request.path_params["id"])
        if run is None or request.method != "GET":
            return self._allowed(request, Base(status_code=204))
        if run.readers >= self._max_streams:
            return self._allowed(request, _plain_text(f"{FULL}.", 503))
        html = request.query_params.get("html") == "1"
        return self._allowed(request, self._response(run, None, html=html))

    async def _stop(self, request: Request) -> Base:
        if request.method == "POST":
            run = self._running.get(request.path_params["id"])
            if run is not None:
                run.stop()
        return self._allowed(request, Base(status_code=204))

    def _response(
        self, run: Transmission, asked: Messages | None, *, html: bool
    ) -> Response:
        made = Response(run, heartbeat_s=self._heartbeat_s, html=html)
        made.chunks = partial(self._chunks, run, html=html)
        return made

    def _chunks(self, run: Transmission, *, html: bool = False) -> Chunks:
        chat = run.name

        def approval(id_: str, call: ToolCall) -> str:
            return self._consent.sign(chat, id_, call.name, call.parsed)

        return Chunks(
            run.reply, message_id=run.message_id, html=html, approval=approval
        )

    # -- what is asked ---------------------------------------------------------------

    def _open(self, asked: Messages) -> Transmission:
        """Begin to answer; a stream of the same conversation that runs still ends."""
        running = {id_: run for id_, run in self._running.items() if not run.ended}
        if (before := running.get(asked.id)) is not None:
            before.stop()
        elif len(running) >= self._max_streams:
            raise BadRequest(FULL, 503)
        run = self._transmission(asked)
        run.name = asked.id
        key = asked.id or secrets.token_urlsafe(12)
        run.message_id = asked.message_id or f"msg-{secrets.token_urlsafe(12)}"
        run.linger_s = self._linger_s
        self._running[key] = run
        run.start()
        run.on_end(partial(self._ended, key, run))
        return run

    def _ended(self, key: str, run: Transmission) -> None:
        """Forget a stream that has ended; later, if a reader may come for its end."""
        if not run.linger_s:
            self._forget(key, run)
        else:
            loop = asyncio.get_running_loop()
            loop.call_later(run.linger_s, self._forget, key, run)

    def _forget(self, key: str, run: Transmission) -> None:
        if self._running.get(key) is run:
            del self._running[key]

    def _taken_up(self, id_: str) -> Transmission | None:
        """Return the stream of a conversation, unless somebody has had all of it."""
        run = self._running.get(id_)
        return None if run is None or run.told else run

    def _transmission(self, asked: Messages) -> Transmission:
        if self._function is not None:
            answer = self._function
            # A synchronous client's call is made in the thread that reads the answer.
            is_async = iscoroutinefunction(answer)
            stream = answer(asked) if is_async else lambda: answer(asked)
            return Transmission(stream, timeout=self._timeout)
        assert self._chat is not None
        chat = self._chat

        def turn() -> Any:
            asking = chat.turn(asked.to(chat.api))
            asking.consents = self._consent
            return asking

        prelude = partial(self._settle, asked) if asked.approvals else None
        return Transmission(turn, timeout=self._timeout, prelude=prelude)

    async def _settle(self, asked: Messages) -> AsyncIterator[Chunk]:
        """Run the calls that were allowed; what came of them goes into the messages."""
        assert self._chat is not None
        results = {each.call[0]: each for each in asked.messages if each.who == "tool"}
        for approval in asked.approvals:
            call, result = approval.call, results[approval.call.id]
            if self._consent.allows(asked.id, approval):
                run = await self._run(approval)
                result.text, result.is_error = run.result, run.is_error
                yield result_chunk(call.id, run.state, run.result)
            else:
                said = f" They said: {approval.reason}" if approval.reason else ""
                result.text = f"The person did not allow this call.{said}"
                yield result_chunk(call.id, "refused", "")

    async def _run(self, approval: Approval) -> ToolRun:
        assert self._chat is not None
        call = ToolCall(
            id=approval.call.id,
            name=approval.call.name,
            arguments=approval.call.arguments,
            parsed=json.loads(approval.call.arguments),
            state="valid",
            error="",
            index=None,
        )

        async def consent(_: ToolRun) -> bool:
            return True

        ours = {
            name: tool
            for name, tool in self._chat.tools.items()
            if not isinstance(tool, Mapping)
        }
        (run,) = await run_calls([call], ours, consent=consent)
        return run

    # -- the client's own socket -----------------------------------------------------

    async def _websocket(self, socket: WebSocket) -> None:
        """Serve ``WebSocketChatTransport``: several requests over one socket."""
        await socket.accept()
        tasks: dict[str, asyncio.Task[None]] = {}
        try:
            while True:
                frame = _frame(await socket.receive(), self._max_bytes)
                request = str(frame.get("requestId", ""))[:200]
                if frame.get("type") == "abort" and request in tasks:
                    tasks[request].cancel()
                elif frame.get("type") in {"send", "resume"} and request not in tasks:
                    full = len(tasks) >= self._max_streams
                    answering = self._answer(socket, request, frame, full=full)
                    task = tasks[request] = asyncio.create_task(answering)
                    task.add_done_callback(partial(_dropped, tasks, request))
        except (WebSocketDisconnect, BadRequest):
            pass
        finally:
            for task in list(tasks.values()):
                task.cancel()
            if tasks:
                await asyncio.wait(list(tasks.values()))
            with suppress(RuntimeError, WebSocketDisconnect):
                await socket.close()

    async def _answer(
        self, socket: WebSocket, request: str, frame: Mapping[str, Any], *, full: bool
    ) -> None:
        with suppress(RuntimeError, WebSocketDisconnect, TimeoutError):  # it has left
            await self._frames(socket, request, frame, full=full)

    async def _frames(
        self, socket: WebSocket, request: str, frame: Mapping[str, Any], *, full: bool
    ) -> None:
        async def say(kind: str, **more: object) -> None:
            async with asyncio.timeout(STALL_S):
                await socket.send_json({"type": kind, "requestId": request, **more})

        try:
            run = self._asked_over(frame, full=full)
        except UsageError as error:
            await say("error", errorText=words_of(error))
            return
        if run is None:
            await say("no-active")
            return
        sequence = 0
        async with run.reading():
            await say("start")
            await run.begun(HOLD_S)
            if run.failed_at_once:  # a chunk would be an empty message
                await say("error", errorText=ended_badly(run.reply))
                return
            async for piece in pieces(run, self._chunks(run), 3600.0):
                for chunk in piece:
                    await say("chunk", sequence=sequence, chunk=chunk)
                    sequence += 1
        await say("end")

    def _asked_over(
        self, frame: Mapping[str, Any], *, full: bool
    ) -> Transmission | None:
        if full:
            raise BadRequest(FULL, 503)
        if frame["type"] == "resume":
            return self._taken_up(str(frame.get("id")))
        more = frame.get("body")
        return self._open(read({**(more if isinstance(more, dict) else {}), **frame}))

    # -- the end ---------------------------------------------------------------------

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """End all streams before the server gives up."""
        try:
            yield
        finally:
            await self.close()

    async def close(self) -> None:
        """End all streams, and wait until their connections are closed."""
        running = list(self._running.values())
        await asyncio.gather(*(run.close() for run in running))


def _dropped(
    tasks: dict[str, asyncio.Task[None]], request: str, _: asyncio.Task[None]
) -> None:
    tasks.pop(request, None)


def _name_of(host: str) -> str:
    """Return the name in a ``Host`` header, without the port."""
    host = host.lower()
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0].removesuffix(".")


def _plain_text(text: str, status: int) -> Base:
    headers = {"retry-after": "5"} if status == 503 else None
    return PlainTextResponse(text, status, headers)


def _frame(message: Mapping[str, Any], max_bytes: int) -> Mapping[str, Any]:
    """Return a client's frame.

    Raises:
        BadRequest: it is none.
        WebSocketDisconnect: the client has left.
    """
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect
    text = message.get("text") or ""
    if len(text) > max_bytes:
        raise BadRequest("a frame is too large", 413)
    try:
        frame = json.loads(text)
    except (ValueError, RecursionError):
        raise BadRequest("a frame is no JSON") from None
    if not isinstance(frame, dict):
        raise BadRequest("a frame is no JSON object")
    return frame
