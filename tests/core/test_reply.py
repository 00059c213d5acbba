"""Events in, one reply out."""

import sys
from types import SimpleNamespace

import pytest
from IPython.utils.capture import capture_output

from nbstream.errors import UsageError
from nbstream.reply import Reply
from nbstream.reply.parts import parse_arguments
from nbstream.reply.timing import Read, Wire
from nbstream.types import (
    ArgumentDelta,
    Arguments,
    Citation,
    End,
    Failure,
    Finish,
    Hop,
    Ignored,
    OtherPart,
    PartDone,
    Signature,
    Start,
    TextDelta,
    TextDone,
    ToolCallDelta,
    Usage,
)


def text(value, **more):
    return TextDelta(text=value, **more)


def call(arguments="", index=0, **more):
    return ToolCallDelta(index=index, arguments=arguments, **more)


def finish(reason="stop", **more):
    return Finish(reason=reason, raw_reason=reason, **more)


def usage(input_tokens=None, output_tokens=None, total_tokens=None, **data):
    return Usage(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        total_tokens=total_tokens,
        reasoning_tokens=None,
        cached_tokens=None,
        data=data,
    )


def reply_of(*events, end=True, **how):
    reply = Reply("openai.chat")
    reply._extend(events)
    if end:
        reply._end(**how)
    return reply


ENDED = (finish(), End())

TEXTS = {
    "nothing": ([], ("", "", "")),
    "deltas are joined": ([text("Hel"), text("lo")], ("Hello", "", "")),
    "each kind is kept apart": (
        [
            text("hm", kind="reasoning"),
            text("4"),
            text("no", kind="refusal"),
            text("2"),
        ],
        ("42", "hm", "no"),
    ),
    "numbered parts grow side by side": (
        [text("a", index=0), text("x", index=1), text("b", index=0)],
        ("abx", "", ""),
    ),
    "a number used again after a hop is another part": (
        [text("a", index=0), Hop(), text("b", index=0)],
        ("ab", "", ""),
    ),
    "a whole text adds what did not come": (
        [text("Hel", index=0), TextDone(text="Hello", index=0)],
        ("Hello", "", ""),
    ),
    "a whole text that no delta announced": (
        [TextDone(text="no", index=0, kind="refusal")],
        ("", "", "no"),
    ),
    "a whole text that came already": (
        [text("Hello", index=0), TextDone(text="Hello", index=0)],
        ("Hello", "", ""),
    ),
    "a whole text that is another takes its place": (
        [text("Hello", index=0), TextDone(text="Bye", index=0)],
        ("Bye", "", ""),
    ),
    "a whole text without a number is all of that kind": (
        [
            text("hm", kind="reasoning"),
            text("Hel"),
            call("{}", id="c1", name="f"),
            TextDone(text="hm", kind="reasoning"),
            TextDone(text="Hello"),
        ],
        ("Hello", "hm", ""),
    ),
    "an empty whole text begins no part": ([TextDone(text="", index=0)], ("", "", "")),
    "another answer does not mix in": (
        [text("a"), text("b", choice=1), text("c")],
        ("ac", "", ""),
    ),
}


@pytest.mark.parametrize(("events", "expected"), TEXTS.values(), ids=TEXTS)
def test_text(events, expected):
    """Text, reasoning and refusal are what was sent, each on its own."""
    reply = reply_of(*events)

    assert (reply.text, reply.reasoning, reply.refusal) == expected


