"""Faults of the connection: cut, ended too early, silent, late."""

from __future__ import annotations

from typing import Literal

from nbstream.offline.damage import DONE, Damage, Frames, struck, with_text
from nbstream.offline.talk import Frame

__all__ = ["AFTER", "CUTS"]

#: After how many tokens a fault strikes, if nothing else is said.
AFTER = 8
Cut = Literal["fin", "rst"]


def cut_before_headers(api: str, frames: Frames, *, how: Cut = "fin") -> Damage:
    """The connection is cut and nothing was sent."""
    return Damage(silent=True, end=how)


def cut_before_first(api: str, frames: Frames, *, how: Cut = "fin") -> Damage:
    """The connection is cut before the first token."""
    return Damage(frames=struck(frames, 0)[0], end=how)


def cut(api: str, frames: Frames, *, after: int = AFTER, how: Cut = "fin") -> Damage:
    """The connection is cut after so many tokens, between two events."""
    return Damage(frames=struck(frames, after)[0], end=how)


def cut_mid_event(
    api: str, frames: Frames, *, after: int = AFTER, how: Cut = "fin"
) -> Damage:
    """The connection is cut inside an event."""
    before, rest = struck(frames, after)
    half = next(rest, DONE).data
    return Damage(frames=[*before, Frame(half[: len(half) // 2])], end=how)


def cut_mid_character(
    api: str, frames: Frames, *, after: int = AFTER, how: Cut = "fin"
) -> Damage:
    """The connection is cut inside a character of two bytes."""
    before, rest = struck(frames, after)
    data = with_text(api, next(rest, DONE), "caf\u00e9").data
    at = data.find("\u00e9".encode()) + 1
    return Damage(frames=[*before, Frame(data[: at or len(data) // 2])], end=how)


def end_early(api: str, frames: Frames, *, after: int = AFTER) -> Damage:
    """The response ends cleanly after so many tokens, with no terminal marker."""
    return Damage(frames=struck(frames, after)[0])


def end_mid_event(api: str, frames: Frames, *, after: int = AFTER) -> Damage:
    """The response ends cleanly inside an event."""
    damage = cut_mid_event(api, frames, after=after)
    return Damage(frames=damage.frames)


def stall(api: str, frames: Frames, *, after: int = AFTER) -> Damage:
    """Silence for ever after so many tokens; the connection stays open."""
    return Damage(frames=struck(frames, after)[0], end="stall")


def no_answer(api: str, frames: Frames) -> Damage:
    """Silence for ever: not even the headers come."""
    return Damage(silent=True, end="stall")


def slow_headers(api: str, frames: Frames, *, delay_s: float = 2.0) -> Damage:
    """The headers come late; then all is well."""
    return Damage(frames=frames, head_delay_s=delay_s)


CUTS = (
    cut_before_headers,
    cut_before_first,
    cut,
    cut_mid_event,
    cut_mid_character,
    end_early,
    end_mid_event,
    stall,
    no_answer,
    slow_headers,
)
