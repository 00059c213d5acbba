"""One turn: ask, run the calls the model makes, ask again, until it makes none."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TypeAlias

from nbstream.events import Round, ToolResult
from nbstream.failures.at_once import FailedAtOnce, failure_in
from nbstream.models import Request, provider
from nbstream.models.history import as_messages
from nbstream.reply import Reply
from nbstream.retry import Retries
from nbstream.source.reach import open_readers
from nbstream.tools.calling import run_calls
from nbstream.tools.consent import Consents
from nbstream.tools.records import ToolRun
from nbstream.tools.tool import Tool

__all__ = ["MAX_ROUNDS", "Turn"]

#: How often the results of tools are sent back in one turn, if nothing else is said.
MAX_ROUNDS = 10
LIMIT = "This call was not run: the limit of {} rounds of calls in one turn is reached."

#: Sends a request; yields what the SDK yields.
Send: TypeAlias = Callable[[Request], AsyncIterator[object]]


@dataclass(slots=True, kw_only=True)
class Turn:
    """One question, and all it takes to answer it; calling it gives one async stream.

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

    async def __call__(self) -> AsyncGenerator[object]:
        """Ask; yield payloads of the SDK, ``ToolResult`` and ``Round``."""
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

    def _is_to_run(self) -> bool:
        """Tell whether there are calls, none of them cut short, in a whole answer."""
        reply = self.reply
        calls = [call.state for call in reply.tool_calls]
        whole = reply.whole and reply.error is None and "unfinished" not in calls
        return bool(self.tools and calls and whole)

    async def _answers(self) -> AsyncGenerator[object]:
        """Send the request; again, if it fails before its first event and may be."""
        own = provider(self.request.provider)
        before = [as_messages(each, own) for each in self.reply.rounds[:-1]]
        messages = (*self.request.messages, *chain.from_iterable(before))
        request = replace(self.request, messages=messages)
        attempt, heard = 0, False
        again = True
        while again:
            again = False
            attempt += 1
            try:
                async with _closed(self.send(request)) as payloads:
                    async for payload in payloads:
                        self._look(payload, attempt, heard)
                        heard = True
                        yield payload
            except Exception as error:
                again = not heard and await self._waited(error, attempt)
                if not again:
                    raise

    def _look(self, payload: object, attempt: int, heard: bool) -> None:
        failure = None if heard else failure_in(payload)
        if failure and self.retries.wait_s(failure, attempt) is not None:
            raise FailedAtOnce(failure)

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

        calls = self.reply.tool_calls
        running = asyncio.create_task(
            run_calls(calls, self.tools, consent=consent, changed=changed)
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