OUTCOMES = {
    "the marker makes it complete": ([text("a"), *ENDED], {}, "complete"),
    "the marker alone does": ([End()], {}, "complete"),
    "no marker: truncated": ([text("a")], {}, "truncated"),
    "a finish reason is no marker": ([text("a"), finish()], {}, "truncated"),
    "nothing at all: truncated": ([], {}, "truncated"),
    "one of two answers is missing": (
        [text("a"), text("b", choice=1), *ENDED],
        {},
        "truncated",
    ),
    "stopped": ([text("a")], {"stopped": True}, "stopped"),
    "stopped after the marker": ([text("a"), *ENDED], {"stopped": True}, "complete"),
    "stopped, and the SDK raised": (
        [text("a")],
        {"stopped": True, "exception": OSError("shut down")},
        "stopped",
    ),
    "the SDK raised": ([text("a")], {"exception": OSError("reset")}, "failed"),
    "the SDK raised after the marker": (
        [text("a"), *ENDED],
        {"exception": OSError("reset")},
        "complete",
    ),
    "the provider said so": (
        [text("a"), Failure(type="overloaded", message="later"), *ENDED],
        {},
        "failed",
    ),
}


@pytest.mark.parametrize(("events", "how", "expected"), OUTCOMES.values(), ids=OUTCOMES)
def test_outcome(events, how, expected):
    """The outcome says how it ended, and running comes before."""
    reply = reply_of(*events, end=False)
    before = reply.outcome
    reply._end(**how)

    assert (before, reply.outcome) == ("running", expected)


def test_the_first_end_counts():
    """Ending again changes nothing."""
    reply = reply_of(text("a"))
    reply._end(exception=OSError("late"))

    assert (reply.outcome, reply.exception) == ("truncated", None)


def test_an_exception_is_the_error():
    """What the SDK raised is kept, and told as type and message."""
    error = OSError("reset")
    reply = reply_of(text("a"), exception=error)

    assert reply.exception is error
    assert reply.error == Failure(type="OSError", message="reset")


