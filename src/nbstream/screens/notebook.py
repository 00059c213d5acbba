"""Two screens for a notebook: one display that is updated, or one at the end."""

import time
from collections.abc import Callable

from IPython.display import DisplayHandle, display

from nbstream.reply import Reply
from nbstream.screens.base import Prompting, cell
from nbstream.screens.bundle import Replies, bundle, metadata, retrying, waiting

#: At most ten updates a second: JupyterLab keeps up with that (bench/).
MIN_INTERVAL_S = 0.1
#: What the updates of one stream may send, in bytes a second.
BYTES_PER_S = 200_000
#: How much longer to wait than rendering the last update took.
RENDER_SHARE = 4.0


class NotebookScreen:
    """One display, made in the cell, updated in place from any thread.

    The whole answer is sent each time, so the interval grows with it: bytes per
    second and time spent rendering stay bounded, whatever its length.
    """

    in_the_cell = False

    def __init__(
        self,
        *,
        images: bool = False,
        prompting: Prompting | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._images = images
        self._prompting = prompting
        self._clock = clock
        self._handle: DisplayHandle | None = None
        self._interval_s = MIN_INTERVAL_S

    def open(self, reply: Reply | Replies) -> None:
        """Make the display, in the cell that runs now."""
        reply._shown_in = cell()
        made = bundle(reply) if isinstance(reply, Replies) else waiting()
        beside = metadata(reply, timed=False)
        self._handle = display(made, raw=True, metadata=beside, display_id=True)

    def interval_s(self) -> float:
        """Return the wait after the last update, in seconds."""
        return self._interval_s

    def update(self, reply: Reply | Replies) -> None:
        """Send the reply as it is now."""
        began = self._clock()
        size = self._send(reply, timed=False)
        took_s = self._clock() - began
        self._interval_s = max(
            MIN_INTERVAL_S, size / BYTES_PER_S, took_s * RENDER_SHARE
        )
        if self._prompting is not None and isinstance(reply, Reply):
            self._prompting(reply)

    def wait(self, reply: Reply, seconds_left: int, why: str) -> None:
        """Say that the request is sent again soon, and why."""
        if self._handle is not None:
            made = retrying(seconds_left, why)
            self._handle.update(made, raw=True, metadata=metadata(reply, timed=False))

    def close(self, reply: Reply | Replies) -> None:
        """Send the reply as it stays, with its timing."""
        self._send(reply, timed=True)

    def _send(self, reply: Reply | Replies, *, timed: bool) -> int:
        data = bundle(reply, images=self._images)
        if self._handle is not None:
            self._handle.update(data, raw=True, metadata=metadata(reply, timed=timed))
        return sum(len(text.encode()) for text in data.values())


class StaticScreen:
    """One final display and nothing before it: what nbval and papermill can keep.

    Nothing in it depends on the clock, so that two runs give the same bytes.
    """

    in_the_cell = True

    def __init__(self, *, images: bool = False) -> None:
        self._images = images

    def open(self, reply: Reply | Replies) -> None:
        """Show nothing yet."""

    def interval_s(self) -> float:
        """Return a wait that is long: there is nothing to update, in seconds."""
        return 3600.0

    def update(self, reply: Reply | Replies) -> None:
        """Show nothing yet."""

    def close(self, reply: Reply | Replies) -> None:
        """Make the one display."""
        reply._shown_in = cell()
        data = bundle(reply, images=self._images)
        display(data, raw=True, metadata=metadata(reply, timed=False))
