"""Run the calls of one turn: all together, each to a result or to an error."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeAlias

from nbstream._keys import redact
from nbstream.reply import ToolCall
from nbstream.tools.records import ToolRun, ToolState
from nbstream.tools.results import as_text, misfits
from nbstream.tools.threads import in_thread
from nbstream.tools.tool import Tool

__all__ = ["STOPPED", "Consent", "run_calls"]

#: Asks a person whether a call may run; None: there is nobody to ask.
Consent: TypeAlias = Callable[[ToolRun], Awaitable[bool | None]]
Changed: TypeAlias = Callable[[ToolRun], None]

STOPPED = "The call was stopped before it ended; there is no result."
NOBODY = "The call needs a person's consent, and nobody is there to give it."
REFUSED = "The person did not allow this call."


async def run_calls(
    calls: Sequence[ToolCall],
    tools: Mapping[str, Tool],
    *,
    consent: Consent | None = None,
    changed: Changed = lambda _: None,
) -> list[ToolRun]:
    """Run the calls of one turn together, and return what came of each, in order.

    Whatever goes wrong with a call is its result, for the model to read.

    Args:
        calls: The calls, as the model made them.
        tools: The tools it may call, by name.
        consent: Asks a person; None: nobody is there, so it is refused.
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
        *(_Calling(run, tools, consent, changed).run(call) for call, run in pairs)
    )
    return runs


class _Calling:
    """One call on its way, and its record."""

    def __init__(
        self,
        run: ToolRun,
        tools: Mapping[str, Tool],
        consent: Consent | None,
        changed: Changed,
    ) -> None:
        self._run = run
        self._tools = tools
        self._consent = consent
        self._changed = changed

    async def run(self, call: ToolCall) -> None:
        try:
            await self._checked(call)
        except asyncio.CancelledError:
            self._say("stopped", STOPPED)
            raise

    async def _checked(self, call: ToolCall) -> None:
        found = self._tools.get(call.name)
        if found is None:
            known = ", ".join(self._tools) or "none"
            self._say("invalid", f"There is no tool {call.name!r}; known: {known}.")
            return
        if call.state != "valid":
            said = f"The arguments are {call.state} JSON: {call.error}."
            self._say("invalid", said)
            return
        try:
            bound = found.arguments.check(call.arguments)
        except ValueError as error:
            self._say("invalid", misfits(error))
            return
        if not found.confirm or await self._allowed():
            await self._called(found, bound)

    async def _allowed(self) -> bool:
        if self._consent is None:
            self._say("refused", NOBODY)
            return False
        self._say("asking", "")
        allowed = await self._consent(self._run)
        if not allowed:
            self._say("refused", NOBODY if allowed is None else REFUSED)
        return bool(allowed)

    async def _called(self, found: Tool, bound: inspect.BoundArguments) -> None:
        self._say("running", "")
        began_s = time.perf_counter()
        try:
            value = await _value(found, bound)
            text = as_text(value)
        except BaseException as error:
            self._run.seconds = time.perf_counter() - began_s
            if not _is_its_own(error):
                raise
            self._run.exception = error
            self._say("failed", redact(f"{type(error).__name__}: {error}"))
        else:
            self._run.seconds = time.perf_counter() - began_s
            self._run.value = value
            self._say("done", text)

    def _say(self, state: ToolState, result: str) -> None:
        self._run.state, self._run.result = state, result
        self._changed(self._run)


async def _value(found: Tool, bound: inspect.BoundArguments) -> object:
    def call() -> object:
        return found.function(*bound.args, **bound.kwargs)

    value = call() if found.is_async else await in_thread(call)
    return await value if inspect.isawaitable(value) else value


def _is_its_own(error: BaseException) -> bool:
    """Tell an error of the function from a stop of the task that waits for it."""
    task = asyncio.current_task()
    stopping = task is not None and task.cancelling() > 0
    return not (isinstance(error, asyncio.CancelledError) and stopping)
