"""Ask a model by its name, and see the answer as it is written."""

from __future__ import annotations

import asyncio
import time
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, overload

from nbstream._keys import warn_of_literal
from nbstream._live import started
from nbstream._reader import Joining
from nbstream._retry import MAX_WAIT_S, Opening, Retries, retries_of
from nbstream._show import shown
from nbstream._timeout import Timeout
from nbstream.errors import UnknownNameError, UsageError
from nbstream.reply import Reply
from nbstream.requests import is_model, opened, parse_model, provider
from nbstream.requests.request import (
    Provider,
    Request,
    ToolSpec,
    as_messages,
    messages_of,
)
from nbstream.streams.referents import open_readers
from nbstream.tool_runs import Consents, ToolRun, run_calls
from nbstream.tools import Tool
from nbstream.types import Hop, Round, ToolResult

if TYPE_CHECKING:
    from nbstream._live import Live
    from nbstream.tools import Offered, Tool


# -- One turn: ask, run the calls the model makes, ask again, until it makes none.

#: How often the results of tools are sent back in one turn, if nothing else is said.
MAX_ROUNDS = 10
LIMIT = "This call was not run: the limit of {} rounds of calls in one turn is reached."

#: How often in one turn an answer that the provider has paused is gone on with.
MAX_PAUSES = 10

#: Sends a request; yields what the SDK yields.
Send: TypeAlias = Callable[[Request], AsyncIterator[object]]


@dataclass(slots=True, kw_only=True)
class Turn:
    """One question, and all it takes to answer it, as one async stream.

    Strategy: it yields what the SDK yields, and between two answers what happens to
    the calls, as events of ours. Who reads it adds all up in ``reply`` before asking
    for the next item, so when an answer has ended its calls are there to be run.
    """

    request: Request
    reply: Reply
    send: Send
    tools: Mapping[str, Tool] = field(default_factory=dict)
    max_rounds: int = MAX_ROUNDS
    consents: Consents = field(default_factory=Consents)
    retries: Retries = field(default_factory=Retries)

    async def __aiter__(self) -> AsyncGenerator[object]:
        """Ask; yield payloads of the SDK, ``ToolResult``, ``Hop`` and ``Round``."""
        yield Joining(self._join)
        for number in range(self.max_rounds + 1):
            async with aclosing(self._answers()) as answers:
                async for payload in answers:
                    yield payload
            if not self._is_to_run():
                return
            if number == self.max_rounds:
                said = LIMIT.format(self.max_rounds)
                for at in range(len(self.reply.tool_calls)):
                    yield ToolResult(call=at, state="refused", result=said)
                return
            async with aclosing(self._run(number)) as results:
                async for result in results:
                    yield result
            yield Round()

    def _join(self, reply: Reply) -> None:
        """Go on in the reply of whoever reads this; the request is sent now."""
        reply._form, reply._expected = self.reply._form, self.reply._expected
        self.reply, timing = reply, reply.timing
        if timing is not None and timing.request_sent_s is None:
            timing.request_sent_s = timing.elapsed_s(time.monotonic())

    def _is_to_run(self) -> bool:
        """Tell whether there are calls, none of them cut short, in a whole answer."""
        reply = self.reply
        states = [call.state for call in reply.tool_calls]
        whole = reply.whole and reply.error is None and "unfinished" not in states
        return bool(self.tools and states and whole) and not self._is_for_others()

    def _is_for_others(self) -> bool:
        """Tell whether a call is of a tool that is not ours: the caller's to run."""
        ours = all(isinstance(each, ToolSpec) for each in self.request.tools)
        names = {call.name for call in self.reply.tool_calls}
        return not ours and not names <= self.tools.keys()

    async def _answers(self) -> AsyncGenerator[object]:
        """Send the request; what the provider has paused, send back to be gone on with.

        It has to stay the last message, as it is
        (https://github.com/anthropics/anthropic-sdk-python/issues/1339).
        """
        paused: list[Any] = []
        for number in range(MAX_PAUSES + 1):
            async with aclosing(self._sent(paused)) as payloads:
                async for payload in payloads:
                    yield payload
            if number == MAX_PAUSES or not self._is_paused():
                return
            paused = messages_of((self.reply.to_message(),))
            yield Hop()

    def _is_paused(self) -> bool:
        """Tell whether it is to go on; a compaction that was asked for is the end."""
        reply = self.reply
        whole = reply.whole and reply.error is None and bool(reply.parts)
        asked = "compaction" in self.request.options
        return whole and reply.finish_reason == "pause" and not asked

    async def _sent(self, paused: Sequence[Any]) -> AsyncGenerator[object]:
        """Send the request; again, if it fails before anything is seen and may be."""
        own, rounds = provider(self.request.provider), self.reply.rounds
        self.reply._known_tools = frozenset(self.tools)
        before = [as_messages(each, own) for each in rounds[:-1]]
        messages = (*self.request.messages, *chain.from_iterable(before), *paused)
        told = chain.from_iterable(each.extra.items() for each in rounds)
        extra = {**self.request.extra, **dict(told)}
        request = replace(self.request, messages=messages, extra=extra)
        attempt, again = 0, True
        while again:
            again = False
            attempt += 1
            opening = Opening(self.retries, attempt)
            try:
                async with _closed(self.send(request)) as payloads:
                    async for payload in payloads:
                        for each in opening.push(payload):
                            yield each
            except Exception as error:
                again = not opening.heard and await self._waited(error, attempt)
                if not again:
                    for each in opening.rest():
                        yield each
                    raise
            else:
                for each in opening.rest():
                    yield each

    async def _waited(self, error: Exception, attempt: int) -> bool:
        """Wait before the next try; tell whether there is one."""
        self.reply.waiting = waiting = self.retries.waiting(error, attempt)
        if waiting is None:
            return False
        try:
            await asyncio.sleep(waiting.until_s - time.monotonic())
        finally:
            self.reply.waiting = None
        return True

    async def _run(self, number: int) -> AsyncGenerator[ToolResult]:
        """Run the calls of the answer; yield each change of each."""
        changes: asyncio.Queue[ToolResult | None] = asyncio.Queue()

        def changed(run: ToolRun) -> None:
            changes.put_nowait(
                ToolResult(
                    call=run.at, state=run.state, result=run.result, seconds=run.seconds
                )
            )

        async def consent(run: ToolRun) -> bool | None:
            return await self.consents.ask(f"{number}.{run.at}")

        running = asyncio.create_task(
            run_calls(
                self.reply.tool_calls,
                self.tools,
                consent=consent,
                one_by_one=self.consents.one_by_one,
                changed=changed,
            )
        )
        running.add_done_callback(lambda _: changes.put_nowait(None))
        try:
            while (change := await changes.get()) is not None:
                yield change
            await running
        finally:
            running.cancel()


