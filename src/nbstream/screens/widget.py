"""The live view: one widget that follows the stream, then one static output."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets
from IPython.display import DisplayHandle, display

from nbstream._stop import Stop
from nbstream.markdown.html import SHORT, shortened
from nbstream.reply import Reply
from nbstream.screens.base import cell
from nbstream.screens.bundle import bundle, metadata
from nbstream.screens.sections import Facts, FrameMessages, Sections
from nbstream.screens.stop_button import Hands
from nbstream.static import ANSWER, module, style

if TYPE_CHECKING:
    from nbstream.tool_runs import Consents

#: All that a page may say here; what it says to ``hands`` is looked at there.
ANSWERS = frozenset({"resync", "seen"})
#: How many ended models are kept for a page that never said that it has seen the end.
KEPT = 4
_WIDGET = "application/vnd.jupyter.widget-view+json"
_kept: deque[LiveModel] = deque()


def script(export: str, *more: str) -> str:
    """Return one module: the view of an answer, more files, and what it exports."""
    short = json.dumps(list(SHORT.values()))
    return f"const SHORT = {short};\n{module(export, *ANSWER, *more)}"


def _whole(_value: object, model: LiveModel) -> dict[str, object]:
    return model.whole()


class LiveModel(anywidget.AnyWidget):
    """One answer's model: custom messages while it runs, a snapshot for a new page.

    Nothing is synchronised per frame. A page that is loaded in mid-stream asks for the
    state, and finds under ``snapshot`` everything so far.
    """

    _esm = script("liveView")
    _css = style("answer.css")
    block = traitlets.Int(0).tag(sync=True)
    snapshot = traitlets.Dict().tag(sync=True, to_json=_whole)

    def __init__(
        self,
        whole: Callable[[], dict[str, object]],
        on_answer: Callable[[str], None],
        **more: object,
    ) -> None:
        self.whole = whole
        self._on_answer = on_answer
        super().__init__(**more)
        self.on_msg(self._receive)

    def set_state(self, sync_data: Mapping[str, object]) -> None:
        """Take nothing: a page has no state to give."""

    def _receive(self, _model: object, content: Any, _buffers: object) -> None:
        kind = content.get("kind") if isinstance(content, dict) else None
        if isinstance(kind, str) and kind in ANSWERS:
            self._on_answer(kind)

    def keep(self) -> None:
        """Stay until a page has seen the end, but not for ever."""
        _kept.append(self)
        while len(_kept) > KEPT:
            _kept.popleft().close()

    def close(self) -> None:
        """Close the model and its layout, so that nothing of them is saved."""
        if self.comm is not None:
            self.layout.close()
        super().close()
        if self in _kept:
            _kept.remove(self)


def mime_bundle(model: LiveModel, text: str) -> dict[str, object]:
    """Return what is displayed: the view, or ``text`` where there are no widgets."""
    return {**view_of(model.model_id), "text/plain": text}


def view_of(model_id: str) -> dict[str, object]:
    """Return what a front end shows a view of this model for."""
    return {_WIDGET: {"version_major": 2, "version_minor": 0, "model_id": model_id}}


class LiveDisplay:
    """One display: a widget while something grows, a static output at the end.

    Attributes:
        model: The widget's; None before there is one.
        lock: Held while the end is told: whoever holds it sees it told or not begun.
    """

    def __init__(self) -> None:
        self.model: LiveModel | None = None
        self.lock = threading.RLock()
        self._final: dict[str, object] | None = None
        self._hands: Hands | None = None
        self._handle: DisplayHandle | None = None

    def open(
        self,
        model: LiveModel,
        fallback: str,
        beside: Mapping[str, object],
        *,
        stop: Stop,
        consents: Consents | None = None,
    ) -> None:
        """Make it, in the cell that runs now; ``fallback`` is for no widgets."""
        self.model = model
        self._hands = Hands(model, stop, consents=consents)
        if consents is not None:
            consents.attached = True
        self._handle = display(
            mime_bundle(model, fallback), raw=True, metadata=beside, display_id=True
        )

    def send(self, message: object) -> None:
        """Send a custom message to the pages, if there is a widget."""
        if self.model is not None:
            self.model.send(message)

    def close(self, data: Mapping[str, object], beside: Mapping[str, object]) -> None:
        """Replace the widget by what stays. Its model goes once a page has seen it."""
        with self.lock:
            self._final = {"data": data, "metadata": beside}
            self.send({"kind": "swap"})
        if self._handle is not None:
            self._handle.update(data, raw=True, metadata=beside)
        self.send({"kind": "swapped"})
        if self._hands is not None:
            self._hands.close()
        if self.model is not None:
            self.model.keep()

    @property
    def final(self) -> dict[str, object]:
        """What a new page is told of the end; nothing before it."""
        if self._final is None or self.model is None:
            return {}
        return {"final": {"model_id": self.model.model_id, **self._final}}

    def seen(self) -> None:
        """Let the model go if this is the end: a page has seen what is shown."""
        if self._final is not None and self.model is not None:
            self.model.close()


#: At most twenty frames a second.
MIN_INTERVAL_S = 0.05
#: How much of an open block is read and laid out again, in characters a second.
OPEN_PER_S = 200_000
#: How much text the page lays out anew because some was added, the same.
SHOWN_PER_S = 2_500_000
#: How much longer to wait than making the last frame took.
RENDER_SHARE = 4.0
#: What the page may make us send whole, in seconds between two times.
RESYNC_S = 0.5
#: What is shown, and saved, where there are no widgets: the end replaces it.
FALLBACK = "The answer is being written. It will be here when it is complete."


class WidgetScreen:
    """One display: a widget while the answer grows, the static bundle at the end.

    A frame carries what changed and nothing else. The lock is for a page that asks for
    everything (from a thread of the kernel's) while a frame is made.
    """

    in_the_cell = False

    def __init__(
        self,
        *,
        images: bool = False,
        stop: Stop | None = None,
        consents: Consents | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._images = images
        self._consents = consents
        self._stop = stop or Stop()
        self._clock = clock
        self._display = LiveDisplay()
        self._lock = self._display.lock
        self._sections = Sections(images=images)
        self._facts = Facts()
        self._began = clock()
        self._sent_whole_at = float("-inf")
        self._messages = FrameMessages()
        self._interval_s = MIN_INTERVAL_S

    def open(self, reply: Reply) -> None:
        """Make the display, in the cell that runs now."""
        reply._shown_in = cell()
        self._began = self._clock()
        self._display.open(
            LiveModel(self.whole, self._on_answer),
            FALLBACK,
            metadata(reply, timed=False),
            stop=self._stop,
            consents=self._consents,
        )

    def interval_s(self) -> float:
        """Return the wait after the last frame, in seconds."""
        return self._interval_s

    def update(self, reply: Reply) -> None:
        """Send what is new."""
        began = self._clock()
        with self._lock:
            changes = self._sections.changes(reply)
            facts = self._facts.new(reply, began - self._began)
            if not changes and not facts:
                return
            self._send(self._messages.next(changes, facts))
        self._interval_s = max(
            MIN_INTERVAL_S,
            self._sections.open_chars / OPEN_PER_S,
            self._sections.chars / SHOWN_PER_S,
            (self._clock() - began) * RENDER_SHARE,
        )

    def wait(self, reply: Reply, seconds_left: int, why: str) -> None:
        """Say that the request is sent again soon, and why; the page counts down."""
        elapsed_s = self._clock() - self._began
        with self._lock:
            facts = self._facts.retrying(seconds_left, why, elapsed_s)
            if facts:
                self._send(self._messages.next({}, facts))

    def close(self, reply: Reply) -> None:
        """Replace the widget by what stays. Its model goes once a page has seen it."""
        self.update(reply)  # first, since the output of a long answer takes a while
        data = bundle(reply, images=self._images)
        self._display.close(data, metadata(reply, timed=True))

    # -- what the page is told -------------------------------------------------

    def whole(self) -> dict[str, object]:
        """Return everything so far, for a page that is new."""
        with self._lock:
            return {
                "seq": self._messages.seq,
                "last": self._messages.last,
                "sections": shortened(self._sections.snapshot()),
                "elapsed_s": round(self._clock() - self._began, 2),
                **self._facts.all,
                **self._display.final,
            }

    def _send(self, message: object) -> None:
        self._display.send(message)

    # -- what the page says, in any thread --------------------------------------

    def _on_answer(self, kind: str) -> None:
        if kind == "resync" and self._clock() - self._sent_whole_at > RESYNC_S:
            self._sent_whole_at = self._clock()
            with self._lock:
                self._send({"kind": "whole", "whole": self.whole()})
        elif kind == "seen":
            self._display.seen()
