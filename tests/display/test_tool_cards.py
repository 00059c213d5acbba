"""What is shown of tools that run: cards, a question, rounds; everywhere the same."""

from __future__ import annotations

import asyncio
import io
import json
import os
import re
import signal
import sys
import threading
from dataclasses import replace
from html import escape

import pytest

from nbstream._stop import Stop
from nbstream.reply import Reply
from nbstream.screens.base import prompting
from nbstream.screens.bundle import PLACE, SHOWN_OF_RESULT, bundle
from nbstream.screens.output import TerminalScreen
from nbstream.screens.sections import Facts, Sections
from nbstream.screens.stop_button import StopButton
from nbstream.tool_runs import Consents, run_calls
from nbstream.tools import Tool
from nbstream.types import (
    End,
    Finish,
    Hop,
    Round,
    TextDelta,
    ToolCallDelta,
    ToolResult,
    Usage,
)

CALL = ToolCallDelta(index=0, id="c", name="look", arguments='{"at": "<b>"}')
CALLED = (Finish(reason="tool_calls", raw_reason=""), End())
DONE = ToolResult(call=0, state="done", result="<i>18</i>", seconds=0.31)


def reply_of(*events):
    reply = Reply("openai.chat")
    reply._extend(events)
    return reply


def two_rounds():
    first = (TextDelta(text="I look."), CALL, *CALLED, DONE, Round())
    reply = reply_of(*first, TextDelta(text="It is *18*."), End())
    reply._end()
    return reply


# -- in the reply ----------------------------------------------------------------------


def test_a_round_begins_a_new_answer():
    """The one before it is kept, whole, with what came of its calls."""
    reply = two_rounds()
    first, last = reply.rounds

    assert last is reply
    assert (first.text, reply.text) == ("I look.", "It is *18*.")
    assert (first.outcome, reply.outcome) == ("complete", "complete")
    assert first.tool_calls[0].run == DONE
    assert (reply.tool_calls, first.rounds) == ((), (first,))


def usage(count):
    counts = {"reasoning_tokens": None, "cached_tokens": None, "data": {}}
    return Usage(input_tokens=count, output_tokens=1, total_tokens=count + 1, **counts)


def test_token_counts_of_rounds_and_hops_are_added_up():
    """An exchange's own, the round's, and those of all rounds."""
    first = (usage(1), Hop(), usage(2), CALL, *CALLED, DONE, Round())
    reply = reply_of(*first, usage(4))

    assert [each.usage.input_tokens for each in reply.rounds] == [3, 7]


STOPS = {
    "while one runs": (ToolResult(call=0, state="running"), "stopped", "stopped"),
    "when all have run": (DONE, "stopped", "done"),
}


@pytest.mark.parametrize("case", STOPS, ids=STOPS)
def test_a_turn_that_is_stopped_between_two_answers(case):
    """The answer was whole, but the turn was not."""
    run, outcome, state = STOPS[case]
    reply = reply_of(CALL, *CALLED, run)
    reply._end(stopped=True)

    assert (reply.outcome, reply.tool_calls[0].run.state) == (outcome, state)
    assert not reply._calling


def test_a_result_may_come_before_anything_else():
    """Nothing breaks."""
    assert reply_of(DONE).tool_calls == ()


# -- in what is saved ------------------------------------------------------------------


def test_the_saved_output_has_all_rounds():
    """In order; nothing of a result is markup, and there is no time in it."""
    made = bundle(two_rounds())

    assert made["text/plain"] == (
        'I look.\n\nlook({"at": "<b>"})\n\nResult: <i>18</i>\n\nIt is *18*.'
    )
    assert made["text/html"] == (
        f'{PLACE}<p dir="auto">I look.</p>\n\n<p>Tool call <code>look</code></p>\n'
        "<pre><code>{\n  &quot;at&quot;: &quot;&lt;b&gt;&quot;\n}</code></pre>\n"
        "<p>Result: <code>&lt;i&gt;18&lt;/i&gt;</code></p>\n"
        '<p dir="auto">It is <em>18</em>.</p>\n</div>'
    )
    assert "```text\n<i>18</i>\n```" in made["text/markdown"]
    assert made["text/markdown"].endswith("It is *18*.")


