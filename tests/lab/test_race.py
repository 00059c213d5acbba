"""A race: several streams at once, one end for all, whatever becomes of each."""

from __future__ import annotations

import re
import signal
import threading

import pytest
from harness.sdks import cases, only

import nbstream
from nbstream.errors import Stopped, UsageError
from nbstream.lab.race import summary
from nbstream.reply import Reply
from nbstream.screens.bundle import bundle

PROMPT = "Say hello [scenario: prose]"


def race(contenders, **options):
    return nbstream.race(contenders, view="none", **options)


def test_they_run_at_the_same_time_and_keep_their_order():
    """Each waits for the other to have begun, so that one after the other is stuck."""
    meeting = threading.Barrier(2, timeout=10)

    def meet(word):
        yield f"{word} "
        meeting.wait()
        yield "met"

    replies = race({"b": lambda: meet("one"), "a": lambda: meet("two")})

    assert {name: reply.text for name, reply in replies.items()} == {
        "b": "one met",
        "a": "two met",
    }
    assert list(replies) == ["b", "a"]
    assert nbstream.last_race() is replies


def broken():
    yield "Hello "
    raise OSError("reset")


def no_key():
    raise RuntimeError("no key")


FAILURES = {
    "in mid-stream": (broken, "Hello ", "reset"),
    "before it was a stream": (no_key, "", "no key"),
    "no stream": (lambda: 7, "", "the call gave int 7"),
    "nothing": (lambda: None, "", "the call gave NoneType None"),
    "no payload of anyone's": (lambda: [object()], "", "no provider knows this item"),
}


@pytest.mark.parametrize(("make", "text", "words"), FAILURES.values(), ids=FAILURES)
def test_who_fails_loses_nothing_and_nobody(make, text, words):
    """What had come is kept, why is said, nothing is raised, the others go on."""
    replies = race({"bad": make, "good": lambda: ["all ", "well"]})
    bad, good = replies.values()

    assert (bad.outcome, bad.text) == ("failed", text)
    assert words in bad.error.message
    assert bad.exception is not None
    assert (good.outcome, good.text) == ("complete", "all well")


def test_a_limit_is_for_each():
    """The silent one times out alone."""
    still = threading.Event()

    def silent():
        yield "begun"
        still.wait(10)

    replies = race({"silent": silent, "quick": lambda: ["done"]}, timeout=0.2)
    still.set()

    assert [reply.outcome for reply in replies.values()] == ["failed", "complete"]
    assert "silent for 0.2 s" in replies["silent"].error.message


CHUNK = {
    "object": "chat.completion.chunk",
    "choices": [{"index": 0, "delta": {"content": "done"}, "finish_reason": "stop"}],
}


def test_interrupt_stops_all_and_keeps_all():
    """Like ■: all connections end, then it is raised, with all replies in its hand."""
    taken = threading.Barrier(4, timeout=10)
    still = threading.Event()

    def stuck(payload):
        yield payload
        taken.wait()  # it goes on once the payload is in the reply
        still.wait(10)

    def press():
        taken.wait()
        signal.raise_signal(signal.SIGINT)

    threading.Thread(target=press, daemon=True).start()
    texts = {"a": "begun", "b": "begun", "c": CHUNK}
    with pytest.raises(Stopped, match=r"last_race\(\)") as caught:
        race({name: lambda it=it: stuck(it) for name, it in texts.items()})
    still.set()
    replies = caught.value.replies

    outcomes = ["stopped", "stopped", "complete"]
    assert isinstance(caught.value, KeyboardInterrupt)
    assert [reply.outcome for reply in replies.values()] == outcomes
    assert [reply.text for reply in replies.values()] == ["begun", "begun", "done"]
    assert nbstream.last_race() is replies
    assert caught.value.reply is replies["a"]


WHOLE = {
    "openai.chat": lambda c: c.chat.completions.create(
        model="m", messages=[{"role": "user", "content": PROMPT}]
    ),
    "openai.responses": lambda c: c.responses.create(model="m", input=PROMPT),
    "anthropic.messages": lambda c: c.messages.create(
        model="m", max_tokens=4000, messages=[{"role": "user", "content": PROMPT}]
    ),
    "google.generate_content": lambda c: c.models.generate_content(
        model="m", contents=PROMPT
    ),
    "google.interactions": lambda c: c.interactions.create(model="m", input=PROMPT),
}