@asynccontextmanager
async def _closed(
    payloads: AsyncIterator[object],
) -> AsyncGenerator[AsyncIterator[object]]:
    try:
        yield payloads
    finally:
        if isinstance(payloads, AsyncGenerator):
            readers = open_readers(payloads)
            await payloads.aclose()
            for reader in readers:
                await reader.aclose()


@overload
def ask(
    prompt: str | Sequence[Any],
    model: str,
    *,
    system: str | None = None,
    tools: Iterable[Offered] = (),
    max_tokens: int | None = None,
    reasoning_effort: str | None = None,
    schema: Any = None,
    base_url: str | None = None,
    api_key: str | None = None,
    view: str | None = None,
    timeout: float | Timeout | None = None,
    retries: int = 0,
    max_wait_s: float = MAX_WAIT_S,
    max_rounds: int = MAX_ROUNDS,
    wait: Literal[True] = True,
    keep_wire: bool = False,
    **options: Any,
) -> Reply: ...
@overload
def ask(
    prompt: str | Sequence[Any], model: str, *, wait: Literal[False], **options: Any
) -> Live: ...
def ask(
    prompt: str | Sequence[Any],
    model: str,
    *,
    system: str | None = None,
    tools: Iterable[Offered] = (),
    max_tokens: int | None = None,
    reasoning_effort: str | None = None,
    schema: Any = None,
    base_url: str | None = None,
    api_key: str | None = None,
    view: str | None = None,
    timeout: float | Timeout | None = None,
    retries: int = 0,
    max_wait_s: float = MAX_WAIT_S,
    max_rounds: int = MAX_ROUNDS,
    wait: bool = True,
    keep_wire: bool = False,
    **options: Any,
) -> Reply | Live:
    """Ask a model, show its answer as it is written, and return the reply.

    If it calls tools, they are run, their results are sent back, and it is asked again
    until it calls none: the reply is the last answer, and ``reply.rounds`` has all.

    With ``schema`` the answer is JSON, checked at the end: ``reply.parsed``. With
    ``wait=False`` it is shown in the background, as by ``nbstream.start``.

    Args:
        prompt: A question, or messages in the provider's own form.
        model: ``"provider:model"``, such as ``"anthropic:claude-haiku-5-5"``.
        system: Instructions for the model.
        tools: Functions that the model may call, each with types for its arguments;
            and tools of the service's own, as dicts, which are sent as they are.
        max_tokens: The limit of the answer, in tokens. None: the provider's.
        reasoning_effort: How much to think, in the provider's words: ``"low"``.
        schema: What the answer has to be: a pydantic model, a dataclass, a
            ``TypedDict``, a type such as ``list[Model]``, or a JSON Schema.
        base_url: Another server that speaks the same API.
        api_key: A key, from ``getpass`` and never written out. None: the environment's.
        view: As of ``nbstream.show``; so are ``timeout``, ``retries``, ``max_wait_s``.
        timeout: The longest silence, in seconds, or a ``Timeout``.
        retries: How often to call again what failed before anything was shown.
        max_wait_s: The longest wait before such a retry, in seconds.
        max_rounds: How often calls are run and their results sent back; 0: never, the
            calls are in the reply.
        wait: False: return at once, a ``Live``.
        keep_wire: Keep the bytes that come, for ``reply.anatomy()``; each round of
            ``reply.rounds`` has its own.
        options: More arguments of the SDK's call, sent as they are.

    Raises:
        ProviderFailure: the service failed; ``.reply`` holds what had arrived.
        SchemaFailure: the answer does not fit the schema; ``.reply`` has its text.
        Stopped: interrupt was pressed (a ``KeyboardInterrupt``); so is ``.reply``.
        UsageError: no such provider, or its key or package is missing.
    """
    warn_of_literal(api_key, options)
    known, shape = known_tools(tools), None
    if schema is not None:
        from nbstream.structured import shape_of

        shape = shape_of(schema)
    request = request_of(
        prompt,
        model,
        system=system,
        tools=tuple(known.values()),
        max_tokens=max_tokens,
        reasoning_effort=reasoning_effort,
        schema=shape and shape.schema,
        options=options,
    )
    turn = turn_of(
        request,
        known,
        base_url=base_url,
        api_key=api_key,
        max_rounds=max_rounds,
        retries=retries_of(retries, max_wait_s),
    )
    if shape is not None:
        turn.reply._form, turn.reply._expected = "json", shape
    play: Callable[..., Reply | Live] = shown if wait else started_turn
    return play(
        turn,
        turn.reply,
        view=view,
        timeout=timeout,
        consents=turn.consents,
        keep_wire=keep_wire,
    )


