"""Wait for a blocking function without blocking the event loop, or its end."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import Callable
from typing import TypeVar

__all__ = ["in_thread"]

T = TypeVar("T")


async def in_thread(function: Callable[[], T]) -> T:
    """Call a function in a thread of its own, and wait for it.

    A thread cannot be ended from outside: if the wait is cancelled, it runs on and
    what it returns is dropped. It is a daemon, so that it never holds up the end of
    the program, as the threads of an executor do.
    """
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    answers: list[T] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            answers.append(function())
        except BaseException as error:  # noqa: BLE001 - it is raised in the waiter
            errors.append(error)
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(ended.set)

    context = contextvars.copy_context()
    name = f"nbstream-tool-{threading.active_count()}"
    threading.Thread(target=context.run, args=(work,), name=name, daemon=True).start()
    await ended.wait()
    if errors:
        raise errors[0]
    return answers[0]
