"""What stands beside an answer: its caption, the output's metadata, and the options."""

import re

import pytest
from display.test_bundle import STOP, counted, reply_of, text
from display.test_widget import custom, screen, sent  # noqa: F401 - fixtures

import nbstream
from nbstream.errors import UnknownNameError, UsageError
from nbstream.reply import Reply, Timing
from nbstream.screens.bundle import COLUMN, PLACE, Replies, bundle
from nbstream.screens.caption import Options, caption, caption_html, metadata
from nbstream.types import Round, Start


def start(model, **more):
    return Start(id="", model=model, **more)


M = start("haiku")
#: What it shows -> (events, how it ended, the caption).
CAPTIONS = {
    "who, and how much": ((M, counted(), *STOP), {}, "haiku · 5 tokens"),
    "one token is no tokens": (
        (M, counted(1), *STOP),
        {},
        "haiku · 1 token",
    ),
    "many": ((M, counted(12345), *STOP), {}, "haiku · 12,345 tokens"),
    "none": ((M, counted(0), *STOP), {}, "haiku · 0 tokens"),
    "no usage": ((M, *STOP), {}, "haiku"),
    "usage that says nothing": ((M, counted(None), *STOP), {}, "haiku"),
    "no model": ((counted(), *STOP), {}, ""),
    "a stop, before which not all were counted": (
        (M, counted()),
        {"stopped": True},
        "haiku",
    ),
    "a stream that broke off": ((M, counted()), {}, "haiku"),
    "a name on several lines": ((start("a\n\nb"), *STOP), {}, "a b"),
    "a name that cannot be seen": (
        (start("a\u202eb\x00"), *STOP),
        {},
        "a\\u202eb\\u0000",
    ),
    "half a character": ((start("a\ud83d"), *STOP), {}, "a?"),
    "a name without an end": ((start("a" * 999), *STOP), {}, f"{'a' * 200} …"),
}


@pytest.mark.parametrize(("events", "how", "line"), CAPTIONS.values(), ids=CAPTIONS)
def test_who_wrote_it_and_how_much(events, how, line):
    """The model, and the tokens of what is complete; nothing if no model is named."""
    assert caption(reply_of(*events, **how)) == line


def test_it_stands_below_the_answer():
    """In HTML inside the rule, in Markdown at the end; the plain text is the answer."""
    made = bundle(reply_of(start("a_*<b>*$x$"), text("Hello"), counted(), *STOP))

    assert made == {
        "text/html": f'{PLACE}<p dir="auto">Hello</p>\n\n'
        '<p style="margin: 0.25em 0 0; opacity: 0.75"><small>a_*&lt;b&gt;*'
        '<span class="tex2jax_ignore">$</span>x<span class="tex2jax_ignore">$</span>'
        " · 5 tokens</small></p></div>",
        "text/markdown": r"Hello" "\n\n" r"*a\_\*&lt;b\>\*\$x\$ · 5 tokens*",
        "text/plain": "Hello",
    }


def test_each_column_has_its_own_and_no_rule():
    """Several side by side are told apart by their names."""
    replies = {
        name: reply_of(start(name * 3), text("A"), counted(), *STOP) for name in "ab"
    }
    made = bundle(Replies(replies))

    assert made["text/html"].count(COLUMN) == 2
    assert PLACE not in made["text/html"]
    assert re.findall("<small>(.*?)</small>", made["text/html"]) == [
        "aaa · 5 tokens",
        "bbb · 5 tokens",
    ]
    assert made["text/markdown"] == (
        "### a\n\nA\n\n*aaa · 5 tokens*\n\n### b\n\nA\n\n*bbb · 5 tokens*"
    )


def test_a_turn_of_several_answers_has_one():
    """Below the last of them, with the tokens of all."""
    reply = Reply("text")
    reply._extend([M, text("I look."), counted(), *STOP])
    reply._extend([Round(), start("m"), text("It rains."), counted()])
    reply._extend(STOP)
    reply._end()

    assert bundle(reply)["text/html"].count("<small>") == 1
    assert caption(reply) == "m · 10 tokens"


def test_the_page_is_told_when_it_is_known(screen, sent):  # noqa: F811
    """The name before the first token, the tokens at the end; nothing in between."""
    reply = Reply("text")
    reply._apply(M)
    screen.update(reply)
    for word in ("One ", "two ", "three ", "four"):
        reply._extend([text(word), counted()])
        screen.update(reply)
    named = caption_html(reply)
    short = [each["content"] for _, _, each in sent][2:]
    reply._extend(STOP)
    reply._end()
    screen.update(reply)
    told = [each.get("caption") for each in custom(sent)]

    assert told == [named, None, None, None, None, caption_html(reply)]
    assert all(isinstance(each, list) for each in short)
    assert screen.whole()["caption"] == caption_html(reply)
    assert bundle(reply)["text/html"].endswith(f"\n{caption_html(reply)}</div>")


def test_it_can_be_switched_off(monkeypatch):
    """For the process; the rule stays."""
    reply = reply_of(M, text("A"), counted(), *STOP)
    monkeypatch.setattr(nbstream.options, "caption", False)

    assert bundle(reply) == {
        "text/html": f'{PLACE}<p dir="auto">A</p>\n</div>',
        "text/markdown": "A",
        "text/plain": "A",
    }


#: What it shows -> (what is chosen, the error, its words).
WRONG = {
    "an option that there is not": (
        ("captoin", False),
        UnknownNameError,
        "no option 'captoin'; known: caption, timing",
    ),
    "a value that is neither": (
        ("caption", "off"),
        UsageError,
        "options.caption = 'off': expected True or False",
    ),
}


@pytest.mark.parametrize(("choice", "error", "words"), WRONG.values(), ids=WRONG)
def test_an_option_is_looked_at(choice, error, words):
    """A wrong name or value is an error at once, and changes nothing."""
    chosen = Options()
    with pytest.raises(error, match=f"^{re.escape(words)}$"):
        setattr(chosen, *choice)

    assert chosen == Options(caption=True, timing=False)
    assert vars(chosen) == {"caption": True, "timing": False}
    assert not hasattr(chosen, "captoin")


# -- the metadata ----------------------------------------------------------------------


def timed(first_s):
    reply = reply_of(M, text("A"), counted(), *STOP)
    reply.timing = Timing(first_event_s=0.1, first_text_s=first_s, end_s=1.23456)
    return reply


METADATA = {
    "api": "text",
    "model": "haiku",
    "outcome": "complete",
    "finish_reason": "stop",
    "usage": {"input_tokens": 3, "output_tokens": 5, "total_tokens": 8},
}


def test_metadata_has_no_clock():
    """Model, usage and outcome stand beside the output; two runs give the same."""
    assert metadata(timed(0.1)) == {"nbstream": METADATA}
    assert metadata(reply_of()) == {
        "nbstream": {
            "api": "text",
            "model": "",
            "outcome": "truncated",
            "finish_reason": None,
        }
    }


#: What it shows -> (when the first text came, what is said of it).
FIRST = {"a text": (0.12345, 0.123), "no text, which is not at 0": (None, None)}


@pytest.mark.parametrize(("first_s", "said"), FIRST.values(), ids=FIRST)
def test_metadata_has_times_if_they_are_wanted(monkeypatch, first_s, said):
    """Of one answer, and of each that stands beside others."""
    monkeypatch.setattr(nbstream.options, "timing", True)
    whole = METADATA | {"timing": {"first_text_s": said, "end_s": 1.235}}

    assert metadata(timed(first_s)) == {"nbstream": whole}
    assert metadata({"a": timed(first_s)}) == {"nbstream": {"race": {"a": whole}}}