CALLS = {
    "whole": (
        [call('{"a": 1}', id="c1", name="f")],
        [("c1", "f", '{"a": 1}', {"a": 1}, "valid")],
    ),
    "in fragments": (
        [call("", id="c1", name="f"), call('{"a"'), call(": 1}")],
        [("c1", "f", '{"a": 1}', {"a": 1}, "valid")],
    ),
    "two at once, by number": (
        [
            call("", index=3, id="c1", name="f"),
            call("", index=7, id="c2", name="g"),
            call("{}", index=3),
            call('{"b":2}', index=7),
        ],
        [("c1", "f", "{}", {}, "valid"), ("c2", "g", '{"b":2}', {"b": 2}, "valid")],
    ),
    "id and name repeated are set once": (
        [call("{", id="c1", name="f"), call("}", id="c1", name="f")],
        [("c1", "f", "{}", {}, "valid")],
    ),
    "without numbers, each id is a call": (
        [
            call("{}", index=None, id="c1", name="f"),
            call("{}", None, id="c2", name="f"),
        ],
        [("c1", "f", "{}", {}, "valid"), ("c2", "f", "{}", {}, "valid")],
    ),
    "without numbers and ids, each name is a call": (
        [call("{}", index=None, name="f"), call("{}", index=None, name="f")],
        [("", "f", "{}", {}, "valid"), ("", "f", "{}", {}, "valid")],
    ),
    "without a number a fragment goes to the newest": (
        [call("{", index=None, id="c1", name="f"), call("}", index=None)],
        [("c1", "f", "{}", {}, "valid")],
    ),
    "a new id and name under the same number is another call": (
        [call("{}", id="c1", name="f"), call('{"b":2}', id="c2", name="g")],
        [("c1", "f", "{}", {}, "valid"), ("c2", "g", '{"b":2}', {"b": 2}, "valid")],
    ),
    "a new id without a name is the same call": (
        [call("{", id="c1", name="f"), call("}", id="c2")],
        [("c1", "f", "{}", {}, "valid")],
    ),
    "an id that comes later is taken": (
        [call("{", name="f"), call("}", id="c1")],
        [("c1", "f", "{}", {}, "valid")],
    ),
    "no arguments at all are {}": (
        [call("", id="c1", name="f")],
        [("c1", "f", "{}", {}, "valid")],
    ),
    "and so they are where the call is closed": (
        [call("", id="c1", name="f"), PartDone(index=0, data={})],
        [("c1", "f", "{}", {}, "valid")],
    ),
    "blanks are no arguments": (
        [call(" ", id="c1", name="f"), call("\n")],
        [("c1", "f", "{}", {}, "valid")],
    ),
    "null is no arguments": (
        [call("nu", id="c1", name="f"), call("ll")],
        [("c1", "f", "{}", {}, "valid")],
    ),
    "a new name after whole arguments is another call, without ids": (
        [call('{"a":1}', name="f"), call('{"b":2}', name="g")],
        [
            ("", "f", '{"a":1}', {"a": 1}, "valid"),
            ("", "g", '{"b":2}', {"b": 2}, "valid"),
        ],
    ),
    "and so it is under one id for all": (
        [
            call("", id="call_0", name="f"),
            call('{"a"'),
            call(":1}"),
            call("", id="call_0", name="g"),
            call("{}"),
        ],
        [
            ("call_0", "f", '{"a":1}', {"a": 1}, "valid"),
            ("call_0", "g", "{}", {}, "valid"),
        ],
    ),
    "and after a call without arguments": (
        [call("", name="f"), call("{}", name="g")],
        [("", "f", "{}", {}, "valid"), ("", "g", "{}", {}, "valid")],
    ),
    "the same name with other arguments is another call": (
        [call('{"a":1}', name="f"), call('{"a":2}', name="f")],
        [
            ("", "f", '{"a":1}', {"a": 1}, "valid"),
            ("", "f", '{"a":2}', {"a": 2}, "valid"),
        ],
    ),
    "also where its arguments come behind it": (
        [
            call('{"a"', name="f"),
            call(":1}"),
            call("", name="f"),
            call('{"a"'),
            call(":2}"),
        ],
        [
            ("", "f", '{"a":1}', {"a": 1}, "valid"),
            ("", "f", '{"a":2}', {"a": 2}, "valid"),
        ],
    ),
    "a new id after whole arguments is another call": (
        [call('{"a":1}', id="c1", name="f"), call('{"a":2}', id="c2")],
        [
            ("c1", "f", '{"a":1}', {"a": 1}, "valid"),
            ("c2", "f", '{"a":2}', {"a": 2}, "valid"),
        ],
    ),
    "a whole call that is said again is the same call": (
        [
            call('{"a"', id="c1", name="f"),
            call(":1}", id="c1", name="f"),
            call('{"a":1}', id="c1", name="f"),
            call("", id="c1", name="f"),
        ],
        [("c1", "f", '{"a":1}', {"a": 1}, "valid")],
    ),
    "an object inside of arguments begins no call": (
        [call('{"a":', id="c1", name="f"), call('{"b":1}}', id="c1", name="f")],
        [("c1", "f", '{"a":{"b":1}}', {"a": {"b": 1}}, "valid")],
    ),
    "an object that opened the call holds once it is closed": (
        [
            call("", id="c1", name="f"),
            Arguments(index=0, data={}),
            PartDone(index=0, data={}),
        ],
        [("c1", "f", "{}", {}, "valid")],
    ),
    "fragments count more than the object": (
        [
            call("", id="c1", name="f"),
            Arguments(index=0, data={}),
            call('{"a": 1}'),
            PartDone(index=0, data={}),
        ],
        [("c1", "f", '{"a": 1}', {"a": 1}, "valid")],
    ),
    "arguments by path": (
        [
            call(index=None, name="f"),
            ArgumentDelta(json_path="$.city", value="Par", will_continue=True),
            ArgumentDelta(json_path="$.city", value="is", will_continue=False),
            ArgumentDelta(json_path="$.days", value=3, will_continue=False),
        ],
        [
            (
                "",
                "f",
                '{"city": "Paris", "days": 3}',
                {"city": "Paris", "days": 3},
                "valid",
            )
        ],
    ),
    "arguments by path with no call open begin one": (
        [ArgumentDelta(json_path="$.a", value=None, will_continue=False)],
        [("", "", '{"a": null}', {"a": None}, "valid")],
    ),
}


