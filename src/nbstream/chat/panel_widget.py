"""The panel's widget: what its page is told, what it may say, and who hears it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextvars import copy_context
from functools import partial
from typing import Any

from nbstream._keys import redact
from nbstream._live import Live
from nbstream._workers import pause, worker
from nbstream.chat.history import Conversation, Exchange, Playback
from nbstream.markdown.parser import clean
from nbstream.reply import Reply
from nbstream.screens.kernel_messages import hook, listens, pump, watch
from nbstream.screens.widget import LiveModel, Presence, WidgetScreen, script
from nbstream.static import style

#: What a page may make us send whole, in seconds between two times.
RESYNC_S = 0.5
#: The longest question that is taken from a page, in characters.
LONGEST = 200_000
#: How many of the page's requests are remembered: each may be heard twice.
REMEMBERED = 200
#: What each kind of message must hold, and how long each text may be.
KINDS: Mapping[str, Mapping[str, int]] = {
    "ask": {"id": 64, "text": LONGEST},
    "edit": {"id": 64, "text": LONGEST, "turn": 16},
    "retry": {"id": 64, "turn": 16},
    "stop": {"turn": 16},
    "consent": {"turn": 16, "call": 32},
    "resync": {"turn": 16},
    "keeps": {},
    "here": {},
}
#: One message of a page: its kind and its texts, all of them checked.
Asked = Mapping[str, str]


def checked(content: object) -> Asked | None:
    """Return a page's message if it is one of ours, without all it need not hold.

    A view inside the panel speaks of its own turn: ``{"turn": ..., "of": message}``.
    """
    if not isinstance(content, dict):
        return None
    inner = content.get("of")
    if isinstance(inner, dict):
        content = {**inner, "turn": content.get("turn")}
    kind = content.get("kind")
    fields = KINDS.get(kind) if isinstance(kind, str) else None
    if fields is None or not isinstance(kind, str):
        return None
    found = {name: content.get(name) for name in fields}
    texts = {name: clean(each) for name, each in found.items() if isinstance(each, str)}
    if texts.keys() != fields.keys():
        return None
    if any(len(each) > fields[name] for name, each in texts.items()):
        return None
    allow = {"allow": "yes"} if content.get("allow") is True else {}
    return {"kind": kind, **texts, **allow}


class PanelModel(LiveModel):
    """One conversation's model: custom messages, and a snapshot for a new page.

    A message is looked at on its way into a busy kernel and comes again by itself
    later, see ``screens.stop_button``; a request that has an id is taken once.
    """

    _esm = script("chatPanel", "saved_panel.js", "panel.js")
    _css = style("answer.css", "panel.css")

    def __init__(
        self,
        model_id: str,
        whole: Callable[[], dict[str, object]],
        on_asked: Callable[[Asked], None],
    ) -> None:
        self._on_asked = on_asked
        self._taken: deque[str] = deque(maxlen=REMEMBERED)
        super().__init__(whole, lambda kind: None, model_id=model_id)
        self.hear()

    def hear(self) -> None:
        """Look for messages that a busy kernel does not deliver."""
        hook(self.comm, self._take)
        watch(self.comm, self._take)

    def _receive(self, _model: object, content: Any, _buffers: object) -> None:
        self._take(content)

    def _take(self, content: object) -> None:
        asked = checked(content)
        if asked is None:
            return
        if id_ := asked.get("id"):
            if id_ in self._taken:
                return
            self._taken.append(id_)
        self._on_asked(asked)


class PanelScreen(WidgetScreen):
    """The screen of one exchange: the frames of the live view, on the panel's line.

    Attributes:
        exchange: What it shows.
    """

    def __init__(
        self,
        exchange: Exchange,
        line: Callable[[object], None] | None,
        *,
        on_open: Callable[[], None] = lambda: None,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__()
        self.exchange = exchange
        self._line = line
        self._on_open = on_open
        self._on_end = on_end

    @classmethod
    def ended(cls, exchange: Exchange, line: Callable[[object], None]) -> PanelScreen:
        """Return the screen of an answer that nobody here has seen grow."""
        made = cls(exchange, None)
        made.update(exchange.reply)
        known = {"phase", "caption"}  # how long it took is not
        facts = made._facts.all
        made._facts.all = {name: facts[name] for name in facts if name in known}
        made._line = line
        return made

    def open(self, reply: Reply) -> None:
        """Begin; the panel says that there is one more."""
        self._began = self._clock()
        self._on_open()

    def close(self, reply: Reply) -> None:
        """Send the end. The answer stays in the panel."""
        self.update(reply)
        self.send({"kind": "end"})
        self._on_end()

    def state(self) -> dict[str, object]:
        """Return what a page must know of a turn that it has not seen."""
        return {
            "key": self.exchange.key,
            "question": self.exchange.question,
            "files": list(self.exchange.files),
            "whole": self.whole(),
        }

    def send(self, message: object) -> None:
        """Send a custom message on the panel's line."""
        if self._line is not None:
            self._line(message)