def test_a_long_result_is_shortened():
    """The model was told all of it; the notebook stays small."""
    result = ToolResult(call=0, state="done", result="x" * 50_000)
    made = bundle(reply_of(CALL, *CALLED, result))

    for text in made.values():
        assert "x … (50,000 characters)" in text
        assert len(text) < SHOWN_OF_RESULT + 300


STATES = {
    "waiting": "Not run yet",
    "asking": "Waits for your consent",
    "running": "Running …",
    "failed": "Failed: no!",
    "invalid": "Not run: it cannot be called like this: no!",
    "refused": "Not run: no!",
    "stopped": "Stopped before it ended",
}


@pytest.mark.parametrize("state", STATES)
def test_how_a_call_stands_is_said(state):
    """In words."""
    result = "no!" if state in {"failed", "invalid", "refused"} else ""
    reply = reply_of(CALL, *CALLED, ToolResult(call=0, state=state, result=result))

    assert bundle(reply)["text/plain"].endswith(f"\n\n{STATES[state]}")


# -- in the live view ------------------------------------------------------------------


def html_of(frame):
    return "".join(frame["html"])


def test_a_card_changes_with_its_call():
    """Only the card is sent; its time is said in the live view alone."""
    sections = Sections()
    reply = reply_of(TextDelta(text="I look."), CALL, *CALLED)
    sections.changes(reply)
    reply._apply(ToolResult(call=0, state="running"))
    running = sections.changes(reply)
    reply._apply(DONE)
    done = sections.changes(reply)

    assert [*running] == [*done] == ["0.4.call.0"]
    assert "Running …" in html_of(running["0.4.call.0"])
    assert '<span class="nbstream-note">0.3 s</span>' in html_of(done["0.4.call.0"])


def test_rounds_follow_each_other_on_the_page():
    """A round that has ended is closed, and not sent again; the keys sort."""
    sections = Sections()
    reply = reply_of(TextDelta(text="I look."), CALL, *CALLED, DONE)
    first = sections.changes(reply)
    reply._extend([Round(), TextDelta(text="It is so.")])
    second = sections.changes(reply)
    reply._apply(TextDelta(text=" And so."))
    third = sections.changes(reply)

    assert [*first] == ["0.2.text", "0.4.call.0"]
    assert [*second] == ["0.2.text", "r1.0.2.text"]
    assert [*third] == ["r1.0.2.text"]
    assert [*sections.snapshot()] == ["0.2.text", "r1.0.2.text", "0.4.call.0"]
    assert sections.chars == len("I look.It is so. And so.")


def test_what_a_round_had_before_it_was_seen_is_sent():
    """Two rounds between two looks: both are there."""
    sections = Sections()
    changes = sections.changes(two_rounds())

    assert [*changes] == ["0.2.text", "0.4.call.0", "r1.0.2.text"]


def test_a_question_has_two_buttons():
    """Each says what it answers: the round and the call."""
    sections = Sections()
    again = (CALL, *CALLED, DONE, Round(), CALL, *CALLED)
    reply = reply_of(*again, ToolResult(call=0, state="asking"))
    card = html_of(sections.changes(reply)["r1.0.4.call.0"])

    assert '<button class="nbstream-consent" value="Allow 1.0">Allow</button>' in card
    assert '<button class="nbstream-consent" value="Refuse 1.0">Refuse</button>' in card