@pytest.mark.parametrize(("events", "expected"), CALLS.values(), ids=CALLS)
def test_tool_calls(events, expected):
    """A call is what its fragments make, found by number and never by place."""
    reply = reply_of(*events, finish("tool_calls"), End())
    calls = [(c.id, c.name, c.arguments, c.parsed, c.state) for c in reply.tool_calls]

    assert calls == expected


def test_an_object_without_a_call_is_dropped():
    """Arguments that belong to no call make none."""
    reply = reply_of(text("a"), Arguments(index=0, data={"a": 1}), *ENDED)

    assert reply.tool_calls == ()


STATES = {
    "wrong JSON": (['{"a" 1}'], finish("tool_calls"), {}, "invalid"),
    "not an object": (["[1]"], finish("tool_calls"), {}, "invalid"),
    "NaN is no JSON": (['{"a": NaN}'], finish("tool_calls"), {}, "invalid"),
    "nested too deep": (["[" * 100_000], finish("tool_calls"), {}, "invalid"),
    "junk after it": (['{"a": 1} x'], finish("tool_calls"), {}, "invalid"),
    "cut by the token limit": (['{"a": 1'], finish("length"), {}, "unfinished"),
    "cut by the connection": (['{"a": 1'], None, {}, "unfinished"),
    "cut by a stop": (['{"a": 1'], None, {"stopped": True}, "unfinished"),
    "no arguments yet, and the token limit": ([""], finish("length"), {}, "unfinished"),
    "no arguments yet, and filtered": (
        [""],
        finish("content_filter"),
        {},
        "unfinished",
    ),
    "no arguments yet, and an error": ([""], finish("error"), {}, "unfinished"),
    "no arguments yet, and the connection": ([""], None, {}, "unfinished"),
    "no arguments yet, and a stop": ([""], None, {"stopped": True}, "unfinished"),
    "null, and the connection": (["null"], None, {}, "unfinished"),
    "whole before the connection was cut": (['{"a": 1}'], None, {}, "valid"),
}


@pytest.mark.parametrize(
    ("arguments", "last", "how", "state"), STATES.values(), ids=STATES
)
def test_a_call_that_cannot_be_run(arguments, last, how, state):
    """What is wrong is marked, with the raw text kept and nothing made up."""
    events = [call(each, id="c1", name="f") for each in arguments]
    reply = reply_of(*events, *([last, End()] if last else []), **how)
    (found,) = reply.tool_calls

    assert (found.state, found.arguments) == (state, "".join(arguments))
    assert (found.parsed is None) == bool(found.error) == (state != "valid")


@pytest.mark.parametrize("arguments", ['{"a"', "", "null"])
def test_a_call_is_open_while_it_streams(arguments):
    """Before its end a call is neither right nor wrong."""
    reply = reply_of(call(arguments, id="c1", name="f"), end=False)
    (found,) = reply.tool_calls

    assert (found.state, found.parsed, found.error) == ("open", None, "")
    assert found.arguments == arguments


def test_a_closed_call_is_known_at_once():
    """A call that the API closed is judged while the rest still streams."""
    reply = reply_of(
        call("{}", id="c1", name="f"), PartDone(index=0, data={}), text("x"), end=False
    )

    assert [each.state for each in reply.tool_calls] == ["valid"]


def test_what_has_a_number_of_ours_is_one_part():
    """What comes again under it is more of the same; it is in no call's way."""
    reply = reply_of(
        OtherPart(type="search", data={"q": "a"}, index=-1),
        call("{}", index=0, id="c1", name="f"),
        OtherPart(type="search", data={"found": 1}, index=-1),
        *ENDED,
    )

    others = [part.data for part in reply.parts if part.kind == "other"]
    assert others == [{"q": "a", "found": 1}]
    assert [each.state for each in reply.tool_calls] == ["valid"]


