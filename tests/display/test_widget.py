"""The live view's Python side: what is sent, what is taken, what stays."""

import json
import re
import sys
import threading

import comm
import pytest
from comm.base_comm import BaseComm
from harness.frames import expand
from hypothesis import given, settings
from hypothesis import strategies as st

import nbstream
from nbstream._stop import Stop
from nbstream.markdown import to_html
from nbstream.markdown.html import LITERAL, SHORT, shorten, shortened
from nbstream.reply import Reply
from nbstream.screens import stop_button, widget
from nbstream.screens.bundle import PLACE, bundle
from nbstream.screens.json_layout import laid_out, standing
from nbstream.screens.sections import FrameMessages, Sections
from nbstream.screens.widget import (
    ANSWERS,
    FALLBACK,
    KEPT,
    MIN_INTERVAL_S,
    NO_WIDGETS,
    LiveModel,
    WidgetScreen,
)
from nbstream.types import End, PartDone, TextDelta, ToolCallDelta
from nbstream.web._frame import FrameModel

WIDGET = "application/vnd.jupyter.widget-view+json"
TOUR = """# A tour

Some *prose*[1] with $x^2$ and `code`, naïve 👩‍🔬.

- one
- two

| a | b |
|---|---|
| 1 | 2 |

```python
for n in range(3):
    print(n)
```

> the end

[1]: https://example.org
"""


class Line(BaseComm):
    """A comm whose messages are kept."""

    sent: list

    def publish_msg(self, msg_type, data=None, metadata=None, buffers=None, **keys):
        Line.sent.append((msg_type, keys.get("target_name", ""), data))


class FakeClock:
    now_s = 0.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def sent(monkeypatch):
    """Every message of every comm, as ``(type, target, data)``."""
    monkeypatch.setattr(comm, "create_comm", Line)
    monkeypatch.setattr(widget, "_kept", widget.deque())
    monkeypatch.setattr(Line, "sent", [], raising=False)
    return Line.sent


@pytest.fixture
def screen(sent, outputs):
    found = WidgetScreen(stop=Stop(), clock=FakeClock())
    found.open(Reply("text"))
    sent.clear()
    return found


