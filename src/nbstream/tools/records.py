"""What is known of one tool call: its arguments, its result, its time, its state."""

from __future__ import annotations

from dataclasses import dataclass

from nbstream.types import ToolState

__all__ = ["ToolRun", "ToolState"]


@dataclass(slots=True, kw_only=True)
class ToolRun:
    """One call of a tool, as far as it has come.

    Attributes:
        at: Which of the calls of one answer it is, from 0.
        id: The provider's id of the call, to be sent back with the result.
        name: The tool's name, as the model gave it.
        arguments: The JSON text exactly as the model gave it.
        state: ``waiting``, ``asking`` (for consent) and ``running``; then ``done``,
            ``failed`` (it raised), ``invalid`` (no such tool, or arguments that do not
            fit), ``refused`` (no consent) or ``stopped``.
        result: What the model is told: the result, or what went wrong; "" until then.
        value: What the function returned; None unless ``state`` is ``"done"``.
        exception: What it raised, where it did.
        seconds: How long the function itself ran, or None: it did not.
    """

    id: str
    name: str
    arguments: str
    at: int = 0
    state: ToolState = "waiting"
    result: str = ""
    value: object = None
    exception: BaseException | None = None
    seconds: float | None = None

    @property
    def is_error(self) -> bool:
        """Whether the model is told that this call brought no result."""
        return self.state in {"failed", "invalid", "refused", "stopped"}
