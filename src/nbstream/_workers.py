"""Threads; or, where Python has none (in a page), tasks that take turns.

Pyodide runs in one thread. Where the page's WebAssembly can suspend a stack (JSPI), the
stack of a worker sleeps on its own, and who waits lets the others run. Where it cannot,
a worker does all its work in ``start``, but for what it awaits.

Sources: ``pyodide.ffi.run_sync`` and ``can_run_sync`` of Pyodide 314; JSPI is on in
Chromium since 137, in Safari and Firefox it is not yet (2026).
"""

from __future__ import annotations

import asyncio
import inspect
import itertools
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from contextvars import Context, copy_context
from importlib import import_module
from math import inf
from threading import Event, Thread
from typing import Any, Protocol

THREADS = sys.platform != "emscripten"
#: How often is looked whether what is waited for is there, in seconds.
LOOK_S = 0.005
#: How long a worker may work before others get their turn, in seconds.
TURN_S = 0.01
#: The longest sleep where nobody can stop it, in seconds.
ALONE_S = 2.0


def sleeps() -> bool:
    """Tell whether who runs now can wait while others run."""
    return THREADS or bool(import_module("pyodide.ffi").can_run_sync())


def pause(seconds: float) -> None:
    """Sleep, while others run if they can."""
    seconds = max(seconds, 0.0)
    if THREADS or not sleeps():
        time.sleep(seconds)
    else:
        import_module("pyodide.ffi").run_sync(asyncio.sleep(seconds))


def wait_until(ready: Callable[[], bool], timeout_s: float) -> bool:
    """Look until it is ready; tell whether it was. For where nothing can wake us."""
    until_s = time.monotonic() + timeout_s
    while not ready():
        left_s = until_s - time.monotonic()
        if left_s <= 0 or not sleeps():
            return ready()
        pause(min(left_s, LOOK_S))
    return True


def wait_for(event: Event, timeout_s: float) -> bool:
    """Wait for an event; tell whether it came."""
    if THREADS:
        return event.wait(timeout_s)
    if not sleeps() and not event.is_set():
        time.sleep(min(max(timeout_s, 0.0), ALONE_S))  # and nobody can set it meanwhile
    return wait_until(event.is_set, timeout_s)


def imported(name: str) -> Any:
    """Import a module; in a page, load its package first, if Python has it there.

    Raises:
        ImportError: it is not installed.
    """
    try:
        return import_module(name)
    except ImportError:
        if THREADS or not sleeps():
            raise
    settled(import_module("pyodide_js").loadPackagesFromImports(f"import {name}"))
    return import_module(name)


def settled(awaitable: Awaitable[object]) -> object:
    """Wait in a page, as ``run_sync`` does; what is raised stays inside Python.

    Pyodide 314 gives every exception that leaves Python to ``sys.excepthook``, and what
    ``run_sync`` waits for is outside: it would be a traceback in the cell, also where
    it is caught here.
    """
    waited_for = asyncio.ensure_future(awaitable)
    import_module("pyodide.ffi").run_sync(asyncio.wait([waited_for]))
    return waited_for.result()


def finish(work: Coroutine[Any, Any, None]) -> None:
    """Run to its end what blocks where it awaits: nobody else has to run for it."""
    with suppress(StopIteration):
        work.send(None)


_turn_began_s = 0.0


def breathe() -> None:
    """Let others run, where they cannot by themselves and this turn has been long."""
    global _turn_began_s
    if not THREADS and time.monotonic() - _turn_began_s > TURN_S and sleeps():
        pause(0)
        _turn_began_s = time.monotonic()


class Worker(Protocol):
    """As much of a ``threading.Thread`` as we use."""

    #: What it is known by; None before it was started.
    @property
    def ident(self) -> int | None: ...

    def start(self) -> None: ...
    def is_alive(self) -> bool: ...
    def join(self, timeout: float | None = None) -> None: ...


def worker(
    target: Callable[[], object],
    name: str,
    context: Context | None = None,
    make: type[Thread] = Thread,
) -> Worker:
    """Return what runs a function, or an async one, beside who starts it.

    It runs in a copy of the context that is here now, or in the one that is given. An
    async function blocks a thread where it awaits, and nothing else.
    """
    context = context or copy_context()
    if THREADS:
        return make(target=context.run, args=(_work, target), name=name, daemon=True)
    return _Task(target, name, context)


def _work(target: Callable[[], object]) -> None:
    made = target()
    if inspect.iscoroutine(made):
        finish(made)


class _Task:
    _numbers = itertools.count(1)

    def __init__(
        self, target: Callable[[], object], name: str, context: Context
    ) -> None:
        self._target, self._name, self._context = target, name, context
        self.ident: int | None = None
        self._alive = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Run it in a task; or now, where its stack could not be laid aside."""
        self.ident, self._alive = -next(self._numbers), True
        if sleeps():
            self._begin(self._run())
        elif inspect.iscoroutine(made := self._context.run(self._called)):
            self._begin(self._awaited(made))
        else:
            self._alive = False

    def is_alive(self) -> bool:
        return self._alive

    def join(self, timeout: float | None = None) -> None:
        wait_until(lambda: not self._alive, inf if timeout is None else timeout)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(work, name=self._name, context=self._context)

    async def _run(self) -> None:
        made = self._called()
        if inspect.iscoroutine(made):
            await self._awaited(made)
        self._alive = False

    async def _awaited(self, made: Coroutine[Any, Any, object]) -> None:
        try:
            await made
        finally:
            self._alive = False

    def _called(self) -> object:
        try:
            return self._target()
        except BaseException:
            self._alive = False
            raise