GAP = " " * 200
#: what the model gives as an argument, and what stands in the card
TRUTHS = {
    "a gap before the end": (f"ls{GAP}; rm -rf ~", f"ls{'␠' * 200}; rm -rf ~"),
    "a gap of lines": ("ls" + "\n" * 200 + "rm", "ls" + r"\n" * 200 + "rm"),
    "tabs, a return, a bell": ("a\t\r\x07b", r"a\t\r\u0007b"),
    "a direction overridden": ("\u202e/ fr- mr\u202c", r"\u202e/ fr- mr\u202c"),
    "isolates and marks": ("\u2066a\u2069\u200e\u061c", r"\u2066a\u2069\u200e\u061c"),
    "of no width": ("r\u200bm\u2060\ufeff\u00ad", r"r\u200bm\u2060\ufeff\u00ad"),
    "blanks that are no spaces": (
        "a\xa0\u3000\u3164\u2800",
        r"a\u00a0\u3000\u3164\u2800",
    ),
    "tags": ("\U000e0072", r"\udb40\udc72"),
    "selectors, in a row": ("❤\ufe0f\ufe0f", r"❤\ufe0f\ufe0f"),
    "other lines": ("a\u2028b\u0085c", r"a\u2028b\u0085c"),
    "an escape sequence": ("\x1b]52;c;x\x9b31m", r"\u001b]52;c;x\u009b31m"),
    "the sign itself, and an escape": ("␠\\u202e", r"\u2420\\u202e"),
    "what anybody can read": ("dé 中 ❤️ العربية 18°", "dé 中 ❤️ العربية 18°"),
    "code": ("def f():\n    return 1", r"def f():\n    return 1"),
    "long": ("x" * 50_000, "x" * 50_000),
    "blanks and lines at its end": ("ls  \n\n", r"ls  \n\n"),
    "gaps again and again": (f"a{' ' * 9}b{' ' * 9}c", f"a{'␠' * 9}b{'␠' * 9}c"),
    "a gap at the begin": (f"{' ' * 9}a", f"{'␠' * 9}a"),
    "private, as a font likes": ("a\ue000b\ufff9c", r"a\ue000b\ufff9c"),
    "an emoji of several": ("👩\u200d🔬", r"👩\u200d🔬"),
    "a quote and a backslash": ('"\\', r"\"\\"),
}


def look(at: str) -> str:
    """Look at a place."""
    return at


def asked_for(given):
    """Return the call of a tool with this argument."""
    return replace(CALL, arguments=json.dumps({"at": given}, ensure_ascii=False))


@pytest.mark.parametrize("case", TRUTHS)
def test_a_card_tells_all_that_will_run(case):
    """While it arrives, when it asks and in what is saved: the same, and exactly."""
    given, expected = TRUTHS[case]
    reply, sections, shown = reply_of(asked_for(given)), Sections(), []
    for event in ((), (*CALLED, ToolResult(call=0, state="asking"))):
        reply._extend(event)
        sections.changes(reply)
        shown += sections.snapshot()["0.4.call.0"]["html"]
    shown.append(bundle(reply)["text/html"])

    value = escape(f'{{\n  "at": "{expected}"\n}}')
    codes = [re.findall("<pre><code>(.*?)</code></pre>", each, re.S) for each in shown]
    assert codes == [[value]] * 3


DEEP = {"a": {"b": {"c": {"d": {"e": [1.0, 10**30, -0.0, None, ""]}}}}}
#: the arguments as the model gives them, and what runs: the card shows the latter
GIVEN = {
    "a name twice: the last one": ('{"at": "ls", "at": "rm"}', {"at": "rm"}),
    "a name twice, once in escapes": (r'{"at": "ls", "\u0061t": "rm"}', {"at": "rm"}),
    "a long number": ('{"at": 12345678901234567890}', {"at": 12345678901234567890}),
    "a number that is rounded": ('{"at": 0.1000000000000000055}', {"at": 0.1}),
    "indented": (json.dumps(DEEP), DEEP),
    "a long name": (json.dumps({"x" * 900: 1}), {"x" * 900: 1}),
    "a blank in a name": ('{"at ": 1}', {"at ": 1}),
}


@pytest.mark.parametrize("case", GIVEN)
def test_a_card_shows_what_runs_and_not_what_was_written(case):
    """Laid out, and its indentation is no gap."""
    given, runs = GIVEN[case]
    reply = reply_of(replace(CALL, arguments=given), *CALLED)
    reply._apply(ToolResult(call=0, state="asking"))
    card = html_of(Sections().changes(reply)["0.4.call.0"])

    value = escape(json.dumps(runs, indent=2))
    assert re.findall("<pre><code>(.*?)</code></pre>", card, re.S) == [value]