def in_full(value):
    """A message as the page reads it: no text of it shortened, see ``short``."""
    if isinstance(value, dict):
        return {key: in_full(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [in_full(each) for each in value]
    return expand(value) if isinstance(value, str) else value


def custom(sent):
    """The custom messages to the page, each thing in them said by its name."""
    found = [data["content"] for _, _, data in sent if data and "content" in data]
    return list(in_words(found))


def in_words(messages):
    """Messages as a page reads them, one after the other."""
    last, page = "0.2.text", Page()
    for content in map(in_full, messages):
        if isinstance(content, list):
            seq, *short = content
            sections = {last: page.goes_on(last, *short)}
            content = {"kind": "frame", "seq": seq, "sections": sections}
        sections = content.get("sections", {})
        page.take(sections)
        last = [last, *sections][-1]
        yield content


def hear(screen, content):
    """Let the page say something."""
    data = {"method": "custom", "content": content}
    screen.model.comm.handle_msg({"content": {"data": data}, "buffers": []})


def say(screen, reply, *texts, kind="text"):
    for text in texts:
        reply._apply(TextDelta(text=text, kind=kind))
        screen.update(reply)


def ended(reply, **how):
    if not how:
        reply._apply(End())
    reply._end(**how)
    return reply


class Page:
    """A page as ``frames.js`` keeps it: sections of blocks, in order of their keys."""

    def __init__(self, changes=None):
        self.sections = {}
        self.lines = {}
        self.take(changes or {})

    def take(self, changes):
        for key, frame in json.loads(json.dumps(changes)).items():
            blocks, closed = self.sections.get(key, ([], 0))
            if frame.get("code"):
                closing = "</code></pre>\n"
                blocks[-1] = blocks[-1].removesuffix(closing) + frame["code"] + closing
            for index, html in frame.get("replaced", []):
                blocks[index] = html
            at, html = frame.get("at", closed), frame.get("html", [])
            if html:
                old = blocks[at] if at < len(blocks) else ""
                units = old.encode("utf-16-le")[: 2 * frame.get("keep", 0)]
                html[0] = units.decode("utf-16-le") + html[0]
            self.sections[key] = ([*blocks[:at], *html], frame.get("closed", closed))
            self.lines[key] = frame.get("line", "")

    def goes_on(self, key, first, *more):
        """What a frame in short says, by its names: see ``FrameMessages``."""
        blocks, closed = self.sections[key]
        at = len(blocks) - (len(more) == 1)
        frame = {} if at == closed else {"at": at}
        if len(more) == 1:
            return frame | {"keep": first, "html": list(more)}
        line = self.lines[key].encode("utf-16-le")[: 2 * more[0]].decode("utf-16-le")
        named = {"code": first, "line": line + more[1]}
        return frame | {
            name: each for name, each in named.items() if each or name != "line"
        }

    @property
    def shown(self):
        """All that can be seen: the blocks, and the open lines."""
        return self.sections, {key: line for key, line in self.lines.items() if line}

    @property
    def html(self):
        """All of it, as the final output would have it; only at the end."""
        return "\n".join(
            "".join(blocks) for _, (blocks, _) in sorted(self.sections.items())
        )


# -- what is sent --------------------------------------------------------------


def test_opening_makes_one_display(sent, outputs):
    """A widget, and a sentence for where there is none."""
    WidgetScreen().open(Reply("text"))
    (output,) = outputs

    assert output["data"]["text/plain"] == FALLBACK
    assert set(output["data"]) == {WIDGET, "text/plain"}
    assert [each[:2] for each in sent] == [("comm_open", "jupyter.widget")] * 2


def test_a_frame_holds_what_is_new(screen, sent):
    """Not what was sent before; and nothing at all when there is nothing."""
    reply = Reply("text")
    say(screen, reply, "Hello ", "wor")
    screen.update(reply)
    first, second = custom(sent)

    assert first == {
        "kind": "frame",
        "seq": 1,
        "sections": {"0.2.text": {"html": ['<p dir="auto">Hello</p>\n']}},
        "phase": "writing",
        "first_s": 0.0,
    }
    assert second == {
        "kind": "frame",
        "seq": 2,
        "sections": {"0.2.text": {"keep": 19, "html": [" wor</p>\n"]}},
    }


def test_a_frame_weighs_what_its_text_weighs(screen, sent):
    """Prose at human pace: at most a tenth over plain text, with the message's own."""
    envelope, reply = 600, Reply("text")
    text = "The model writes a sentence of *ordinary* words. " * 60
    pieces = [text[at : at + 16] for at in range(0, len(text), 16)]
    say(screen, reply, *pieces)
    ours = sum(len(json.dumps(data)) for _, _, data in sent)
    plain = sum(len(json.dumps({"method": "custom", "content": p})) for p in pieces)
    count = len(pieces)

    assert len(sent) <= count
    assert (ours + envelope * len(sent)) / (plain + envelope * count) < 1.05


def test_a_text_that_goes_on_is_said_in_few_words(screen, sent):
    """Where it differs, and how; whatever is new besides is said by its name."""
    reply = Reply("text")
    say(screen, reply, "One ", "two ", "three ", "\n\n# Four")
    first, second, third, fourth = (data["content"] for _, _, data in sent)

    assert set(first) == {"kind", "seq", "sections", "phase", "first_s"}
    assert in_full(second) == [2, 17, " two</p>\n"]
    assert in_full(third) == [3, 21, " three</p>\n"]
    assert set(fourth) == {"kind", "seq", "sections"}
    assert screen.whole()["last"] == "0.2.text"


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=60))
def test_however_it_is_cut_the_page_shows_the_final_html(sizes):
    """Frames add up to what the output will be, whatever the pieces."""
    sections, reply, page, at = Sections(), Reply("text"), Page(), 0
    frames, messages = FrameMessages(), []
    for size in sizes:
        reply._apply(TextDelta(text=TOUR[at : at + size]))
        messages.append(frames.next(sections.changes(reply), {}))
        at += size
    reply._apply(TextDelta(text=TOUR[at:]))
    messages.append(frames.next(sections.changes(ended(reply)), {}))
    for message in in_words(json.loads(json.dumps(messages))):
        page.take(message["sections"])

    assert page.html == to_html(TOUR)
    assert f"{PLACE}{page.html}</div>" == bundle(reply)["text/html"]
    assert Page(sections.snapshot()).html == page.html