def started_turn(turn: Turn, reply: Reply, **options: Any) -> Live:
    """Show a turn in the background; an async tool may use anything of this loop."""
    is_async = any(getattr(each, "is_async", False) for each in turn.tools.values())
    return started(turn, reply, awaited="all" if is_async else "none", **options)


def turn_of(
    request: Request,
    tools: Mapping[str, Tool | Mapping[str, Any]],
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    max_rounds: int = MAX_ROUNDS,
    retries: Retries,
    reply: Reply | None = None,
) -> Turn:
    """Return the turn that answers a request, in this reply; nothing is sent yet.

    Raises:
        UsageError: a key or a package is missing, or ``max_rounds`` is no number.
    """
    if type(max_rounds) is not int or max_rounds < 0:
        msg = f"max_rounds={max_rounds!r}: expected a number from 0 upwards"
        raise UsageError(msg)
    opened(request, base_url=base_url, api_key=api_key)  # what is missing, is said now

    def send(each: Request) -> AsyncIterator[object]:
        return opened(each, base_url=base_url, api_key=api_key)()

    return Turn(
        request=request,
        reply=Reply() if reply is None else reply,
        send=send,
        tools={
            name: tool
            for name, tool in tools.items()
            if max_rounds and not isinstance(tool, Mapping)
        },
        max_rounds=max_rounds,
        retries=retries,
    )


def request_of(
    prompt: str | Sequence[Any],
    model: str,
    *,
    tools: Iterable[Offered] = (),
    images: Sequence[Path] = (),
    files: Sequence[Path] = (),
    **more: Any,
) -> Request:
    """Return the request that ``ask`` sends; nothing is opened.

    Raises:
        UsageError: there is no question, no such provider, or a tool is none.
    """
    try:
        name, own = parse_model(model)
    except UnknownNameError:
        if is_model(prompt):
            msg = f"the model comes second: the question, then {prompt!r}"
            raise UsageError(msg) from None
        raise
    if more.get("options", {}).get("stream", True) is not True:
        msg = "stream=False: an answer is always streamed; view='none' shows nothing"
        raise UsageError(msg)
    asked = provider(name)
    specs = tuple(
        each
        if isinstance(each, Mapping)
        else ToolSpec(
            name=name, description=each.description, parameters=each.parameters
        )
        for name, each in known_tools(tools).items()
    )
    return Request(
        provider=name,
        model=own,
        api=asked.api,
        messages=_messages(prompt, asked, images, files),
        tools=specs,
        **more,
    )


def _messages(
    prompt: object, asked: Provider, images: Sequence[Path], files: Sequence[Path]
) -> tuple[Any, ...]:
    """Return what is asked as messages of the provider's API."""
    if isinstance(prompt, str) and prompt:
        return (asked.user_message(prompt, images, files),)
    if isinstance(prompt, list | tuple) and prompt:
        return tuple(prompt)
    is_void = prompt is None or isinstance(prompt, str | list | tuple)
    what = "there is no question: " if is_void else ""
    wrap = "; one message goes into a list: [message]" * isinstance(prompt, Mapping)
    msg = f"{what}got {prompt!r}, expected text or a list of messages{wrap}"
    raise UsageError(msg)


def list_of(given: object, expected: str) -> list[Any]:
    """Return things as a list.

    Raises:
        UsageError: it is one thing, such as a dict or a text.
    """
    if not isinstance(given, Iterable) or isinstance(given, str | bytes | Mapping):
        raise UsageError(f"{expected}, got {given!r}")
    return list(given)


def known_tools(
    given: Iterable[Offered],
) -> Mapping[str, Tool | Mapping[str, Any]]:
    """Return the tools by their names; without any, nothing is imported for them.

    Raises:
        UsageError: one of them cannot be a tool, or two have the same name.
    """
    if isinstance(given, Sequence) and not given:
        return {}
    from nbstream.tools import tools_of

    return tools_of(given)