def test_fragments_for_a_server_tool_are_no_tool_call():
    """What the provider runs itself is kept in its place and is nobody's to run."""
    server = OtherPart(type="server_tool_use", data={"id": "s1"}, index=0)
    reply = reply_of(server, call('{"query": "x"}', index=0), *ENDED)
    (part,) = reply.parts

    assert reply.tool_calls == ()
    assert (part.kind, part.type, part.data) == (
        "other",
        "server_tool_use",
        {"id": "s1"},
    )
    assert part.arguments == '{"query": "x"}'


GOES_ON = {
    "fields are set, and lists grow": (
        [({"a": 1, "of": [1]}, False), ({"a": 2, "of": [2], "b": 3}, True)],
        [{"a": 2, "of": [1, 2], "b": 3}],
    ),
    "a list takes the place of none": (
        [({"of": None}, False), ({"of": [1]}, True)],
        [{"of": [1]}],
    ),
    "there is nothing that could go on": ([({"a": 1}, True)], [{"a": 1}]),
    "another one of the same kind": (
        [({"a": 1}, False), ({"a": 1}, False)],
        [{"a": 1}, {"a": 1}],
    ),
}


@pytest.mark.parametrize(("said", "data"), GOES_ON.values(), ids=GOES_ON.keys())
def test_what_more_is_said_of_a_part_is_added_to_it(said, data):
    """A part that only the provider can read may come in several pieces."""
    events = (
        OtherPart(type="search", data=each, index=0, goes_on=more)
        for each, more in said
    )

    assert [part.data for part in reply_of(*events, *ENDED).parts] == data


def test_a_piece_of_another_kind_begins_a_part():
    """The number alone does not make it the same."""
    found = (OtherPart(type=t, data={}, index=0, goes_on=True) for t in ("a", "b"))

    assert [part.type for part in reply_of(*found, *ENDED).parts] == ["a", "b"]


FINISHES = {
    "none": ([text("a")], (None, None)),
    "the provider's own word is kept": ([finish("length")], ("length", "length")),
    "stop with a call means tool_calls": (
        [call("{}", id="c", name="f"), finish("stop")],
        ("tool_calls", "stop"),
    ),
    "the last one counts": ([finish("stop"), finish("length")], ("length", "length")),
}


@pytest.mark.parametrize(("events", "expected"), FINISHES.values(), ids=FINISHES)
def test_finish_reason(events, expected):
    """Why the model stopped: in one vocabulary, and in the provider's."""
    reply = reply_of(*events)

    assert (reply.finish_reason, reply.raw_finish_reason) == expected


USAGES = {
    "none": ([], None),
    "told once": ([usage(5, 7, 12)], (5, 7, 12)),
    "the total is added up where it is not told": ([usage(5, 7)], (5, 7, 12)),
    "half is known": ([usage(5)], (5, None, None)),
    "running totals: the last word holds": ([usage(5, 1), usage(None, 7)], (5, 7, 12)),
    "zeros take nothing back": ([usage(5, 7, 12), usage(0, 0, 0)], (5, 7, 12)),
    "zeros give way": ([usage(0, 0, 0), usage(5, 7, 12)], (5, 7, 12)),
    "nothing but zeros": ([usage(0, 0, 0)], (0, 0, 0)),
    "null takes nothing back": ([usage(5, 7, 12), usage()], (5, 7, 12)),
    "exchanges are added": ([usage(5, 1), Hop(), usage(6, 2)], (11, 3, 14)),
    "an exchange that tells nothing": ([usage(5, 1), Hop()], (5, 1, 6)),
    "half known, added": ([usage(5), Hop(), usage(None, 2)], (5, 2, None)),
}