NO_ARGUMENTS = ['{"at": 1e999}', '{"at": -1e400}', '{"at": NaN}', '{"at": Infinity}']


@pytest.mark.parametrize("given", NO_ARGUMENTS)
def test_a_number_that_is_none_is_not_run(given):
    """Nor sent on: no JSON holds it."""
    (call,) = reply_of(replace(CALL, arguments=given), *CALLED).tool_calls

    assert (call.state, call.parsed) == ("invalid", None)


@pytest.mark.parametrize("case", TRUTHS)
def test_a_terminal_asks_for_what_will_run(case, monkeypatch):
    """On one line, with nothing that moves or hides a part of it."""
    given, expected = TRUTHS[case]
    asked = []
    monkeypatch.setattr("builtins.input", lambda text: asked.append(text) or "")
    prompting(Stop(), Asked())(reply_of(asked_for(given), *CALLED))

    assert asked == [f'Run look({{"at": "{expected}"}})? [y/N] ']


def test_what_goes_on_is_said():
    """Running, asking, and then waiting for the next answer; thoughts are its own."""
    facts, reply = Facts(), reply_of(TextDelta(text="Hm", kind="reasoning"))
    phases = [facts.new(reply, 1.0)["phase"]]
    for at_s, event in enumerate((CALL, *CALLED, DONE, Round()), 2):
        reply._apply(event)
        phases.append(facts.new(reply, at_s).get("phase"))
    reply._apply(TextDelta(text="So", kind="reasoning"))
    last = facts.new(reply, 20.0)

    assert phases == ["thinking", "calling", None, None, None, "waiting"]
    assert (last["phase"], last["thought_s"]) == ("thinking", 0)


@pytest.mark.parametrize("state", ["running", "asking"])
def test_a_call_under_way_is_said(state):
    """In the margin."""
    reply = reply_of(CALL, *CALLED, ToolResult(call=0, state=state))

    assert Facts().new(reply, 1.0)["phase"] == state


class Answered(Consents):
    """Notes what it is told."""

    def __init__(self):
        super().__init__()
        self.told = []

    def answer(self, key, allowed):
        self.told.append((key, allowed))


class Button:
    block = 0
    comm = None

    def send(self, content):
        pass

    def on_msg(self, callback, remove=False):
        pass


HEARD = {
    "yes": ({"kind": "consent", "call": "0.1", "allow": True}, [("0.1", True)]),
    "no": ({"kind": "consent", "call": "0.1", "allow": False}, [("0.1", False)]),
    "nothing is no yes": ({"kind": "consent", "call": "0.1"}, [("0.1", False)]),
    "a word is no yes": (
        {"kind": "consent", "call": "0.1", "allow": "true"},
        [("0.1", False)],
    ),
    "something else": ({"kind": "resync"}, []),
}


@pytest.mark.parametrize("case", HEARD, ids=HEARD)
def test_the_page_answers(case):
    """Only True is consent."""
    message, told = HEARD[case]
    consents = Answered()
    StopButton(Button(), Stop(), consents=consents).take(message)

    assert consents.told == told


def test_a_page_that_answers_what_nobody_asked():
    """Is not heard."""
    StopButton(Button(), Stop()).take({"kind": "consent", "call": "0.0", "allow": True})


# -- in a terminal ---------------------------------------------------------------------


def test_a_terminal_shows_the_rounds():
    """Each with its calls and what came of them."""
    out = io.StringIO()
    screen, reply = TerminalScreen(out), reply_of(TextDelta(text="I look."), CALL)
    screen.open(reply)
    screen.update(reply)
    reply._extend([*CALLED, DONE, Round(), TextDelta(text="It is 18.")])
    screen.update(reply)
    reply._apply(End())
    reply._end()
    screen.close(reply)

    assert out.getvalue() == (
        'I look.\n\nlook({"at": "<b>"})\n\nResult: <i>18</i>\n\nIt is 18.\n'
    )


