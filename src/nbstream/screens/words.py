"""The words for what a reply holds besides its text: how it ended, its calls."""

from nbstream.failure import told
from nbstream.reply import Choice, Reply, ToolCall

__all__ = ["calls", "state", "status"]


def status(reply: Reply) -> str:
    """Return the one line that says how it ended; "" if it is simply complete."""
    match reply.outcome:
        case "stopped":
            arrived = "This is what had arrived." if reply.parts else "Nothing came."
            return f"Stopped. {arrived}"
        case "truncated":
            return "Truncated: the stream ended before the answer was complete."
        case "failed":
            return f"Failed. {told(reply.error)}"
        case "running":
            return ""
        case "complete":
            return _FINISHED.get(reply.finish_reason or "", "")


_FINISHED = {
    "length": "Cut: the token limit was reached.",
    "content_filter": "Cut: the provider's content filter stopped the answer.",
    "pause": "Paused: the provider wants to be asked to go on.",
    "error": "The model reported an error.",
}


def calls(choice: Choice, reply: Reply) -> tuple[ToolCall, ...]:
    """Return the choice's tool calls as they stand."""
    return choice.tool_calls(running=reply.outcome == "running")


def state(call: ToolCall) -> str:
    """Return what is to be said after a call; "" if it is whole and valid."""
    match call.state:
        case "valid":
            return ""
        case "open":
            return " …"
        case "invalid":
            return f" (invalid arguments: {call.error})"
        case "unfinished":
            return " (unfinished: do not run it)"
