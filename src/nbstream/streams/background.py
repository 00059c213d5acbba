"""Keep one event loop of our own, in one daemon thread, for all streams."""

from __future__ import annotations

import asyncio
import atexit
import threading

__all__ = ["background_loop", "retire"]


class _Background:
    """A loop that runs until the interpreter ends."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(
            target=self._run, name="nbstream-loop", daemon=True
        )
        self.thread.start()
        atexit.register(self.stop)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        finally:
            self.loop.close()

    def stop(self) -> None:
        """End the loop and its thread, unless other code blocks them."""
        if not self.loop.is_closed() and self.thread.is_alive():
            self.loop.call_soon_threadsafe(self.loop.stop)
            self.thread.join(1.0)


_guard = threading.Lock()
_current: list[_Background] = []


def background_loop() -> asyncio.AbstractEventLoop:
    """Return the shared loop; start it if need be (also anew after a fork)."""
    with _guard:
        if not (_current and _current[0].thread.is_alive()):
            _current[:] = [_Background()]
        return _current[0].loop


def retire(loop: asyncio.AbstractEventLoop) -> None:
    """Use a fresh loop from now on, as ``loop`` is blocked. Never blocks."""
    if _current and _current[0].loop is loop:
        _current.clear()
