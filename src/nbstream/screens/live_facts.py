"""What the live view says beside the text: what goes on, and how long it took."""

from __future__ import annotations

from collections.abc import Mapping

from nbstream.reply import Reply

__all__ = ["Facts"]

_PHASES = {"reasoning": "thinking", "tool_call": "calling"}


class Facts:
    """The facts so far, and which of them are new."""

    def __init__(self) -> None:
        self.all: dict[str, object] = {"phase": "waiting"}
        self._rounds = 1
        self._thinking_since_s: float | None = None

    def new(self, reply: Reply, elapsed_s: float) -> Mapping[str, object]:
        """Return what has changed, so long after the request.

        ``phase`` is waiting, thinking, writing, calling, running, asking or ended;
        ``first_s`` is when the first frame went out; ``thought_s`` stands still once
        the model writes, and ``thought_chars`` is told as often; ``end_s`` and
        ``outcome`` come with the end.
        """
        kind = reply.parts[-1].kind if reply.parts else ""
        phase = _PHASES.get(kind, "writing") if kind else "waiting"
        if reply.calling:
            phase = "asking" if reply.asking else "running"
        if reply.outcome != "running":
            phase = "ended"
        found: dict[str, object] = {"phase": phase}
        if phase == "ended" and "end_s" not in self.all:
            found |= {"end_s": round(elapsed_s, 2), "outcome": reply.outcome}
        if kind and "first_s" not in self.all:
            found["first_s"] = round(elapsed_s, 2)
        if len(reply.rounds) != self._rounds:
            self._rounds, self._thinking_since_s = len(reply.rounds), None
            self.all.pop("thought_s", None)
        if reply.reasoning:
            if self._thinking_since_s is None:
                self._thinking_since_s = elapsed_s
            if phase == "thinking" or "thought_s" not in self.all:
                found["thought_s"] = round(elapsed_s - self._thinking_since_s)
            if phase != "thinking" or found["thought_s"] != self.all.get("thought_s"):
                found["thought_chars"] = len(reply.reasoning)
        return self._changed(found)

    def retrying(
        self, seconds_left: int, why: str, elapsed_s: float
    ) -> Mapping[str, object]:
        """Return what has changed, now that the request is sent again soon."""
        at_s = round(elapsed_s + seconds_left, 2)
        return self._changed({"phase": "waiting", "retry": {"at_s": at_s, "why": why}})

    def _changed(self, found: Mapping[str, object]) -> Mapping[str, object]:
        changed = {key: found[key] for key in found if found[key] != self.all.get(key)}
        self.all |= changed
        return changed