@given(st.lists(st.sampled_from([*SHORT, *SHORT.values(), LITERAL, "a", "<", "\n"])))
def test_what_is_shortened_comes_back(pieces):
    """Whatever stands in it, the signs that stand for something among them."""
    html = "".join(pieces)
    assert expand(shorten(html)) == html
    assert in_full(shortened({"html": (html, 1), "line": html})) == {
        "html": [html, 1],
        "line": html,
    }


def test_a_frame_of_tags_is_sent_short(screen, sent):
    """A row of a table weighs at most twice its text."""
    row = "| some words | `code` | **1.5** |\n"
    say(screen, Reply("text"), "| a | b | c |\n|---|---|---|\n" + row * 100)
    sections = sent[-1][-1]["content"]["sections"]

    assert len(json.dumps(sections, ensure_ascii=False).encode()) < 2 * 100 * len(row)


def fail(reply):
    return ended(reply, exception=OSError("cut"))


def stop(reply):
    return ended(reply, stopped=True)


#: What it shows -> (what came, how it ends).
REPLIES = {
    "a refusal": ([TextDelta(text="No.", kind="refusal")], ended),
    "a call": (
        [ToolCallDelta(index=0, id="c", name="f", arguments='{"a": "é"}')],
        ended,
    ),
    "an invalid call": (
        [ToolCallDelta(index=0, id="c", name="f", arguments="{]")],
        ended,
    ),
    "an unfinished call": (
        [ToolCallDelta(index=0, id="c", name="f", arguments='{"a')],
        stop,
    ),
    "two answers": (
        [TextDelta(text="one", choice=0), TextDelta(text="two", choice=1)],
        lambda reply: (reply._apply(End(choice=1)), ended(reply))[1],
    ),
    "half a character": (
        [ToolCallDelta(index=0, id="c", name="f", arguments="\ud83d")],
        ended,
    ),
    "a stop": ([TextDelta(text="The fir")], stop),
    "a failure": ([TextDelta(text="The fir")], fail),
}


@pytest.mark.parametrize(("events", "end"), REPLIES.values(), ids=REPLIES)
def test_the_last_frame_shows_what_the_output_will_show(events, end):
    """So nothing moves when the one takes the other's place."""
    sections, reply, page = Sections(), Reply("text"), Page()
    for event in events:
        reply._apply(event)
        page.take(sections.changes(reply))
    page.take(sections.changes(end(reply)))

    assert f"{PLACE}{page.html}</div>" == bundle(reply)["text/html"]


def test_a_block_that_turns_out_to_be_none_goes(screen, sent):
    """A page is told so, too, where nothing takes its place."""
    reply, page, seen = Reply("text"), Page(), []
    for piece in ("    [a]", ": https://x.y"):
        say(screen, reply, piece)
        page.take(custom(sent)[-1]["sections"])
        seen.append(page.html)

    assert seen == ["<pre><code>[a]\n</code></pre>\n", ""]


def test_reasoning_is_a_section_of_its_own(screen, sent):
    """Its length and its time are said; the time stands when the answer begins."""
    reply, clock = Reply("text"), screen._clock
    say(screen, reply, "Hm. ", kind="reasoning")
    clock.now_s = 2.0
    say(screen, reply, "Yes.", kind="reasoning")
    clock.now_s = 9.0
    say(screen, reply, "It is so.")
    thinking, thought, answer = custom(sent)

    assert [*answer["sections"]] == ["0.2.text"]
    assert (thinking["phase"], thinking["thought_chars"]) == ("thinking", 4)
    assert (thought["thought_s"], thought["thought_chars"]) == (2, 8)
    assert (answer["phase"], "thought_s" in answer) == ("writing", False)


def test_a_call_fills_in(screen, sent):
    """While it is open the page is told so; its arguments are laid out as they come."""
    reply, page = Reply("text"), Page()
    seen = []
    for piece in ('{"city"', ': "Par', 'is"}'):
        reply._apply(ToolCallDelta(index=0, id="c", name="f", arguments=piece))
        screen.update(reply)
        page.take(custom(sent)[-1]["sections"])
        seen.append(page.html)
    reply._apply(PartDone(index=0, data={}))
    screen.update(reply)
    page.take(custom(sent)[-1]["sections"])

    assert custom(sent)[0]["phase"] == "calling"
    assert ["arriving … valid so far" in html for html in seen] == [False, False, True]
    assert '"city": "Par</code>' in seen[1].replace("&quot;", '"')
    assert f"{PLACE}{page.html}</div>" == bundle(reply)["text/html"]


