"""The screen that shows nothing."""

from nbstream.reply import Reply

__all__ = ["NoScreen"]


class NoScreen:
    """Shows nothing, anywhere."""

    in_the_cell = False

    def open(self, reply: Reply) -> None:
        """Show nothing."""

    def interval_s(self) -> float:
        """Return a wait that is long: there is nothing to look at, in seconds."""
        return 3600.0

    def update(self, reply: Reply) -> None:
        """Show nothing."""

    def close(self, reply: Reply) -> None:
        """Show nothing."""
