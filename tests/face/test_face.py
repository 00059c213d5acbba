"""The public face: what Tab, ``help`` and ``?`` show of nbstream."""

from __future__ import annotations

import inspect
import pydoc
import re

import pytest

import nbstream

SUBMODULES = {"errors", "markdown", "offline", "sse", "types"}
VERBS = (
    *("show", "start", "ask", "events", "race", "record"),
    *("Chat", "%%stream", "offline"),
)
FIRST = ["text", "tool_calls", "usage", "outcome", "parsed", "timing"]
#: What is for nbstream itself, and was once in people's way.
OURS = {"apply", "end", "extend", "misfit", "shown_in", "form", "expected", "live"}


def test_tab_shows_the_submodules():
    """What people import by its name is there to be found."""
    assert set(dir(nbstream)) >= SUBMODULES
    assert [name for name in dir(nbstream) if not hasattr(nbstream, name)] == []


def test_help_begins_with_jobs():
    """``help(nbstream)`` begins with what one can do, not with exceptions."""
    text = pydoc.plain(pydoc.render_doc(nbstream))
    before = text[: text.index("PACKAGE CONTENTS")]

    assert [verb for verb in VERBS if verb not in before] == []
    assert "Error" not in before


def test_a_reply_is_told_by_what_it_holds():
    """``Reply?`` names first what everybody reads; nothing of it is for us only."""
    told = inspect.getdoc(nbstream.Reply) or ""
    lines = told.split("Attributes:")[1].splitlines()
    named = [re.split(r" \(|:", line.strip())[0] for line in lines if ":" in line]
    shown = {name for name in dir(nbstream.Reply()) if not name.startswith("_")}

    assert named[: len(FIRST)] == FIRST
    assert set(FIRST) <= shown
    assert shown & OURS == set()


@pytest.mark.parametrize("name", ["show", "start", "events"])
def test_signatures_say_what_they_take(name):
    """A stream has a type with a name."""
    given = inspect.signature(getattr(nbstream, name)).parameters["stream"]

    assert given.annotation == "Stream"


@pytest.mark.parametrize("name", ["plot", "anatomy", "items", "partial", "to_message"])
def test_windows_are_documented(name):
    """What opens a window on a reply has a signature and a text, though it is above."""
    window = getattr(nbstream.Reply, name)

    assert inspect.getdoc(window)
    assert inspect.signature(window).return_annotation