@pytest.mark.parametrize("shape", **cases(only(name="sync stream")))
def test_streaming_against_not_streaming(shape, clients):
    """The same answer, sync and async; the whole one has its first token at its end."""
    name = shape.api.partition(".")[0]
    whole = WHOLE[shape.api]
    replies = race(
        {
            "streamed": lambda: shape.make(clients, "m", PROMPT),
            "whole": lambda: whole(getattr(clients, name)),
            "awaited": lambda: whole(getattr(clients, f"a{name}")),
        }
    )
    timing = replies["whole"].timing

    assert {reply.outcome for reply in replies.values()} == {"complete"}
    assert {reply.api for reply in replies.values()} == {shape.api}
    assert len({reply.text for reply in replies.values()}) == 1
    assert replies["whole"].text != ""
    assert timing.first_text_s == timing.last_text_s
    assert timing.end_s - timing.first_text_s < timing.first_text_s


def test_the_bytes_of_each_can_be_kept(clients):
    """And taken apart, one by one."""
    shapes = only(name="sync stream of a function").values()
    replies = race(
        {shape.api: shape.make(clients, "m", PROMPT) for shape in shapes},
        keep_wire=True,
    )

    assert {name: reply.anatomy().api for name, reply in replies.items()} == {
        shape.api: shape.api for shape in shapes
    }


def test_it_can_be_drawn_as_it_is():
    """Also with one that failed, and one to which nothing came."""
    pytest.importorskip("matplotlib")
    replies = race({"a": lambda: ["x"], "b": broken, "c": no_key})
    found = nbstream.plot(replies)

    names = [each.get_text() for each in found.figure.axes[0].get_yticklabels()]
    assert names == ["a", "b", "c"]


WRONG = {
    "nobody": ({}, r"nobody to race in {}"),
    "a list": ([lambda: []], "nobody to race in"),
    "a stream": ({"a": iter([])}, "'a' is .*, no function"),
    "one that needs arguments": ({"a": lambda x: x}, r"needs arguments \(x\)"),
}


@pytest.mark.parametrize(("given", "words"), WRONG.values(), ids=WRONG)
def test_what_cannot_race_is_told_so(given, words):
    """Before anything is sent."""
    with pytest.raises(UsageError, match=words):
        race(given)


# -- on a terminal ---------------------------------------------------------------------


def test_a_terminal_shows_one_after_the_other(capsys):
    """Whoever was faster: the same lines, then who that was."""
    first, second = threading.Event(), threading.Event()

    def slow():
        yield "one "
        second.wait(10)
        yield "two"
        first.set()

    def fast():
        yield "three"
        second.set()

    nbstream.race({"slow": slow, "fast": fast, "bad": broken}, view="terminal")
    shown = re.sub(r"\d+\.\d\d s", "N s", capsys.readouterr().out)

    assert shown == (
        "== slow ==\none two\n\n== fast ==\nthree\n\n"
        "== bad ==\nHello \n\n[Failed. OSError: reset]\n\n"
        "slow: first token after N s, 7 characters, complete after N s\n"
        "fast: first token after N s, 5 characters, complete after N s\n"
        "bad: first token after N s, 6 characters, failed after N s\n"
    )


def test_a_name_does_not_drive_the_terminal(capsys):
    """It stands there as it is written, above its answer and at the end."""
    race = nbstream.race({"\x1b[2J\u202ea": lambda: ["x"]}, view="terminal")
    printed = capsys.readouterr().out

    assert printed.startswith(r"== \x1b[2J\u202ea ==")
    assert str(race).startswith(r"\x1b[2J\u202ea: ")
    assert not re.search("[\x1b\u202e]", printed + str(race))


def test_a_reply_without_times_is_told_without_them():
    """One that is not of a race."""
    assert summary("a", Reply()) == "a: no token, 0 characters, running"


# -- what is saved -------------------------------------------------------------------


def replies_of(**texts):
    return race({name: lambda text=text: [text] for name, text in texts.items()})


def test_the_saved_output_has_columns_and_no_times():
    """Three forms, all of them safe, the names as they are."""
    replies = race({"<b>a": lambda: ["**x** <i>"], "b*": lambda: ["```py\n1"]})
    made = bundle(replies)

    assert "&lt;b&gt;a</th>" in made["text/html"]
    assert "<strong>x</strong> &lt;i&gt;" in made["text/html"]
    assert made["text/html"].count("<td ") == 2
    assert made["text/plain"] == "== <b>a ==\n**x** <i>\n\n== b* ==\n```py\n1"
    assert "<b>" not in made["text/markdown"]
    assert made == bundle(replies)


def test_a_fence_left_open_does_not_swallow_the_next_answer():
    """Each answer is closed before the next name."""
    made = bundle(replies_of(a="```\ncode", b="**bold**"))["text/markdown"]

    assert made.split("### b")[0].rstrip().endswith("```")


def test_more_than_three_begin_a_new_row():
    """Columns stay wide enough to be read."""
    made = bundle(replies_of(a="1", b="2", c="3", d="4"))["text/html"]

    assert [row.count("<td ") for row in made.split("</table>")[:2]] == [3, 1]
