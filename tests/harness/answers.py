"""Answers of Chat Completions, chunk by chunk, for tests of what is made of them."""

from __future__ import annotations

__all__ = ["DONE", "called", "chunk"]


def chunk(delta=None, finish=None):
    """A chunk of Chat Completions."""
    choice = {"index": 0, "delta": delta or {}, "finish_reason": finish}
    return {"object": "chat.completion.chunk", "choices": [choice]}


def called(*calls, text="", finish="tool_calls"):
    """An answer that calls tools: ``(name, arguments)`` each."""
    deltas = [
        {"index": at, "id": f"c{at}", "function": {"name": name, "arguments": given}}
        for at, (name, given) in enumerate(calls)
    ]
    return [
        *([chunk({"content": text})] if text else []),
        *(chunk({"tool_calls": [delta]}) for delta in deltas),
        chunk(finish=finish),
    ]


DONE = [chunk({"content": "Done."}), chunk(finish="stop")]