@pytest.mark.parametrize(("events", "expected"), USAGES.values(), ids=USAGES)
def test_usage(events, expected):
    """Token counts are added up as their provider means them."""
    found = reply_of(*events).usage
    counts = found and (found.input_tokens, found.output_tokens, found.total_tokens)

    assert counts == expected


def test_usage_keeps_the_providers_own():
    """What a later count does not tell stays in ``data``."""
    reply = reply_of(usage(5, a=1, b=None), usage(None, 7, b=2, a=None))

    assert reply.usage is not None
    assert reply.usage.data == {"a": 1, "b": 2}


def test_answers_are_kept_apart():
    """With n > 1 each answer has its own text, calls and finish reason."""
    reply = reply_of(
        text("b", choice=1),
        text("a"),
        call("{}", id="c", name="f", choice=1),
        finish("length", choice=0),
        finish("tool_calls", choice=1),
    )
    found = [(c.index, c.text, c.finish_reason) for c in reply.choices]

    assert found == [(0, "a", "length"), (1, "b", "tool_calls")]
    assert (reply.text, reply.finish_reason) == ("a", "length")


def test_names_are_set_once():
    """The first id and model that are given stay."""
    reply = reply_of(
        Start(id="", model="m"), Start(id="r1", model=""), Start(id="r2", model="x")
    )

    assert (reply.id, reply.model) == ("r1", "m")


def test_the_last_exchange_names_the_reply():
    """After a hop the next id counts, since what follows must refer to it."""
    reply = reply_of(
        Start(id="r1", model="m"),
        Hop(),
        Start(id="", model=""),
        Start(id="r2", model=""),
    )
    reply._apply(Start(id="r3", model="x"))

    assert (reply.id, reply.model) == ("r2", "m")


LEAVES = {
    "before the first leaf": [],
    "inside a leaf": [ArgumentDelta(json_path="$.a", value="Par", will_continue=True)],
}


@pytest.mark.parametrize("leaves", LEAVES.values(), ids=LEAVES)
@pytest.mark.parametrize("end", [[], [finish("length"), End()]], ids=["cut", "limit"])
def test_a_call_cut_between_its_leaves_is_unfinished(leaves, end):
    """Leaves always make an object: only the API can say that it is whole."""
    begun = [call(index=None, name="f"), Signature(signature="s")]
    (found,) = reply_of(*begun, *leaves, *end).tool_calls

    assert (found.state, found.parsed) == ("unfinished", None)


def test_a_hop_before_any_part():
    """An exchange may say why it stopped and nothing else."""
    reply = reply_of(finish("other"), Hop(), text("a"), *ENDED)

    assert (reply.text, reply.outcome) == ("a", "complete")


def test_a_stream_is_read_without_a_display():
    """``from_stream`` takes what ``show`` takes, and raises no failure."""

    def broken():
        yield "Hel"
        raise OSError("cut")

    assert Reply.from_stream(["Hel", "lo"]).text == "Hello"
    assert Reply.from_stream(broken()).outcome == "failed"


def test_a_reply_shows_itself():
    """As Markdown it is safe; as a cell's value it is its bundle."""
    reply = reply_of(text("**b** <blink>x"), *ENDED)
    with capture_output() as captured:
        reply._ipython_display_()

    assert reply._repr_markdown_() == "**b** &lt;blink>x"
    assert captured.stdout.startswith("Reply('**b** <blink>x'")


def test_a_reply_shows_itself_in_marimo(monkeypatch):
    """It asks for an element of its own: there it is made of the safe HTML."""
    monkeypatch.setitem(sys.modules, "marimo", SimpleNamespace(Html=str))

    shown = reply_of(text("**b** <blink>x"), *ENDED)._display_()

    assert "<strong>b</strong> &lt;blink&gt;x" in shown