class Page:
    """What the pages of one panel are told, and what they ask; in any thread.

    Each turn is a live view of its own on one line. It knows each one's screen, and
    which one is under way.

    Attributes:
        context: The context of the cell that shows the panel.
        presence: Whether a page has it.
    """

    def __init__(
        self,
        model_id: str,
        chat: Conversation,
        *,
        saved: Callable[[], Mapping[str, object]],
        on_end: Callable[[], None],
    ) -> None:
        self.context = copy_context()
        self._id = model_id
        self._chat = chat
        self._saved = saved
        self._on_end = on_end
        self._keeps = False
        self._whole_at_s = float("-inf")
        self._screens: dict[str, PanelScreen] = {}
        self._playback: Playback | None = None
        self._lock = threading.RLock()
        self._match(chat.exchanges())
        self.model = PanelModel(model_id, self.whole, self._on_asked)
        self.presence = Presence(lambda: listens(self.model.comm, pump()), on_end)

    # -- what a page is told ---------------------------------------------------------

    def begin(self, playback: Playback) -> PanelScreen:
        """Return the screen of an answer that is about to come."""
        screen = PanelScreen(
            playback.exchange,
            partial(self._say, playback.exchange.key),
            on_open=lambda: self._opened(playback, screen),
            on_end=self.ended,
        )
        return screen

    def catch_up(self, playback: Playback) -> None:
        """Follow an answer that was under way before there was a panel."""
        screen, reply = self.begin(playback), playback.exchange.reply
        screen.open(reply)

        def run() -> None:
            while reply.outcome == "running":
                screen.update(reply)
                pause(screen.interval_s())
            screen.close(reply)

        worker(run, "nbstream-panel").start()

    def ended(self) -> None:
        """Say that nothing is under way, which turns there are, and what is saved."""
        exchanges = self._chat.exchanges()
        with self._lock:
            self._playback = None
            self._send_turns(self._match(exchanges))
        if not self._keeps:
            self._on_end()
        self.model.send({"kind": "saved", "saved": self._saved()})

    def whole(self) -> dict[str, object]:
        """Return everything, for a page that is new."""
        with self._lock:
            turns = [each.state() for each in self._screens.values()]
            running = self._running
        return {
            "model_id": self._id,
            "name": self._chat.model(),
            "turns": turns,
            "running": running,
            "saved": self._saved(),
        }

    @property
    def _running(self) -> str:
        return self._playback.exchange.key if self._playback else ""

    @property
    def _last(self) -> str:
        """The key of the last turn, "" if there is none."""
        return next(reversed(self._screens), "")

    def _match(self, exchanges: Iterable[Exchange]) -> list[PanelScreen]:
        """Have a screen for each of these and for no other; return the new ones."""
        screens, fresh = {}, []
        for each in exchanges:
            if (screen := self._screens.get(each.key)) is None:
                screen = PanelScreen.ended(each, partial(self._say, each.key))
                fresh.append(screen)
            screens[each.key] = screen
        self._screens = screens
        return fresh

    def _opened(self, playback: Playback, screen: PanelScreen) -> None:
        exchanges = self._chat.exchanges()
        with self._lock:
            self._playback = playback
            self._screens[playback.exchange.key] = screen
            self._send_turns([*self._match(exchanges), screen])

    def _send_turns(self, fresh: Iterable[PanelScreen]) -> None:
        turns = {
            "fresh": [each.state() for each in fresh],
            "order": list(self._screens),
            "running": self._running,
        }
        self.model.send({"kind": "turns", **turns})

    def _say(self, key: str, message: object) -> None:
        self.model.send({"kind": "of", "turn": key, "of": message})

    def _resync(self) -> None:
        """Send everything, though not all the time."""
        now_s = time.monotonic()
        if now_s - self._whole_at_s > RESYNC_S:
            self._whole_at_s = now_s
            self.model.send({"kind": "whole", "whole": self.whole()})

    # -- what a page asks ------------------------------------------------------------

    def _on_asked(self, asked: Asked) -> None:
        match asked["kind"]:
            case "ask":
                self._begin(asked, lambda: self._chat.ask(asked["text"]))
            case "edit":
                self._begin(asked, lambda: self._chat.again(asked["text"]))
            case "retry":
                self._begin(asked, lambda: self._chat.again(None))
            case "keeps":
                self._keeps = True
            case "here":
                self.presence.here()
            case "resync" if not asked["turn"]:
                worker(self._resync, "nbstream-resync").start()
            case _:
                self._on_asked_of_turn(asked)

    def _on_asked_of_turn(self, asked: Asked) -> None:
        """Do what a page says of one turn; what is not under way cannot be stopped."""
        kind, key, playback = asked["kind"], asked["turn"], self._playback
        screen = self._screens.get(key)
        if screen is not None and kind == "resync":
            screen.resync()
        if playback is not None and playback.exchange.key != key:
            playback = None
        if kind == "stop":
            self._say(key, {"kind": "end" if playback is None else "ack"})
        if playback is not None and kind == "stop":
            playback.stop.set("button")
        elif playback is not None and kind == "consent":
            playback.consents.answer(asked["call"], "allow" in asked)

    def _begin(self, asked: Asked, begin: Callable[[], Live]) -> None:
        """Ask in a thread of its own: who brings the message must not be kept."""

        def run() -> None:
            why = ""
            try:
                if asked.get("turn", self._last) == self._last:
                    begin()
                else:
                    why = "something else has been asked since"
            except Exception as error:  # noqa: BLE001 - the page says it
                why = redact(f"{error}" or type(error).__name__)
            self.model.send({"kind": "asked", "id": asked["id"], "why": why})

        worker(run, "nbstream-panel", self.context.copy()).start()
