"""The words for what a reply holds besides its text: how it ended, its calls."""

from nbstream._failures import told
from nbstream.reply import Choice, Reply, ToolCall
from nbstream.types import ToolResult

__all__ = ["calls", "ran", "result", "state", "status"]


def status(reply: Reply) -> str:
    """Return the one line that says how it ended; "" if it is simply complete."""
    match reply.outcome:
        case "stopped":
            came = any(each.parts for each in reply.rounds)
            arrived = "This is what had arrived." if came else "Nothing came."
            return f"Stopped. {arrived}"
        case "truncated":
            return "Truncated: the stream ended before the answer was complete."
        case "failed":
            return f"Failed. {told(reply.error)}"
        case "running":
            return ""
        case "complete" if reply.misfit is not None:
            said = str(reply.misfit)
            return f"{said[:1].upper()}{said[1:]}."
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


def ran(run: ToolResult) -> str:
    """Return the line above what came of a call that was run, or is to be."""
    return _RAN[run.state]


def result(run: ToolResult) -> str:
    """Return what came of it, shortened: the model is told all of it."""
    text = run.result
    if len(text) <= SHOWN_OF_RESULT:
        return text
    return f"{text[:SHOWN_OF_RESULT]} … ({len(text):,} characters)"


#: How much of a tool's result is shown and saved, in characters.
SHOWN_OF_RESULT = 1_000
_RAN = {
    "waiting": "Not run yet",
    "asking": "Waits for your consent",
    "running": "Running …",
    "done": "Result",
    "failed": "Failed",
    "invalid": "Not run: it cannot be called like this",
    "refused": "Not run",
    "stopped": "Stopped before it ended",
}
