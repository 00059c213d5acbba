"""Two screens for a race in a notebook: one display, updated or made at the end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from IPython.display import DisplayHandle, display

from nbstream.reply import Reply
from nbstream.screens.base import NoScreen, cell
from nbstream.screens.notebook import BYTES_PER_S, MIN_INTERVAL_S, RENDER_SHARE
from nbstream.screens.race_bundle import race_bundle, race_metadata, show_again

if TYPE_CHECKING:
    from nbstream._player import Screen
    from nbstream.racing import Race


class StaticRace:
    """One final display and nothing before it; nothing in it depends on the clock."""

    def __init__(self, *, images: bool) -> None:
        self._images = images

    def open(self, replies: Race) -> None:
        """Show nothing yet."""

    def lane(self, number: int) -> Screen:
        """Return a screen that shows nothing."""
        del number
        return NoScreen()

    def close(self, replies: Race) -> None:
        """Make the one display."""
        replies.shown_in = cell()
        show_again(replies, images=self._images)


class UpdatedRace:
    """One display, made in the cell, updated whenever one of them has grown."""

    def __init__(
        self,
        count: int,
        *,
        images: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._count = count
        self._images = images
        self._clock = clock
        self._lock = threading.Lock()
        self._handle: DisplayHandle | None = None
        self._replies: Race | None = None
        self.interval_s = MIN_INTERVAL_S * count

    def open(self, replies: Race) -> None:
        """Make the display, in the cell that runs now."""
        replies.shown_in = cell()
        self._replies = replies
        self._handle = display(
            race_bundle(replies),
            raw=True,
            metadata=race_metadata(replies, timed=False),
            display_id=True,
        )

    def lane(self, number: int) -> Screen:
        """Return the screen of one of them."""
        del number
        return _Part(self)

    def update(self) -> None:
        """Send the race as it is now; so does each of them."""
        with self._lock:
            if self._replies is None:
                return
            began = self._clock()
            size = self._send(self._replies, timed=False)
            took_s = self._clock() - began
            self.interval_s = self._count * max(
                MIN_INTERVAL_S, size / BYTES_PER_S, took_s * RENDER_SHARE
            )

    def close(self, replies: Race) -> None:
        """Send the race as it stays, with its times."""
        with self._lock:
            self._send(replies, timed=True)

    def _send(self, replies: Race, *, timed: bool) -> int:
        data = race_bundle(replies, images=self._images)
        beside = race_metadata(replies, timed=timed)
        if self._handle is not None:
            self._handle.update(data, raw=True, metadata=beside)
        return sum(len(text.encode()) for text in data.values())


class _Part(NoScreen):
    """The screen of one of them."""

    def __init__(self, race: UpdatedRace) -> None:
        self._race = race

    def interval_s(self) -> float:
        """Return the wait after the last update, in seconds."""
        return self._race.interval_s

    def update(self, reply: Reply) -> None:
        """Send all of the race."""
        del reply
        self._race.update()

    def close(self, reply: Reply) -> None:
        """Send all of it once more: this one has ended, others may run for long."""
        del reply
        self._race.update()
