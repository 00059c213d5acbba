"""Fixtures that let anyone test streaming code with no key and no network.

They come with nbstream, and pytest finds them by itself; ``-p no:nbstream`` turns them
off.
"""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from nbstream.offline import Server

__all__ = ["Replay", "nbstream_offline", "nbstream_replay"]


class Replay(Protocol):
    """What `nbstream_replay` gives."""

    def __call__(self, *recordings: str | PathLike[str], speed: float = 0) -> Server:
        """Play these files, named from the folder of the test."""


@pytest.fixture
def nbstream_offline() -> Iterator[Server]:
    """Have the OpenAI, Anthropic and Google SDKs answered from scripts, at once.

    The value is the server: its ``log`` says what was asked.
    """
    from nbstream import offline  # only the tests that ask for it pay for it

    server = offline.use(live=False, speed=0)
    assert server is not None
    yield server
    offline.stop()


@pytest.fixture
def nbstream_replay(request: pytest.FixtureRequest) -> Iterator[Replay]:
    """Have the SDKs answered from recordings: ``nbstream_replay("lesson.rec")``."""
    from nbstream import offline

    here = request.path.parent

    def replay(*recordings: str | PathLike[str], speed: float = 0) -> Server:
        return offline.play(*(here / name for name in recordings), speed=speed)

    yield replay
    offline.stop()
