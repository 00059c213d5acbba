"""What a race is shown on: side by side, one after the other, nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from nbstream.screens.base import NoScreen, view_of

if TYPE_CHECKING:
    from nbstream._player import Screen
    from nbstream._stop import Stop
    from nbstream.racing import Race


class RaceScreen(Protocol):
    """Where a race is shown. ``open`` and ``close`` are called in the running cell."""

    def open(self, replies: Race) -> None:
        """Begin: nothing has arrived yet."""
        ...

    def lane(self, number: int) -> Screen:
        """Return the screen of one of them; its own thread paints it."""
        ...

    def close(self, replies: Race) -> None:
        """Show the race as it stays."""
        ...


def choose_race(
    view: str | None, names: Sequence[str], *, images: bool, stop: Stop
) -> RaceScreen:
    """Return the screen for this view, or the one that fits where we are.

    Raises:
        UnknownNameError: there is no such view.
    """
    view = view_of(view)
    if view == "none":
        return NoRace()
    if view == "terminal":
        from nbstream.screens.race_terminal import TerminalRace

        return TerminalRace(names)
    from nbstream.screens.race_notebook import StaticRace, UpdatedRace

    if view == "static":
        return StaticRace(images=images)
    if view == "live":
        try:
            from nbstream.screens.race_widget import WidgetRace
        except ImportError:  # no anywidget, or one that its surroundings cannot load
            pass
        else:
            return WidgetRace(names, images=images, stop=stop)
    return UpdatedRace(len(names), images=images)


class NoRace:
    """Shows nothing, anywhere."""

    def open(self, replies: Race) -> None:
        """Show nothing."""

    def lane(self, number: int) -> Screen:
        """Return a screen that shows nothing."""
        del number
        return NoScreen()

    def close(self, replies: Race) -> None:
        """Show nothing."""