def test_frames_are_rarer_when_much_is_open(screen):
    """Never more than twenty a second; one huge paragraph is sent less often."""
    reply = Reply("text")
    say(screen, reply, "Hello")
    small = screen.interval_s()
    say(screen, reply, "one more word\n" * 5_000)

    assert small == MIN_INTERVAL_S == 0.05
    assert screen.interval_s() > 0.2


@pytest.mark.parametrize("line", ["x = 1\n", "- item\n", "| b |\n"])
def test_what_is_added_to_is_not_what_is_read_again(line):
    """A fence, a list and a table of any size grow at their end: frames stay many."""
    sections, reply = Sections(), Reply("text")
    begin = {"x": "```\n", "-": "", "|": "| a |\n|---|\n"}[line[0]]
    for text in (begin, line * 5_000, line):
        reply._apply(TextDelta(text=text))
        sections.changes(reply)

    assert sections.open_chars < 5_000


def test_a_wait_before_a_retry_is_told(screen, sent):
    """Why, and when it goes on; a page that comes later is told as well."""
    clock, reply = screen._clock, Reply("text")
    clock.now_s = 1.0
    screen.wait(reply, 3, "Busy.")
    clock.now_s = 2.0
    screen.wait(reply, 2, "Busy.")
    retry = {"at_s": 4.0, "why": "Busy."}
    whole = screen.model.get_state()["snapshot"]
    say(screen, reply, "Hello")

    told, answer = custom(sent)
    assert told == {"kind": "frame", "seq": 1, "sections": {}, "retry": retry}
    assert (whole["phase"], whole["retry"], whole["elapsed_s"]) == ("waiting", retry, 2)
    assert answer["phase"] == "writing"


def test_the_last_frame_says_how_it_ended_and_when(screen, sent):
    """For the line of facts, as long as the view stands there."""
    reply = Reply("text")
    say(screen, reply, "Hello")
    screen._clock.now_s = 3.0
    screen.update(ended(reply))
    last = custom(sent)[-1]

    assert (last["phase"], last["outcome"], last["end_s"]) == ("ended", "complete", 3.0)


