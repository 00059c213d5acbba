"""Options that several functions share: seen by name, checked, filled in."""

from __future__ import annotations

import inspect
from typing import TypedDict, Unpack

import pytest
from IPython.core.completer import provisionalcompleter

import nbstream
from nbstream._show import expand_options


class Options(TypedDict, total=False):
    """Two of them."""

    view: str | None
    retries: int


@expand_options(Options, retries=3)
def call(stream: object, *, reply: int = 1, **options: Unpack[Options]) -> object:
    """Return what it was given."""
    return stream, reply, options


def test_each_is_in_the_signature():
    """With its type and its default, before what the function has of its own."""
    text = "(stream: 'object', *, view: 'str | None' = None, retries: 'int' = 3"

    assert str(inspect.signature(call)) == f"{text}, reply: 'int' = 1) -> 'object'"
    assert call.__doc__ == "Return what it was given."


def test_each_is_filled_in():
    """So the function finds all of them."""
    assert call("a") == ("a", 1, {"view": None, "retries": 3})
    assert call("a", view="none", reply=2) == ("a", 2, {"view": "none", "retries": 3})


def test_another_is_refused():
    """In Python's own words."""
    with pytest.raises(
        TypeError, match=r"^call\(\) got an unexpected keyword argument 'vew'$"
    ):
        call("a", vew="none")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"missing 1 required positional argument"):
        call()  # type: ignore[call-arg]


@pytest.mark.parametrize("jedi", [True, False], ids=["with jedi", "without"])
@pytest.mark.parametrize("typed", ["chat('a', max_w", "chat.start('a', max_w"])
def test_tab_offers_them(typed, jedi, shell):
    """Where the ``def`` names none of them."""
    shell.push({"chat": nbstream.Chat("ollama:m")})
    shell.Completer.use_jedi = jedi
    with provisionalcompleter():
        found = list(shell.Completer.completions(typed, len(typed)))

    assert "max_wait_s=" in [each.text for each in found]


def test_a_question_has_the_options_it_had():
    """In their order, with their defaults."""
    asked, begun = (
        [*inspect.signature(each).parameters.values()]
        for each in (nbstream.Chat("ollama:m"), nbstream.Chat("ollama:m").start)
    )

    assert [(each.name, each.default) for each in asked[1:]] == [
        ("images", ()),
        ("files", ()),
        ("view", None),
        ("timeout", None),
        ("retries", 0),
        ("max_wait_s", 30.0),
        ("reply", None),
    ]
    assert begun == asked[:-1]
