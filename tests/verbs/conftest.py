"""Fixtures of the tests of ``nbstream.web``."""

from __future__ import annotations

import pytest
from harness.sdks import SHAPES

import nbstream


@pytest.fixture(scope="module")
def offline():
    """Scripted answers, as fast as they can."""
    nbstream.offline.use(speed=0)
    yield
    nbstream.offline.stop()


@pytest.fixture
def held(wire, broken):
    """A function that asks as the question says: the plan of the wire's answer."""

    def answer(asked):
        plan = asked.text.split(" / ")[0]
        shape = SHAPES["openai.chat, sync stream"]
        return shape.make(broken, plan, "A long answer, please")

    wire.exchanges.clear()
    return answer