def test_what_is_not_shown_is_counted():
    """Nothing disappears: each kind that is ignored is counted by its name."""
    reply = reply_of(Ignored(type="ping"), Ignored(type="x"), Ignored(type="ping"))

    assert reply.ignored == {"ping": 2, "x": 1}


def test_a_signature_belongs_to_its_part():
    """By number it joins; without one it also closes the newest part."""
    reply = reply_of(
        text("t", index=0, kind="reasoning"),
        Signature(signature="ab", index=0),
        Signature(signature="cd", index=0),
        text("x"),
        Signature(signature="s"),
        text("y"),
    )
    found = [(part.text, part.signature, part.done) for part in reply.parts]

    assert found == [("t", "abcd", False), ("x", "s", True), ("y", "", False)]


def test_a_signature_without_a_part_is_dropped():
    """There is nothing that it could sign."""
    assert reply_of(Signature(signature="s")).parts == ()


def test_citations_are_kept_once():
    """A source is kept with its part, and once, however often it is repeated."""
    one, two = {"url": "http://a"}, {"url": "http://b"}
    reply = reply_of(
        text("x", index=1),
        Citation(data=one, index=1),
        Citation(data=one, index=1),
        Citation(data=two, index=2),
    )

    assert reply.citations == (one, two)
    assert [part.index for part in reply.parts] == [1, 2]


def test_the_providers_form_of_a_part_is_kept():
    """The API's own whole part goes into ``data``; an empty one changes nothing."""
    whole = {"type": "message", "id": "m1"}
    reply = reply_of(
        text("x", index=0), PartDone(index=0, data=whole), PartDone(index=0, data={})
    )

    assert [(part.data, part.done) for part in reply.parts] == [(whole, True)]


def test_text_grows_as_it_is_read():
    """Reading between two deltas takes nothing away."""
    reply = reply_of(text("a"), end=False)
    first = reply.text
    reply._apply(text("b"))

    assert (first, reply.text, str(reply)) == ("a", "ab", "ab")


def test_repr_is_short():
    """A long answer does not fill the screen with its repr."""
    reply = reply_of(text("x" * 100), *ENDED)

    assert (
        repr(reply) == f"Reply('{'x' * 57}...', outcome='complete', api='openai.chat')"
    )
    assert repr(reply.parts[0]) == f"Part('text', '{'x' * 100}')"
    assert repr(reply_of()) == "Reply('', outcome='truncated', api='openai.chat')"


def test_no_message_without_an_api():
    """A reply that saw nothing cannot be sent back, and says so."""
    with pytest.raises(UsageError, match="nothing arrived"):
        Reply().to_message()


PARSES = {
    "an object": ('{"a": [1, "x"]}', ({"a": [1, "x"]}, "")),
    "an array": ("[1]", (None, "expected a JSON object, got list")),
    "empty": ("", (None, "Expecting value: line 1 column 1 (char 0)")),
    "infinity": ('{"a": -Infinity}', (None, "-Infinity is not JSON")),
}


@pytest.mark.parametrize(("given", "expected"), PARSES.values(), ids=PARSES)
def test_parse_arguments(given, expected):
    """Arguments are parsed strictly, or it is said what is wrong."""
    assert parse_arguments(given) == expected


def test_a_number_too_long_to_read_is_an_error():
    """Python refuses integers of thousands of digits; the call is invalid then."""
    parsed, error = parse_arguments('{"a": ' + "1" * 5000 + "}")

    assert parsed is None
    assert "limit" in error


# -- the bytes that were kept ----------------------------------------------------------


def test_a_wire_is_the_body_and_its_reads():
    """What one read gave can be found again; an empty one is none."""
    wire = Wire([(0.5, b"data: "), (None, b""), (0.75, b"{}")])
    wire.add(b"\n\n")

    assert wire.data == b"data: {}\n\n"
    assert wire.reads == (
        Read(offset=0, length=6, time_s=0.5),
        Read(offset=6, length=2, time_s=0.75),
        Read(offset=8, length=2),
    )
    assert repr(wire) == "<Wire: 10 bytes in 3 reads>"


