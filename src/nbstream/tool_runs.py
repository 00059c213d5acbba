"""The calls of one turn: run together, each to a result or to an error.

A record says how far each call is, a person may be asked for consent, and what the
model is told is text.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from nbstream._keys import redact
from nbstream._workers import worker
from nbstream.reply import ToolCall
from nbstream.tools import Tool, needed
from nbstream.types import ToolState

_T = TypeVar("_T")

STOPPED = "The call was stopped before it ended; there is no result."
NOBODY = "The call needs a person's consent, and nobody is there to give it."
REFUSED = "The person did not allow this call."


@dataclass(slots=True, kw_only=True)
class ToolRun:
    """One call of a tool, as far as it has come.

    Attributes:
        at: Which of the calls of one answer it is, from 0.
        id: The provider's id of the call, to be sent back with the result.
        name: The tool's name, as the model gave it.
        arguments: The JSON text exactly as the model gave it.
        state: ``waiting``, ``asking`` (for consent) and ``running``; then ``done``,
            ``failed`` (it raised), ``invalid`` (no such tool, or arguments that do not
            fit), ``refused`` (no consent) or ``stopped``.
        result: What the model is told: the result, or what went wrong; "" until then.
        value: What the function returned; None unless ``state`` is ``"done"``.
        exception: What it raised, where it did.
        seconds: How long the function itself ran, or None: it did not.
    """

    id: str
    name: str
    arguments: str
    at: int = 0
    state: ToolState = "waiting"
    result: str = ""
    value: object = None
    exception: BaseException | None = None
    seconds: float | None = None

    @property
    def is_error(self) -> bool:
        """Whether the model is told that this call brought no result."""
        return self.state in {"failed", "invalid", "refused", "stopped"}


#: Asks a person whether a call may run; None: there is nobody to ask.
Consent: TypeAlias = Callable[[ToolRun], Awaitable[bool | None]]
Changed: TypeAlias = Callable[[ToolRun], None]


async def run_calls(
    calls: Sequence[ToolCall],
    tools: Mapping[str, Tool],
    *,
    consent: Consent | None = None,
    one_by_one: asyncio.Lock | None = None,
    changed: Changed = lambda _: None,
) -> list[ToolRun]:
    """Run the calls of one turn together, and return what came of each, in order.

    Whatever goes wrong with a call is its result, for the model to read.

    Args:
        calls: The calls, as the model made them.
        tools: The tools it may call, by name.
        consent: Asks a person; None: nobody is there, so it is refused.
        one_by_one: Held while a person is asked; None: all is asked at once.
        changed: Is told of each change of a record, on the event loop's thread.

    Raises:
        asyncio.CancelledError: it was stopped; each open record says so first.
    """
    runs = [
        ToolRun(at=at, id=each.id, name=each.name, arguments=each.arguments)
        for at, each in enumerate(calls)
    ]
    pairs = zip(calls, runs, strict=True)
    await asyncio.gather(
        *(
            _Run(run, consent, one_by_one, changed).of(call, tools)
            for call, run in pairs
        )
    )
    return runs


@dataclass(frozen=True, slots=True)
class _Run:
    """One call on its way: it says in the record how far it is."""

    record: ToolRun
    consent: Consent | None
    one_by_one: asyncio.Lock | None
    changed: Changed

    async def of(self, call: ToolCall, tools: Mapping[str, Tool]) -> None:
        try:
            found, bound = _bound(call, tools)
        except ValueError as error:
            self._say("invalid", str(error))
            return
        try:
            if not found.confirm or await self._allowed():
                await self._called(found, bound)
        except asyncio.CancelledError:
            self._say("stopped", STOPPED)
            raise

    async def _allowed(self) -> bool:
        if self.consent is None:
            self._say("refused", NOBODY)
            return False
        if self.one_by_one is not None and self.one_by_one.locked():
            self._say("waiting", "")
        async with self.one_by_one or contextlib.nullcontext():
            self._say("asking", "")
            allowed = await self.consent(self.record)
        if not allowed:
            self._say("refused", NOBODY if allowed is None else REFUSED)
        return bool(allowed)

    async def _called(self, found: Tool, bound: inspect.BoundArguments) -> None:
        self._say("running", "")
        began_s = time.perf_counter()
        try:
            value = await _value(found, bound)
            text = _as_text(value)
        except BaseException as error:
            self.record.seconds = time.perf_counter() - began_s
            if not _is_its_own(error):
                raise
            self.record.exception = error
            self._say("failed", redact(f"{type(error).__name__}: {error}"))
        else:
            self.record.seconds = time.perf_counter() - began_s
            self.record.value = value
            self._say("done", text)

    def _say(self, state: ToolState, result: str) -> None:
        self.record.state, self.record.result = state, result
        self.changed(self.record)


def _bound(
    call: ToolCall, tools: Mapping[str, Tool]
) -> tuple[Tool, inspect.BoundArguments]:
    """Return the tool that is called, and with what; or raise what is wrong with it."""
    found = tools.get(call.name)
    if found is None:
        known = ", ".join(tools) or "none"
        msg = f"There is no tool {call.name!r}; known: {known}."
        raise ValueError(msg)
    if call.state != "valid":
        msg = f"The arguments are {call.state} JSON: {call.error}."
        raise ValueError(msg)
    try:
        return found, found.arguments.check(call.arguments)
    except ValueError as error:
        raise ValueError(_misfits(error)) from error


def _misfits(error: ValueError) -> str:
    """Say which arguments do not fit, and why: one line for each.

    Only pydantic's own words and the arguments' names are told, no link.
    """
    details = getattr(error, "errors", None)
    if not callable(details):
        return f"The arguments do not fit: {error}"
    lines = [
        f"- {'.'.join(map(str, each['loc'])) or 'arguments'}: {each['msg']}"
        for each in details(include_url=False, include_context=False)
    ]
    return "\n".join(["The arguments do not fit the schema:", *lines])


def _as_text(value: object) -> str:
    """Return a result as the model reads it: text as it is, all else as JSON.

    pydantic writes the JSON, so that dataclasses, models, dates and sets are known;
    what has no JSON is given as ``str`` writes it.
    """
    if isinstance(value, str):
        return value
    made: bytes = needed("pydantic_core").to_json(
        value, fallback=str, inf_nan_mode="constants", bytes_mode="base64"
    )
    return made.decode()


async def _value(found: Tool, bound: inspect.BoundArguments) -> object:
    def call() -> object:
        return found.function(*bound.args, **bound.kwargs)

    value = call() if found.is_async else await _in_thread(call)
    return await value if inspect.isawaitable(value) else value


def _is_its_own(error: BaseException) -> bool:
    """Tell an error of the function from a stop of the task that waits for it."""
    task = asyncio.current_task()
    stopping = task is not None and task.cancelling() > 0
    return not (isinstance(error, asyncio.CancelledError) and stopping)


async def _in_thread(function: Callable[[], _T]) -> _T:
    """Call a function in a thread of its own, and wait for it.

    A thread cannot be ended from outside: if the wait is cancelled, it runs on and
    what it returns is dropped. It is a daemon, so that it never holds up the end of
    the program, as the threads of an executor do.
    """
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    answers: list[_T] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            answers.append(function())
        except BaseException as error:  # noqa: BLE001 - it is raised in the waiter
            errors.append(error)
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(ended.set)

    worker(work, f"nbstream-tool-{threading.active_count()}").start()
    await ended.wait()
    if errors:
        raise errors[0]
    return answers[0]


class Consents:
    """The questions of one turn. Each is answered once; who comes later is not heard.

    Attributes:
        attached: Whether there is a screen with a person before it.
        one_by_one: Held while a question is open; None: all are open at once.
    """

    def __init__(self) -> None:
        self.attached = False
        self.one_by_one: asyncio.Lock | None = asyncio.Lock()
        self._open: dict[str, asyncio.Future[bool | None]] = {}

    async def ask(self, key: str) -> bool | None:
        """Wait for a person's word; None: there is nobody."""
        if not self.attached:
            return None
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[bool | None] = loop.create_future()
        self._open[key] = answer
        try:
            return await answer
        finally:
            del self._open[key]

    @property
    def open(self) -> tuple[str, ...]:
        """The questions that wait for an answer."""
        return tuple(self._open)

    def answer(self, key: object, allowed: bool | None) -> None:
        """Answer a question, from any thread; None: there is nobody to ask."""
        waiting = self._open.get(key) if isinstance(key, str) else None
        if waiting is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: it is over
                waiting.get_loop().call_soon_threadsafe(_settle, waiting, allowed)


def _settle(waiting: asyncio.Future[bool | None], allowed: bool | None) -> None:
    if not waiting.done():
        waiting.set_result(allowed)
