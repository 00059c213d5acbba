"""Ask a person whether a call may run: asked on the event loop, answered anywhere."""

from __future__ import annotations

import asyncio
import contextlib

__all__ = ["Consents"]


class Consents:
    """The questions of one turn. Each is answered once; who comes later is not heard.

    Attributes:
        attached: Whether there is a screen with a person before it.
    """

    def __init__(self) -> None:
        self.attached = False
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
