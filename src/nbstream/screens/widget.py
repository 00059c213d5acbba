"""The live view: one widget that follows the stream, then one static output."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Generic, TypeVar
from uuid import uuid4

import anywidget
import traitlets

from nbstream._stop import Stop
from nbstream._workers import THREADS
from nbstream.markdown.html import SHORT, shortened
from nbstream.reply import Reply
from nbstream.screens.base import cell, prompting
from nbstream.screens.bundle import PLACE, Replies, bundle
from nbstream.screens.caption import metadata
from nbstream.screens.marimo import display
from nbstream.screens.output import NotebookScreen
from nbstream.screens.sections import Facts, FrameMessages, Sections
from nbstream.screens.stop_button import StopButton
from nbstream.static import ANSWER, module, style
from nbstream.tool_runs import Consents

#: All that a page may say here; what it says to the Stop button is looked at there.
ANSWERS = frozenset({"resync", "seen", "stands"})
#: How many ended models are kept for a page that never said that it has seen the end.
KEPT = 32
_WIDGET = "application/vnd.jupyter.widget-view+json"
_kept: deque[LiveModel] = deque()

#: What a display is of.
Shown = TypeVar("Shown", bound=Reply | Replies)


def script(export: str, *more: str) -> str:
    """Return one module: the view of an answer, more files, and what it exports."""
    known = {"SHORT": list(SHORT.values()), "PLACE": PLACE}
    lines = [f"const {name} = {json.dumps(known[name])};\n" for name in known]
    return "".join(lines) + module(export, *ANSWER, *more)


def _whole(_value: object, model: LiveModel) -> dict[str, object]:
    return model.whole()


class OneWay(anywidget.AnyWidget):
    """A model that a page may ask for its state and say something to: no more."""

    def set_state(self, sync_data: Mapping[str, object]) -> None:
        """Take nothing: a page has no state to give."""

    def _handle_msg(self, message: Any) -> None:
        """Take what is formed; for all else ipywidgets prints a traceback."""
        content = message.get("content")
        data = content.get("data") if isinstance(content, dict) else None
        method = data.get("method") if isinstance(data, dict) else None
        if method in ("custom", "request_state") and "buffers" in message:
            super()._handle_msg(message)

    if not THREADS:
        #: How a page reaches a kernel that runs in it, and is busy: see ``channel``.
        channel = traitlets.Unicode().tag(sync=True)

        @traitlets.default("channel")
        def _channel(self) -> str:
            return f"nbstream-{uuid4()}"

    def close(self) -> None:
        """Close the model and its layout, so that nothing of them is saved."""
        if self.comm is not None:
            self.layout.close()
        super().close()


class LiveModel(OneWay):
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

    def _receive(self, _model: object, content: Any, _buffers: object) -> None:
        kind = content.get("kind") if isinstance(content, dict) else None
        if isinstance(kind, str) and kind in ANSWERS:
            self._on_answer(kind)

    def keep(self) -> None:
        """Stay until a page has seen the end, but not for ever.

        What goes unseen tells its end once more: a busy kernel hears no page, in which
        a view may stand that no update has replaced (in an ``Output`` widget).
        """
        _kept.append(self)
        while len(_kept) > KEPT:
            oldest = _kept.popleft()
            oldest.send({"kind": "whole", "whole": oldest.whole()})
            oldest.close()

    def pin(self) -> None:
        """Stay as long as the page has a view that nothing has replaced."""
        if self in _kept:
            _kept.remove(self)

    def close(self) -> None:
        """Close the model, and keep it no longer."""
        super().close()
        self.pin()


def view_mime(model_id: str) -> dict[str, object]:
    """Return what a front end shows a view of this model for."""
    return {_WIDGET: {"version_major": 2, "version_minor": 0, "model_id": model_id}}


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
FALLBACK = "The answer was still being written."
#: How long a page has to say that it has the widget, in seconds; and where one of this
#: kernel's pages has done so before.
PATIENCE_S, PATIENCE_AGAIN_S = 1.5, 5.0
#: What is said where none has.
NO_WIDGETS = (
    "No widgets in this page, so no Stop button: install anywidget where Jupyter "
    "itself runs, and load the page again."
)
_a_page_has_widgets = threading.Event()


class Presence:
    """Whether a page has the widget: each says so at once, if it is heard.

    Attributes:
        is_late: None has, and would have been heard by now. It may change again.
    """

    def __init__(
        self,
        listens: Callable[[], bool],
        on_change: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.is_late = False
        self._is_here = False
        self._listens = listens
        self._on_change = on_change
        self._clock = clock
        self._began = clock()
        self._lock = threading.RLock()
        seen = _a_page_has_widgets.is_set()
        self._patience_s = PATIENCE_AGAIN_S if seen else PATIENCE_S
        with suppress(RuntimeError):  # no loop here: the one who waits looks
            asyncio.get_running_loop().call_later(self._patience_s, self.judge)

    def _is_unknown(self) -> bool:
        return not (self._is_here or self.is_late)

    def judge(self) -> None:
        """Say once that none has it, if that is so; any thread."""
        is_early = self._clock() - self._began < self._patience_s
        if is_early or not self._is_unknown():
            return
        with self._lock:
            if self._listens() and self._is_unknown():
                self.is_late = True
                self._on_change()

    def here(self) -> None:
        """Hear of one that has it; any thread."""
        _a_page_has_widgets.set()
        with self._lock:
            self._is_here, was_late, self.is_late = True, self.is_late, False
            if was_late:
                self._on_change()


class LiveScreen(Generic[Shown]):
    """One display: a widget while something grows, a static output at the end.

    The lock is for a page that asks for everything (from a thread of the kernel's)
    while a frame is made, or the end is told: it sees that told or not begun.

    Attributes:
        model: The widget's; None before there is one.
    """

    in_the_cell = False
    #: What is shown, and saved, where there are no widgets: the end replaces it.
    fallback = FALLBACK
    model_class: type[LiveModel] = LiveModel

    def __init__(
        self,
        *,
        images: bool = False,
        stop: Stop | None = None,
        consents: Consents | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.model: LiveModel | None = None
        self._images = images
        self._stop = stop or Stop()
        self._consents = consents
        self._clock = clock
        self._began = clock()
        self._sent_whole_at = float("-inf")
        self._lock = threading.RLock()
        self._id = uuid4().hex
        self._final: dict[str, object] = {}
        self._button: StopButton | None = None
        self._handle: Any = None
        self._shown: Shown | None = None
        self._presence: Presence | None = None
        self._updates: NotebookScreen | None = None  # where no page has the widget

    def open(self, reply: Shown) -> None:
        """Make the display, in the cell that runs now."""
        reply._shown_in = cell()
        self._shown = reply
        self._began = self._clock()
        self.model = self.model_class(self.whole, self._on_answer, model_id=self._id)
        button = StopButton(
            self.model, self._stop, consents=self._consents, resync=self.resync
        )
        self._button = button
        if self._consents is not None:
            self._consents.attached = True
        beside = metadata(reply)
        self._handle = display(self._placed(), beside, self.model)
        self._presence = Presence(button.listens, self._turn, self._clock)
        button.on_look, button.on_here = self._presence.judge, self._presence.here

    def _placed(self) -> dict[str, object]:
        return {**view_mime(self._id), "text/plain": self.fallback}

    def close(self, reply: Shown) -> None:
        """Replace the widget by what stays. Its model goes once a page has seen it."""
        data = bundle(reply, images=self._images)
        beside = metadata(reply)
        if self.model is None or self._handle is None or self._button is None:
            return  # it was never opened
        with self._lock:
            end = {"model_id": self._id, "data": data, "metadata": beside}
            self._final = {"final": end}
            self.send({"kind": "swap"})
        self._handle.update(data, raw=True, metadata=beside)
        self.send({"kind": "swapped"})
        self._button.close()
        self.model.keep()

    def send(self, message: object) -> None:
        """Send a custom message to the pages, if there is a widget."""
        if self.model is not None:
            self.model.send(message)

    def whole(self) -> dict[str, object]:
        """Return everything so far, for a page that is new: here, the end."""
        return {"id": self._id, **self._final}

    def resync(self) -> None:
        """Send everything, though not all the time: a page has missed something."""
        if self._clock() - self._sent_whole_at > RESYNC_S:
            self._sent_whole_at = self._clock()
            with self._lock:
                self.send({"kind": "whole", "whole": self.whole()})

    def _turn(self) -> None:
        """Go on by updates of the display, or take that back; any thread."""
        with self._lock:
            if self._final or self._handle is None or self._shown is None:
                return
            if self._presence is not None and self._presence.is_late:
                self._updates = NotebookScreen(
                    images=self._images,
                    prompting=prompting(self._stop, self._consents),
                    handle=self._handle,
                    note=NO_WIDGETS,
                )
                self._updates.paint(self._shown)
            else:
                self._updates = None
                beside = metadata(self._shown)
                self._handle.update(self._placed(), raw=True, metadata=beside)

    def follow(self, shown: Shown) -> float:
        """Update the display where no page has the widget; return the wait after it."""
        if self._presence is not None:
            self._presence.judge()
        with self._lock:
            updates = self._updates
            if updates is None:
                return 0.0
            updates.update(shown)
            return updates.interval_s()

    def _on_answer(self, kind: str) -> None:
        """Do what a page asks for, in any thread."""
        if kind == "resync":
            self.resync()
        elif self._final and self.model is not None and kind == "stands":
            self.model.pin()
        elif self._final and self.model is not None:
            self.model.close()  # a page has seen the end


class WidgetScreen(LiveScreen[Reply]):
    """The live view of one answer. A frame carries what changed and nothing else."""

    def __init__(
        self,
        *,
        images: bool = False,
        stop: Stop | None = None,
        consents: Consents | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(images=images, stop=stop, consents=consents, clock=clock)
        self._sections = Sections(images=images)
        self._facts = Facts()
        self._messages = FrameMessages()
        self._interval_s = MIN_INTERVAL_S

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
            self.send(self._messages.next(changes, facts))
        self._interval_s = max(
            MIN_INTERVAL_S,
            self.follow(reply),
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
                self.send(self._messages.next({}, facts))
            if self._updates is not None:
                self._updates.wait(reply, seconds_left, why)

    def close(self, reply: Reply) -> None:
        """Send the last frame, then what stays, which takes a while if it is long."""
        self.update(reply)
        super().close(reply)

    def whole(self) -> dict[str, object]:
        """Return everything so far, for a page that is new."""
        with self._lock:
            return {
                "seq": self._messages.seq,
                "last": self._messages.last,
                "sections": shortened(self._sections.snapshot()),
                "elapsed_s": round(self._clock() - self._began, 2),
                **self._facts.all,
                **super().whole(),
            }