class Asked(Consents):
    """One question that is open until it is answered."""

    def __init__(self):
        super().__init__()
        self.answers = []

    @property
    def open(self):
        return ("0.0",)

    def answer(self, key, allowed):
        self.answers.append((key, allowed))


TYPED = {"y": True, " YES ": True, "n": False, "": False, "what": False}


@pytest.mark.parametrize("typed", TYPED)
def test_a_terminal_asks(typed, monkeypatch):
    """Once; and only yes is yes."""
    asked = []
    monkeypatch.setattr("builtins.input", lambda text: asked.append(text) or typed)
    consents = Asked()
    look = prompting(Stop(), consents)
    look(reply_of(CALL, *CALLED))
    look(reply_of(CALL, *CALLED))

    assert consents.attached
    assert asked == ['Run look({"at": "<b>"})? [y/N] ']
    assert consents.answers == [("0.0", TYPED[typed])]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no terminal like it")
def test_what_was_typed_before_the_question_is_no_answer(monkeypatch):
    """Keys that were pressed ahead are dropped; nobody had read it."""
    main, side = os.openpty()
    with open(side) as typed:
        os.write(main, b"y\n")
        monkeypatch.setattr(sys, "stdin", typed)
        answer = lambda _: os.write(main, b"n\n") and typed.readline()  # noqa: E731
        monkeypatch.setattr("builtins.input", answer)
        consents = Asked()
        prompting(Stop(), consents)(reply_of(CALL, *CALLED))
        os.close(main)

    assert consents.answers == [("0.0", False)]


def test_one_question_at_a_time():
    """The next comes when the last is answered; an answer before that is not heard."""
    consents = Consents()
    consents.attached = True
    reply = reply_of(*(replace(CALL, index=at) for at in range(3)), *CALLED)
    tools = {"look": Tool(look, confirm=True)}
    seen = []

    async def run():
        async def consent(record):
            return await consents.ask(f"0.{record.at}")

        one = consents.one_by_one
        calls = run_calls(reply.tool_calls, tools, consent=consent, one_by_one=one)
        running = asyncio.ensure_future(calls)
        for key in ("0.0", "0.1", "0.2"):
            while not consents.open:
                await asyncio.sleep(0)
            seen.append(consents.open)
            for other in {"0.0", "0.1", "0.2"} - {key}:
                consents.answer(other, True)
            consents.answer(key, False)
            while key in consents.open:
                await asyncio.sleep(0)
        return await running

    states = [each.state for each in asyncio.run(run())]

    assert seen == [("0.0",), ("0.1",), ("0.2",)]
    assert states == ["refused"] * 3


def test_ctrl_c_at_the_question_stops(monkeypatch):
    """The call does not run, and the stream is stopped as by ■."""
    before = signal.getsignal(signal.SIGINT)

    def press(_text):
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("builtins.input", press)
    stop, consents = Stop(), Asked()
    prompting(stop, consents)(reply_of(CALL, *CALLED))

    assert (stop.by, consents.answers) == ("interrupt", [("0.0", False)])
    assert signal.getsignal(signal.SIGINT) is before


def test_nobody_at_the_terminal(monkeypatch):
    """An input that has ended is nobody, and so is a thread in the background."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    piped, aside = Asked(), Asked()
    prompting(Stop(), piped)(reply_of(CALL, *CALLED))
    look = prompting(Stop(), aside)
    thread = threading.Thread(target=look, args=(reply_of(CALL, *CALLED),))
    thread.start()
    thread.join()

    assert piped.answers == aside.answers == [("0.0", None)]


def test_without_questions_nothing_is_attached():
    """A stream that was handed to show runs no tools."""
    assert prompting(None, None)(Reply()) is None


def test_an_answer_after_the_end_is_not_heard():
    """Neither a second one, nor one whose loop is closed."""
    consents = Consents()
    consents.attached = True

    async def ask():
        asking = asyncio.ensure_future(consents.ask("0.0"))
        await asyncio.sleep(0)
        consents.answer("0.0", True)
        consents.answer("0.0", False)
        return await asking

    assert asyncio.run(ask()) is True
    assert consents.open == ()
    consents.answer("0.0", True)
