"""Tell the events that can be seen from those that only prepare them."""

from nbstream.events import Event, TextDelta, TextDone, ToolCallDelta

__all__ = ["is_seen"]


def is_seen(event: Event) -> bool:
    """Tell whether there is something to show: some parts open with an empty text."""
    match event:
        case TextDelta(text=text) | TextDone(text=text):
            return text != ""
        case ToolCallDelta():
            return True
        case _:
            return False
