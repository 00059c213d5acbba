"""The turns that a panel shows: each is a live view of its own on one line."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from nbstream.chat.panel_screen import PanelScreen
from nbstream.chat.playing import Playing
from nbstream.chat.transcript import Exchange

__all__ = ["Turns"]

Send = Callable[[dict[str, object]], None]
Exchanges = Callable[[], list[Exchange]]


class Turns:
    """Knows each turn's screen, which one is under way, and what of it a page is told.

    Attributes:
        last: The key of the last turn, "" if there is none.
    """

    def __init__(self, send: Send, saved: Callable[[], Mapping[str, object]]) -> None:
        self.last = ""
        self._send = send
        self._saved = saved
        self._screens: dict[str, PanelScreen] = {}
        self._playing: Playing | None = None
        self._lock = threading.RLock()

    def match(self, exchanges: Sequence[Exchange]) -> list[PanelScreen]:
        """Have a screen for each of these and for no other; return the new ones."""
        with self._lock:
            before, fresh = self._screens, []
            self._screens = {}
            for each in exchanges:
                if each.key not in before:
                    line = partial(self._say, each.key)
                    fresh.append(PanelScreen.ended(each, line))
                    before[each.key] = fresh[-1]
                self._screens[each.key] = before[each.key]
            self.last = next(reversed(self._screens), "")
            return fresh

    def begin(
        self, playing: Playing, exchanges: Exchanges, ended: Callable[[], None]
    ) -> PanelScreen:
        """Return the screen of an answer that is about to come."""
        key = playing.exchange.key
        screen = PanelScreen(
            playing.exchange,
            partial(self._say, key),
            on_open=lambda: self._opened(playing, screen, exchanges()),
            on_end=lambda: self.ended(exchanges(), ended),
        )
        return screen

    def catch_up(
        self, playing: Playing, exchanges: Exchanges, ended: Callable[[], None]
    ) -> None:
        """Follow an answer that was under way before there was a panel."""
        screen, reply = self.begin(playing, exchanges, ended), playing.exchange.reply
        screen.open(reply)
        bell = threading.Event()

        def run() -> None:
            while reply.outcome == "running":
                screen.update(reply)
                bell.wait(screen.interval_s())
            screen.close(reply)

        threading.Thread(target=run, name="nbstream-panel", daemon=True).start()

    def whole(self) -> dict[str, object]:
        """Return all turns, for a page that is new."""
        with self._lock:
            screens = self._screens.values()
            return {"turns": list(map(_told, screens)), "running": self._running}

    def take(self, asked: Mapping[str, str]) -> None:
        """Do what a page says of one turn."""
        key, playing = asked["turn"], self._playing
        screen = self._screens.get(key)
        if screen is not None and asked["kind"] == "resync":
            screen.resync()
        is_under_way = playing is not None and playing.exchange.key == key
        if asked["kind"] == "stop":
            self._say(key, {"kind": "ack" if is_under_way else "end"})
        if playing is None or not is_under_way:
            return
        if asked["kind"] == "stop":
            playing.stop.set("button")
        elif asked["kind"] == "consent":
            playing.consents.answer(asked["call"], "allow" in asked)

    @property
    def _running(self) -> str:
        return self._playing.exchange.key if self._playing else ""

    def _opened(
        self, playing: Playing, screen: PanelScreen, exchanges: Sequence[Exchange]
    ) -> None:
        with self._lock:
            self._playing = playing
            self._screens[playing.exchange.key] = screen
            fresh = [*self.match(exchanges), screen]
            self._send(
                {"kind": "turns", "fresh": list(map(_told, fresh))} | self._order
            )

    def ended(self, exchanges: Sequence[Exchange], ended: Callable[[], None]) -> None:
        """Say that nothing is under way, which turns there are, and what is saved."""
        with self._lock:
            self._playing = None
            fresh = list(map(_told, self.match(exchanges)))
            self._send({"kind": "turns", "fresh": fresh} | self._order)
        ended()
        self._send({"kind": "saved", "saved": self._saved()})

    @property
    def _order(self) -> dict[str, object]:
        return {"order": list(self._screens), "running": self._running}

    def _say(self, key: str, message: object) -> None:
        self._send({"kind": "of", "turn": key, "of": message})


def _told(screen: PanelScreen) -> dict[str, object]:
    """Return what a page must know of a turn that it has not seen."""
    each = screen.exchange
    return {
        "key": each.key,
        "question": each.question,
        "files": list(each.files),
        "whole": screen.whole(),
    }