@given(st.integers(0, len(TOUR)))
def test_a_page_loaded_in_the_middle_goes_on_as_the_others(cut):
    """It has the same blocks and the same open line, wherever the text was cut."""
    sections, reply, page = Sections(), Reply("text"), Page()
    for text in (TOUR[: cut // 2], TOUR[cut // 2 : cut]):
        reply._apply(TextDelta(text=text))
        page.take(sections.changes(reply))
    late = Page(sections.snapshot())
    seen = (page.shown, late.shown)
    reply._apply(TextDelta(text=TOUR[cut:]))
    changes = sections.changes(ended(reply))
    page.take(changes)
    late.take(changes)

    assert seen[0] == seen[1]
    assert page.html == late.html == to_html(TOUR)


# -- the end -------------------------------------------------------------------


def test_the_end_replaces_the_widget_in_place(screen, sent, outputs):
    """The last frame, the word that the output comes, the output."""
    reply = Reply("text")
    say(screen, reply, "Hello")
    screen.close(ended(reply))
    shown, final = outputs
    kinds = [each["kind"] for each in custom(sent)]

    assert kinds == ["frame", "frame", "swap", "swapped", "end"]
    assert final["transient"] == shown["transient"]
    assert final["data"] == bundle(reply)
    assert final["metadata"]["nbstream"]["outcome"] == "complete"


def test_the_model_goes_when_a_page_has_seen_the_end(screen, sent):
    """With its layout: nothing of either is left to be saved."""
    screen.close(ended(Reply("text")))
    before = [kind for kind, *_ in sent]
    hear(screen, {"kind": "seen"})
    after = [kind for kind, *_ in sent]

    assert before.count("comm_close") == 0
    assert after.count("comm_close") == 2


def test_a_model_that_nobody_has_seen_goes_in_the_end(sent, outputs):
    """A page that was closed never answers; only the newest models are kept."""
    for _ in range(KEPT + 3):
        screen = WidgetScreen()
        screen.open(Reply("text"))
        screen.close(ended(Reply("text")))

    assert [kind for kind, *_ in sent].count("comm_close") == 2 * 3
    assert [one["kind"] for one in custom(sent)].count("whole") == 3  # the end, again


def test_a_model_whose_view_stands_is_never_closed(screen, sent, outputs):
    """Not by those that come later; only a page that needs it no more ends it."""
    screen.close(ended(Reply("text")))
    hear(screen, {"kind": "stands"})
    for _ in range(KEPT + 3):
        later = WidgetScreen()
        later.open(Reply("text"))
        later.close(ended(Reply("text")))
    before = screen.model.comm is not None
    hear(screen, {"kind": "seen"})

    assert (before, screen.model.comm is not None) == (True, False)


def test_a_page_loaded_later_finds_everything(screen):
    """In the state: all sections, the facts, and at last the output to put there."""
    reply = Reply("text")
    say(screen, reply, "Hel", "lo")
    midway = in_full(screen.model.get_state()["snapshot"])
    screen.close(ended(reply))
    last = screen.model.get_state()["snapshot"]

    assert (midway["seq"], Page(midway["sections"]).html) == (
        2,
        '<p dir="auto">Hello</p>\n',
    )
    assert (midway["phase"], "final" in midway) == ("writing", False)
    assert last["final"]["data"] == bundle(reply)
    assert last["final"]["model_id"] == screen.model.model_id


# -- what is taken -------------------------------------------------------------


def test_stop_raises_the_flag_and_is_acknowledged(screen, sent):
    """The player sees the flag; the page sees that it was heard."""
    hear(screen, {"kind": "stop"})

    assert screen._stop.by == "button"
    assert custom(sent) == [{"kind": "ack"}]


def test_a_page_may_ask_for_everything_but_not_all_the_time(screen, sent):
    """It is answered at most twice a second."""
    screen._clock.now_s = 10.0
    for now_s in (10.0, 10.1, 10.2, 11.0):
        screen._clock.now_s = now_s
        hear(screen, {"kind": "resync"})

    assert [each["kind"] for each in custom(sent)] == ["whole", "whole"]


NONSENSE = {
    "no kind": {},
    "a kind of ours": {"kind": "frame"},
    "seen, before the end": {"kind": "seen"},
    "a kind that is no text": {"kind": ["stop"]},
    "a list": ["stop"],
    "a text": "stop",
    "nothing": None,
    "a command of anywidget": {"kind": "anywidget-command", "name": "x", "id": "1"},
}


@pytest.mark.parametrize("content", NONSENSE.values(), ids=NONSENSE)
def test_nothing_else_is_taken(screen, sent, content):
    """No answer, no error, no flag."""
    hear(screen, content)

    assert (custom(sent), screen._stop.by) == ([], None)


def test_a_page_cannot_change_the_state(screen):
    """Not even the script that other pages would be given."""
    before = screen.model.get_state()
    data = {"method": "update", "state": {"_esm": "evil()", "snapshot": {}, "block": 9}}
    screen.model.comm.handle_msg({"content": {"data": data}, "buffers": []})

    assert screen.model.get_state() == before


CUSTOM = {"method": "custom", "content": {"kind": "resync"}}
MALFORMED = {
    "nothing": {},
    "no data": {"content": {}, "buffers": []},
    "no content": {"content": None, "buffers": []},
    "no buffers": {"content": {"data": CUSTOM}},
    **{
        name: {"content": {"data": data}, "buffers": []}
        for name, data in {
            "data that is none": None,
            "data that is a text": "custom",
            "a list": ["custom"],
            "no method": {"content": {"kind": "resync"}},
            "a method that is no text": {"method": ["custom"]},
            "an unknown method": {"method": "echo_update", "state": {"block": 1}},
            "no state": {"method": "update", "state": None},
            "a state of other types": {
                "method": "update",
                "state": {"told": 3, "layout": "IPY_MODEL_none", "tooltip": 5},
            },
            "bytes for nowhere": {
                "method": "update",
                "state": {"told": {}},
                "buffer_paths": [["told", "__class__"], [float("nan")], 1],
            },
            "another script": {
                "method": "update",
                "state": {"_esm": "evil()", "_view_module": "evil", "place": "x"},
            },
        }.items()
    },
}


def models(screen):
    """One of each base: an answer's, an anatomy's, a page's frame."""
    walk = nbstream.anatomy([b"data: hello\n\n"], api="text").widget()
    return [screen.model, walk, FrameModel("m", "http://localhost:1", 9, {})]


@pytest.mark.parametrize("message", MALFORMED.values(), ids=MALFORMED)
def test_what_is_not_formed_is_not_taken(screen, sent, message, capsys, caplog):
    """ipywidgets would show a traceback, in the output of the cell that runs."""
    for model in models(screen):
        before = {**model.get_state(), "snapshot": None}
        sent.clear()
        model.comm.handle_msg(message)

        assert {**model.get_state(), "snapshot": None} == before
        assert sent == []
        model.close()
    assert (caplog.text, *capsys.readouterr()) == ("", "", "")


def test_what_is_taken_is_listed():
    """The rest is for Stop: see ``hands``."""
    assert sorted(ANSWERS) == ["resync", "seen", "stands"]


# -- the files -----------------------------------------------------------------


def test_the_script_is_one_module_without_its_comments():
    """It is in the package, and is sent with each answer: it had better be small."""
    script = LiveModel._esm

    assert script.count("export default") == 1
    assert "function makeStop" in script
    assert "\n//" not in script
    assert "\n " not in script
    assert "/*" not in script + LiveModel._css
    assert len(script) + len(LiveModel._css) < 47_200


# -- a page that has no widgets --------------------------------------------------------

#: What it shows -> (whether a page would be heard, when one is, the end of each time's
#: last output: "" is the widget).
PAGES = {
    "one that speaks at once": (True, 0.1, ["", "", ""]),
    "none": (True, 9.0, ["", "No widgets", "No widgets"]),
    "one that speaks late gets its widget back": (True, 2.0, ["", "No widgets", ""]),
    "one that this kernel could not hear": (False, 9.0, ["", "", ""]),
}


@pytest.mark.parametrize(("hears", "at_s", "expected"), PAGES.values(), ids=PAGES)
def test_a_page_that_says_nothing_gets_updates(
    hears, at_s, expected, screen, outputs, monkeypatch
):
    """It has its time; the display is one, and ends as ever."""
    monkeypatch.setattr(stop_button, "listens", lambda comm, look: hears)
    monkeypatch.setattr(widget, "_a_page_has_widgets", threading.Event())
    reply, found = Reply("text"), []
    for now_s in (1.4, 1.6, 2.0):
        screen._clock.now_s = now_s
        if now_s >= at_s:
            hear(screen, {"kind": "here"})
        say(screen, reply, f"at {now_s} ")
        last = outputs[-1]["data"]
        found.append("" if WIDGET in last else last["text/html"])
    screen.close(reply)

    assert [each and "No widgets" * (NO_WIDGETS in each) for each in found] == expected
    assert outputs[-1]["data"] == bundle(reply)
    assert [each["update"] for each in outputs[1:]] == [True] * (len(outputs) - 1)


def test_a_page_that_has_widgets_may_be_slow_the_next_time(sent, outputs, monkeypatch):
    """Its kernel waits longer before it says that there are none."""
    monkeypatch.setattr(stop_button, "listens", lambda comm, look: True)
    seen = threading.Event()
    seen.set()
    monkeypatch.setattr(widget, "_a_page_has_widgets", seen)
    screen, reply = WidgetScreen(stop=Stop(), clock=FakeClock()), Reply("text")
    screen.open(reply)
    shown = []
    for screen._clock.now_s in (4.9, 5.0):
        say(screen, reply, "a")
        shown.append(len(outputs) > 1)

    assert shown == [False, True]


def test_without_anywidget_there_is_the_other_screen(monkeypatch, outputs):
    """No error: the answer is shown by updates of one output."""
    from nbstream.screens import choose
    from nbstream.screens.output import NotebookScreen

    monkeypatch.delitem(sys.modules, "nbstream.screens.widget")
    monkeypatch.setitem(sys.modules, "anywidget", None)

    assert type(choose("live")) is NotebookScreen


# -- arguments that arrive -----------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(JSON, st.booleans(), st.sampled_from([None, 1, 7]))
def test_whole_json_is_laid_out_as_the_library_does(value, as_ascii, indent):
    """However it came: on one line, on many, with its letters escaped or not."""
    text = json.dumps(value, ensure_ascii=as_ascii, indent=indent)

    assert laid_out(text) == json.dumps(value, ensure_ascii=False, indent=2)


@given(JSON, st.floats(0, 1))
def test_a_beginning_is_laid_out_as_the_beginning(value, share):
    """Nothing is added that would have to go again."""
    text = json.dumps(value, ensure_ascii=False)
    beginning = text[: int(len(text) * share)]

    assert json.dumps(value, ensure_ascii=False, indent=2).startswith(
        laid_out(beginning).rstrip()
    )


#: Arguments so far -> how they stand.
STANDING = {
    "": "open",
    '{"a': "open",
    '{"a"': "open",
    '{"a": ': "open",
    '{"a": -': "open",
    '{"a": 1.': "open",
    '{"a": 1e+': "open",
    '{"a": tr': "open",
    '{"a": "x\\': "open",
    '{"a": "x\\u12': "open",
    '{"a": 1,': "open",
    '{"a": 1}': "valid",
    '{"a": 1} \n': "valid",
    '{"a": }': "invalid",
    '{"a" 1': "invalid",
    '{"a": 01': "invalid",
    '{"a": NaN': "invalid",
    '{"a": "x\\q': "invalid",
    '{"a": "b\n': "invalid",
    '{"a": 1}}': "invalid",
    "{]": "invalid",
    "{a": "invalid",
    "[" * 100_000: "invalid",
}


@pytest.mark.parametrize(("fragment", "expected"), STANDING.items(), ids=range(23))
def test_arguments_say_how_they_stand(fragment, expected):
    """Invalid is what can never become valid."""
    assert standing(fragment) == expected


@given(st.dictionaries(st.text(max_size=4), JSON, max_size=3), st.booleans())
def test_every_beginning_of_json_is_open(value, as_ascii):
    """And only the whole is valid."""
    text = json.dumps(value, ensure_ascii=as_ascii)
    seen = [standing(text[:at]) for at in range(len(text) + 1)]

    assert seen == ["open"] * len(text) + ["valid"]


# -- answers that are JSON, or plain text ---------------------------------------

RECIPE = (
    '{"items": [{"title": "Cr\\u00e8me </code><img src=x onerror=alert(1)>"}, '
    '{"title": "```\\n~~~ [a](javascript:x)", "n": [], "more": {}}]}'
)


class Whatever:
    """Expects anything, in an object under a key."""

    def __init__(self, key):
        self.key = key

    def read(self, text):
        return json.loads(text)


def reply_in(form, key=None):
    reply = Reply("text")
    reply._form = form
    reply._expected = Whatever(key) if form == "json" else None
    return reply


#: What it shows -> the form, the key, the text.
FORMS = {
    "JSON": ("json", None, RECIPE),
    "JSON without the object around it": ("json", "items", RECIPE),
    "JSON in a fence": ("json", None, f"```json\n{RECIPE}\n```"),
    "JSON that is none": ("json", None, '{"a": oh no, <b>"c"'),
    "prose in the place of JSON": ("json", "items", "Here **you** are: <b>x</b>"),
    "plain text": ("text", None, "# No *heading*\n<b>&amp;"),
}


@pytest.mark.parametrize(("form", "key", "text"), FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_form_is_shown_as_the_output_will_show_it(form, key, text, size):
    """Whatever the pieces, and also where it turns out not to be what was expected."""
    sections, reply, page = Sections(), reply_in(form, key), Page()
    for at in range(0, len(text), size):
        reply._apply(TextDelta(text=text[at : at + size]))
        page.take(sections.changes(reply))
    page.take(sections.changes(ended(reply)))

    assert f"{PLACE}{page.html}</div>" == bundle(reply)["text/html"]
    assert Page(sections.snapshot()).html == page.html
    assert not re.search(r"<(?!/?(pre|code|span|p|em|b\b|strong))", page.html)
    assert "<img" not in page.html