def test_a_reply_made_of_bytes_can_be_taken_apart():
    """One made of an SDK's objects cannot, and says how to get the bytes."""
    data = b'data: {"choices": [{"index": 0, "delta": {"content": "Hi"}}]}\n\n'
    reply = Reply.from_sse(data, "openai.chat")
    found = reply.anatomy(cut=9)

    assert reply.wire.data == found.data == data
    assert found.reads[1] == Read(offset=9, length=9)
    assert found.reply.text == "Hi"
    with pytest.raises(UsageError, match="this reply has no bytes: an SDK read them"):
        Reply("openai.chat").anatomy()


def test_what_has_no_times_cannot_be_drawn():
    """Bytes that were pasted came at no time; the error says so."""
    with pytest.raises(UsageError, match="times"):
        Reply.from_sse(b"data: [DONE]\n\n", "openai.chat").plot()


# -- an answer that has to be an object ----------------------------------------------


class Number:
    """Expects a whole number."""

    key = None

    def read(self, text):
        return int(text)


def asked_for_a_number(*events, **how):
    reply = Reply("openai.chat")
    reply._expected = Number()
    reply._extend(events)
    reply._end(**how)
    return reply


#: What it shows -> the events, how it ended, the object.
PARSED = {
    "a whole answer": ([text("42"), finish(), End()], {}, 42),
    "no reason was given": ([text("42"), End()], {}, 42),
    "after the limit": ([text("42"), finish("length"), End()], {}, None),
    "with a call": ([text("42"), call(), finish("tool_calls"), End()], {}, None),
    "a refusal": ([text("42"), text("No.", kind="refusal"), End()], {}, None),
    "stopped": ([text("42")], {"stopped": True}, None),
    "truncated": ([text("42")], {}, None),
    "failed": ([text("42"), Failure(type="e", message="")], {}, None),
    "nothing came": ([], {}, None),
    "after a tool's result": (
        [text("I look."), Hop(), text("4"), text("2"), finish(), End()],
        {},
        42,
    ),
}


@pytest.mark.parametrize(("events", "how", "parsed"), PARSED.values(), ids=PARSED)
def test_only_a_whole_answer_is_made_an_object(events, how, parsed):
    """Of a part of one nothing is invented, and the text stays as it came."""
    reply = asked_for_a_number(*events, **how)

    assert (reply.parsed, reply._misfit) == (parsed, None)
    assert reply._answered is (parsed is not None)


def test_an_answer_that_does_not_fit_keeps_its_text():
    """What is wrong is told, once; the outcome is that of the stream."""
    reply = asked_for_a_number(text("4x"), finish(), End())
    misfit = reply._misfit
    reply._end(stopped=True)

    assert (reply.parsed, reply.text, reply.outcome) == (None, "4x", "complete")
    assert str(misfit) == "invalid literal for int() with base 10: '4x'"
    assert reply._misfit is misfit


def test_the_json_of_an_answer_can_be_used_while_it_arrives():
    """Elements that are whole, and what can be shown of the rest."""
    reply = reply_of(text('[{"a": 1}, {"a": "x'), end=False)

    assert list(reply.items()) == [{"a": 1}]
    assert reply.partial() == [{"a": 1}, {"a": "x"}]


def test_the_answer_as_a_message_of_a_chat_client():
    """Under the id that is given, with how it ended beside its parts."""
    reply = reply_of(text("Hi"), finish(), End())

    assert reply.to_ui_message("m1") == {
        "id": "m1",
        "role": "assistant",
        "metadata": {"outcome": "complete"},
        "parts": [
            {"type": "step-start"},
            {"type": "text", "text": "Hi", "state": "done"},
        ],
    }
