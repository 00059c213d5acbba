"""A stream taken apart: where its events lie, what they say, what they add up to."""

import json

import comm
import pytest
from comm.base_comm import BaseComm
from hypothesis import given
from hypothesis import strategies as st

import nbstream
from nbstream._reader import Reader
from nbstream.errors import UnknownNameError, UsageError
from nbstream.lab.anatomy import Anatomy, Cut, Read, anatomy, place_of, widget
from nbstream.lab.anatomy.growth import apply
from nbstream.lab.anatomy.steps import blocks
from nbstream.lab.anatomy.table import code, excerpt, raw_text, visible
from nbstream.lab.anatomy.widget import MOST_MODELS, message
from nbstream.lab.recording.exchange import Exchange
from nbstream.lab.recording.exchange import Read as Got
from nbstream.markdown import to_html
from nbstream.offline.wire import WRITERS
from nbstream.offline.wire.base import Answer, AnswerPart, Ask, Choice, Counts
from nbstream.reply import Reply
from nbstream.sse import ServerSentEvent, decode, encode
from nbstream.types import Finish, TextDelta

TEXT = "Das Café ist geöffnet: 你好 👩‍🔬."
CALL = ('{"ci', 'ty": "Zü', 'rich", "days"', ": 3}")
APIS = tuple(WRITERS)


def part(kind, *tokens, **more):
    return AnswerPart(kind=kind, tokens=tokens, **more)


def body(api, *parts, finish="tool_calls"):
    """Write what a provider would send, with this in it."""
    call = {"id": "c1", "name": "weather", "arguments": json.loads("".join(CALL))}
    whole = (part("reasoning", "Let me ", "think"), part("text", *TEXT.split(" ")))
    parts = parts or (*whole, part("tool_call", *CALL, **call))
    answer = Answer(
        id="1",
        model="m",
        scenario="s",
        choices=(Choice(parts=parts, finish=finish),),
        usage=Counts(input=5, output=7, reasoning=3, cached=2),
    )
    ask = Ask(model="m", prompt="", stream=True, reasoning=True)
    return b"".join(frame.data for frame in WRITERS[api].frames(ask, answer))


def chat(text, finish=None):
    """Write one event of OpenAI Chat."""
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    said = json.dumps({"choices": [choice]}, ensure_ascii=False)
    return f"data: {said}\n\n".encode()


def event(data, **more):
    return ServerSentEvent(data=data, **more)


# -- where the events lie -------------------------------------------------------------

BLOCKS = {
    "nothing": (b"", []),
    "two events": (b"data: a\n\ndata: b\n\n", [(0, 9, 9, "a"), (9, 18, 18, "b")]),
    "a comment is no event": (b": hi\n\n", [(0, 6, 6, None)]),
    "what no empty line ends is never ready": (
        b"data: a\n\ndata: b\n",
        [(0, 9, 9, "a"), (9, 17, None, None)],
    ),
    "with CRLF an event is ready at the CR": (
        b"data: a\r\n\r\ndata: b\r\n\r\n",
        [(0, 11, 10, "a"), (11, 22, 21, "b")],
    ),
    "CR alone ends lines": (b"data: a\r\r", [(0, 9, 9, "a")]),
    "more empty lines belong to the event before them": (
        b"data: a\n\n\n\ndata: b\n\n",
        [(0, 11, 9, "a"), (11, 20, 20, "b")],
    ),
    "a byte order mark belongs to the first event": (
        b"\xef\xbb\xbfdata: a\n\n",
        [(0, 12, 12, "a")],
    ),
    "an empty line first": (b"\ndata: a\n\n", [(0, 1, 1, None), (1, 10, 10, "a")]),
}


@pytest.mark.parametrize(("data", "expected"), BLOCKS.values(), ids=BLOCKS.keys())
def test_the_blocks_are(data, expected):
    """Each event has its bytes, and a place after which it can be read."""
    found = [(b.start, b.end, b.ready, b.event and b.event.data) for b in blocks(data)]

    assert found == expected


LINES = st.sampled_from(
    [b"data: a", b"data:b", b": c", b"event: x", b"id: 1", b"", b"", "data: é".encode()]
)
ENDS = st.sampled_from([b"\n", b"\r\n", b"\r", b""])


@given(st.lists(st.tuples(LINES, ENDS)))
def test_the_blocks_are_the_whole_stream(pieces):
    """There is no gap, and the events are those of the decoder, at their places."""
    data = b"".join(line + end for line, end in pieces)
    found = list(blocks(data))

    assert b"".join(data[b.start : b.end] for b in found) == data
    assert [b.event for b in found if b.event] == decode(data)
    for each in found:
        if each.event:
            assert decode(data[: each.ready])[-1] == each.event
            assert len(decode(data[: each.ready - 1])) < len(decode(data[: each.ready]))


# -- reads, and what they cut ---------------------------------------------------------


def test_a_cut_inside_a_character_is_told():
    """The two halves of the character are known."""
    data = chat("é")
    at = data.index("é".encode()) + 1
    (step,) = anatomy([data[:at], data[at:]], "openai.chat")
    cut = Cut(offset=at, read=2, character="é", before=b"\xc3", after=b"\xa9")

    assert step.cuts == (cut,)
    assert step.reads == range(1, 3)
    assert str(cut) == f"read 2 begins at byte {at}, inside the character é (C3 | A9)"


@given(st.integers(1, 40))
def test_every_cut_is_found(size):
    """A read that begins inside an event is a cut; one between two events is none."""
    data = body("anthropic.messages")
    found = anatomy(data, cut=size)
    starts = {step.start for step in found}
    places = [cut.offset for step in found for cut in step.cuts]

    assert places == [n for n in range(size, len(data), size) if n not in starts]
    for step in found:
        for cut in step.cuts:
            assert cut.before + cut.after == cut.character.encode()
            assert bool(cut.character) == (data[cut.offset] & 0xC0 == 0x80)


BAD_READS = {
    "a gap": ([Read(offset=1, length=9)], "Read(offset=1, length=9, time_s=None) does"),
    "too short": ([Read(offset=0, length=8)], "the reads give 8 bytes, but there are"),
}


@pytest.mark.parametrize(("reads", "said"), BAD_READS.values(), ids=BAD_READS.keys())
def test_reads_must_make_up_the_data(reads, said):
    """Otherwise places would be wrong."""
    with pytest.raises(UsageError) as caught:
        Anatomy(b"data: a\n\n.", reads)

    assert str(caught.value).startswith(said)


# -- where naive code breaks ---------------------------------------------------------

A = chat("A")
CUT = chat("é").index("é".encode()) + 1
BREAKS = {
    "an event that comes whole": ([A], ()),
    "two events in one read": ([A + A], ()),
    "a cut between the lines is no harm": ([b"event: x\n", A], ()),
    "a cut inside the data": (
        [A[:20], A[20:]],
        (
            "json.loads('{\"choices\": [{') fails: Expecting property name enclosed "
            "in double quotes: line 1 column 15 (char 14)",
            "the rest, in another read, does not begin with 'data: ' and is lost",
        ),
    ),
    "a cut inside a character": (
        [chat("é")[:CUT], chat("é")[CUT:]],
        (".decode() of read 1 raises UnicodeDecodeError: it ends inside é",),
    ),
    "a line separator in the text": (
        [chat("a\u2028b")],
        (
            "splitlines() ends a line at U+2028",
            'json.loads(\'{"choices": …ntent": "a\') fails: Unterminated string '
            "starting at: line 1 column 48 (char 47)",
        ),
    ),
    "no space after the colon": (
        [b"data:{}\n\n"],
        ("no line begins with 'data: ', so the event is not seen",),
    ),
    "data in two lines": (
        [b"data: {}\ndata:\n\n"],
        ("1 lines of data are taken for as many events",),
    ),
    "the end marker of some": (
        [b"data: [DONE]\n\n"],
        ("json.loads('[DONE]') fails: Expecting value: line 1 column 2 (char 1)",),
    ),
    "not UTF-8": (
        [b'data: {"a": "\xff"}\n\n'],
        (".decode() raises UnicodeDecodeError: invalid start byte",),
    ),
    "a comment is passed over": ([b": hello\n\n"], ()),
}


@pytest.mark.parametrize(("reads", "expected"), BREAKS.values(), ids=BREAKS.keys())
def test_the_usual_line_splitting(reads, expected):
    """What it would do to the last event is what is told."""
    found = anatomy(reads, "openai.chat")

    assert found[-1].breaks == expected


def naive(reads):
    """Read a stream as many tutorials do."""
    lines = (line for chunk in reads for line in chunk.decode().splitlines())
    return [json.loads(line[6:]) for line in lines if line.startswith("data: ")]


@given(st.lists(st.sampled_from(["a", "é", "\u2028", "\x85x"]), max_size=4), st.data())
def test_it_breaks_exactly_where_we_say(texts, draw):
    """No event is told to break if the naive code reads the stream, and the reverse."""
    data = b"".join(map(chat, texts))
    size = draw.draw(st.integers(20, 120))
    reads = [data[at : at + size] for at in range(0, len(data), size)]
    try:
        good = naive(reads) == [json.loads(each.data) for each in decode(data)]
    except ValueError:
        good = False

    assert (not any(step.breaks for step in anatomy(reads, "openai.chat"))) == good


# -- what is accumulated --------------------------------------------------------------


@pytest.mark.parametrize("api", APIS)
def test_every_step_has_what_the_reply_has_then(api):
    """After any number of steps the snapshot is what the bytes so far add up to."""
    data = body(api)
    found = anatomy(data, cut=50)

    for count, step in enumerate(found, 1):
        reply = nbstream.Reply(api)
        Reader(reply).push(data[: step.end])
        texts = found.at(count)
        assert texts.get("0/text", "") == reply.text
        assert texts.get("0/reasoning", "") == reply.reasoning
        said = [
            (call.arguments, f"{call.name} · {call.state}") for call in reply.tool_calls
        ]
        keys = [key for key in texts if key == "0/call/0"]
        told = [(texts.get(f"{key}/arguments", ""), texts[key]) for key in keys]
        assert told == said
    assert found.api == api
    assert found.at(len(found) + 1)["outcome"] == Reply.from_sse(data, api).outcome


def test_what_it_all_adds_up_to():
    """The sections are in the order of reading, the outcome is the last of them."""
    found = anatomy(body("openai.chat"))
    texts = found.at(len(found) + 1)

    assert {section.title: texts[section.key] for section in found.sections} == {
        "Reasoning": "Let me think",
        "Text": "".join(TEXT.split(" ")),
        "Tool call 1": "weather · valid",
        "Arguments, as they came": "".join(CALL),
        "Arguments, read so far": "".join(CALL),
        "Finish reason": "tool_calls",
        "Model": "m",
        "Not shown": "[DONE] (1)",
        "Outcome": "complete",
    }


@pytest.mark.parametrize("api", APIS)
def test_there_are_landmarks(api):
    """One can go to the first token, to the call and to the finish."""
    found = anatomy(body(api))
    marks = found.landmarks

    assert list(marks) == [
        "first reasoning",
        "first token",
        "tool call 1: weather",
        "finish",
    ]
    assert any(type(each) is Finish for each in found[marks["finish"] - 1].events)
    first = found[marks["first token"] - 1].events
    said = next(each.text for each in first if type(each) is TextDelta)
    assert said.startswith("Das")


def test_checkpoints_give_what_a_replay_from_the_start_gives():
    """Also far into a long stream."""
    found = anatomy(b"".join(chat(f"{n} ") for n in range(1000)), "openai.chat")
    texts = {}
    for step in found:
        texts = apply(texts, step.changes)
        if step.number in (1, 127, 128, 129, 500, 1000):
            assert found.at(step.number) == texts
    assert found.at(3)["0/text"] == "0 1 2 "
    assert found.after_bytes(found[41].ready) == 42
    assert found.after_bytes(found[41].ready - 1) == 41


def test_a_step_that_is_not_there_is_an_error():
    """The message says how many there are."""
    with pytest.raises(IndexError, match=r"2 steps, so count is 0 to 3, not 4"):
        anatomy(A + A).at(4)


ENDINGS = {
    "complete": ("complete", chat("", "stop"), "complete"),
    "the reader closed it": ("closed", b"", "stopped"),
    "the connection broke": ("cut", b"", "failed"),
    "the body ended too early": ("complete", b"", "truncated"),
}


@pytest.mark.parametrize(("ended", "last", "outcome"), ENDINGS.values(), ids=ENDINGS)
def test_a_recording_ends_as_its_stream_ended(ended, last, outcome):
    """The outcome is the one that `show` gave."""
    reads = (Got(0.25, A[:9]), Got(0.5, A[9:] + last))
    found = anatomy(exchange(reads, ended))

    assert found.at(len(found) + 1)["outcome"] == outcome
    assert found.reads == (
        Read(offset=0, length=9, time_s=0.25),
        Read(offset=9, length=len(A + last) - 9, time_s=0.5),
    )
    assert anatomy(exchange(reads, ended), cut=4).reads[2].time_s == 0.5


def exchange(reads=(), ended="complete", kind="text/event-stream"):
    return Exchange(
        number=1,
        line=3,
        api="openai.chat",
        method="POST",
        url="https://api.example.com/v1/chat/completions",
        started_s=0,
        request_headers={},
        request=None,
        status=200,
        response_headers={"content-type": kind},
        response_s=0.1,
        reads=tuple(reads),
        ended=ended,
        notes=(),
    )


SOURCES = {
    "bytes": A,
    "a bytearray": bytearray(A),
    "a memoryview": memoryview(A),
    "pasted text": A.decode(),
    "what each read gave": [A[:5], b"", A[5:]],
    "a generator": (piece for piece in (A[:5], A[5:])),
    "a recording's exchange": exchange([Got(0.1, A)]),
}


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES.keys())
def test_all_that_holds_bytes_is_taken(source):
    """They give the same data."""
    assert nbstream.anatomy(source, api="openai.chat").data == A


WRONG = {
    "nothing": (None, UsageError, "no stream in None: expected the bytes of a text/"),
    "a dict": ({}, UsageError, "no stream in {}: expected"),
    "texts in a list": (["a"], UsageError, "a read gives bytes, not 'a': expected"),
    "a whole recording": (
        (exchange(),),
        UsageError,
        "got the exchanges of a recording, the first being <Exchange 1:",
    ),
    "no stream": (
        exchange(kind="application/json"),
        UsageError,
        "exchange 1 has no stream to take apart (application/json, status 200); look",
    ),
}


@pytest.mark.parametrize(("source", "kind", "said"), WRONG.values(), ids=WRONG.keys())
def test_what_is_no_stream_is_refused(source, kind, said):
    """The message says what it was and what was expected."""
    with pytest.raises(kind) as caught:
        anatomy(source)

    assert str(caught.value).startswith(said)


def test_an_api_that_is_not_known_is_refused():
    """The message lists those that are."""
    with pytest.raises(UnknownNameError, match=r"no API 'openai'; known: .*chat"):
        anatomy(A, "openai")
    with pytest.raises(UsageError, match="a read gives at least 1 byte, not 0"):
        anatomy(A, cut=0)


def test_a_stream_of_bytes_is_kept_with_its_times():
    """What `show` was given as bytes can be taken apart, cut as it came."""
    last = chat("", "stop")
    reply = nbstream.show([A[:20], A[20:], last], view="none")
    found = reply.anatomy()
    times = [read.time_s for read in found.reads]

    assert found.data == A + last
    assert [read.length for read in found.reads] == [20, len(A) - 20, len(last)]
    assert times == sorted(times)
    assert min(times) >= 0
    assert found.reply.outcome == reply.outcome == "complete"
    assert found.reply.wire.reads == found.reads == reply.wire.reads


OUTCOMES = {
    "stopped": {"stopped": True},
    "failed": {"exception": ConnectionError("reset")},
    "truncated": {},
    "running": None,
}


@pytest.mark.parametrize(("outcome", "how"), OUTCOMES.items(), ids=OUTCOMES)
def test_the_anatomy_ends_as_the_reply_did(outcome, how):
    """Also one that has not ended."""
    reply = Reply("openai.chat")
    Reader(reply).push(A)
    if how is not None:
        reply._end(**how)
    found = nbstream.anatomy(reply)

    assert found.reply.outcome == found.at(2)["outcome"] == outcome


def test_a_recordings_reply_has_its_bytes():
    """With the times at which they came."""
    found = exchange([Got(0.1, A[:5]), Got(0.2, A[5:])]).reply().anatomy()

    assert [read.time_s for read in found.reads] == [0.1, 0.2]


# -- the table -------------------------------------------------------------------------

VISIBLE = {
    "a line end": (b"a\nb\r\n", (), "a↵b␍↵"),
    "a cut": (b"ab", (1,), "a┃b"),
    "a cut character": ("é".encode(), (1,), "⟨C3⟩┃⟨A9⟩"),
    "what turns the reading direction": ("\u202eab".encode(), (), "⟨U+202E⟩ab"),
    "an escape sequence": (b"\x1b[31m\x7f", (), "␛[31m␡"),
    "joiners of an emoji stay": ("👩‍🔬".encode(), (), "👩‍🔬"),
}


@pytest.mark.parametrize(("data", "places", "shown"), VISIBLE.values(), ids=VISIBLE)
def test_bytes_are_made_visible(data, places, shown):
    """Nothing in them acts on the screen, and nothing is hidden."""
    assert raw_text(data, places) == shown


CODE = {
    "a": "`a`",
    "": "",
    " ": "`·`",
    "`": "`` ` ``",
    "a``b": "```a``b```",
    "a|b": "`a\\|b`",
    "<b>$x$</b>": "`<b>$x$</b>`",
    "a\nb": "`a↵b`",
}


@pytest.mark.parametrize(("text", "expected"), CODE.items(), ids=map(repr, CODE))
def test_a_cell_is_code(text, expected):
    """Whatever it holds."""
    assert code(text) == expected


def test_an_excerpt_has_both_ends_or_the_cut():
    """And says that something is missing."""
    assert excerpt("abcdefghij", 10) == "abcdefghij"
    assert excerpt("abcdefghijk", 10) == "abcdef … hijk"
    assert excerpt("abcdefgh┃ijklmnop", 6) == "… fgh┃ij …"
    assert visible("\ufeff") == "⟨U+FEFF⟩"


def test_the_table_of_a_short_stream():
    """All of it, row by row."""
    last = chat("", "stop")
    table = anatomy([A, last[:9], last[9:]]).markdown().splitlines()

    assert table[:1] == [
        f"**openai.chat** · {len(A + last)} bytes in 3 reads · 2 events · complete"
    ]
    assert table[2:] == [
        "| # | byte | read | on the wire | events | what it changed |",
        "| --: | --: | --: | --- | --- | --- |",
        '| 1 | 0 | 1 | `data: {"choices": [{"index": 0, … sh_reason": null}]}↵↵` '
        '| `TextDelta(text="A")` | Text +`A` |',
        f"| 2 | {len(A)} | 2\xa0to\xa03 | "
        '`data: {"c┃hoices": [{"index": 0, "delta": {"content" …` '
        '| `Finish(reason="stop", raw_reason="stop")`<br>`End()` | '
        "Finish reason `stop`<br>Outcome `running` |",
        "",
        "**The network cut 1 event**:",
        "",
        f"- event 2: `read 3 begins at byte {len(A) + 9}`",
        "",
        "**Splitting lines read by read breaks 1 event**:",
        "",
        "- event 2: `json.loads('{\"c') fails: Unterminated string starting at: line 1 "
        "column 2 (char 1)`",
        "",
        "| accumulated at the end | |",
        "|---|---|",
        "| Text | `A` |",
        "| Finish reason | `stop` |",
        "| Outcome | `complete` |",
    ]


HOSTILE = (
    "<script>alert(1)</script>",
    "![x](https://evil.example/?q=1)",
    "[x](javascript:alert(1))",
    "https://evil.example",
    "| a | b |",
    "`code` ``` ~~~",
    "$\\href{javascript:alert(1)}{x}$",
    "\\",
    "\u202e\x1b[2J",
    "<!--",
    "&lt;img src=x onerror=alert(1)&gt;",
    "```mermaid",
    "\n\n# heading",
    "@@0@@",
)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_what_a_model_says_is_only_shown(text):
    """It stays in its cell: the table has its rows, and nothing in it is alive."""
    data = chat(text) + chat("", "stop")
    plain = to_html(anatomy(chat("A") + chat("", "stop")).markdown())
    html = to_html(anatomy(data).markdown())
    tags = [part.partition(">")[0] for part in html.split("<")[1:]]
    expected = [part.partition(">")[0] for part in plain.split("<")[1:]]
    extra = [tag for tag in tags if tag not in ("code", "/code")]

    assert extra == [tag for tag in expected if tag not in ("code", "/code")]


def test_a_long_table_says_what_it_leaves_out():
    """It keeps the ends and the landmarks, and is small."""
    texts = [chat(f"{n} ") for n in range(500)]
    found = anatomy(b"".join([*texts, chat("", "stop")]), "openai.chat")
    table = found.markdown(rows=5)

    assert [line.split("|")[1].strip() for line in table.splitlines()[4:10]] == [
        "1",
        "2",
        "3",
        "4",
        "",
        "501",
    ]
    assert "| | | | *… 496 steps not shown* | | |" in table
    assert len(found.markdown().encode()) < 8_000
    assert len(found.markdown(rows=None).splitlines()) > 500
    with pytest.raises(UsageError, match="rows is 1 or more, or None for all, not 0"):
        found.markdown(rows=0)


def test_the_output_is_the_table_three_times():
    """Run again, it is the same to the byte; without a page there is no model."""
    data = body("openai.chat")
    bundle = anatomy(data)._repr_mimebundle_()
    table = anatomy(data).markdown()

    assert bundle == anatomy(data)._repr_mimebundle_()
    assert bundle["text/markdown"] == bundle["text/plain"] == table
    place = place_of(anatomy(data))
    assert bundle["text/html"].startswith(
        f'<div class="nbstream-anatomy {place}">\n<p dir="auto">'
    )


class Line(BaseComm):
    """A comm whose messages are kept."""

    sent: list

    def publish_msg(self, msg_type, data=None, metadata=None, buffers=None, **keys):
        Line.sent.append((msg_type, data, buffers))


@pytest.fixture
def sent(monkeypatch):
    """What a page would get: every message of every comm."""
    monkeypatch.setattr(comm, "create_comm", Line)
    monkeypatch.setattr(Line, "sent", [], raising=False)
    monkeypatch.setattr(widget, "_models", widget.deque())
    monkeypatch.setenv("NBSTREAM_VIEW", "live")
    return Line.sent


def test_with_a_page_all_of_it_is_sent_once(sent):
    """The bytes as they are, the rest as JSON; the output says where it belongs."""
    found = anatomy(body("openai.chat"))
    html = found._repr_mimebundle_()["text/html"]
    (opened,) = [each for each in sent if "told" in (each[1] or {}).get("state", {})]
    _, data, buffers = opened

    assert f'class="nbstream-anatomy {data["state"]["place"]}"' in html
    assert [bytes(each) for each in buffers] == [found.data]
    assert data["state"]["told"] == {**message(found), "opened": 0}
    assert place_of(anatomy(found.data)) == place_of(found)
    assert place_of(anatomy(found.data, cut=9)) != place_of(found)


def test_only_the_last_few_stay_alive(sent):
    """A model that is closed takes its layout with it."""
    for count in range(MOST_MODELS + 2):
        anatomy(chat(str(count)))._repr_mimebundle_()
    closed = [kind for kind, *_ in sent if kind == "comm_close"]

    assert len(widget._models) == MOST_MODELS
    assert len(closed) == 2 * 2


def test_the_newest_of_a_place_takes_over(sent):
    """A cell that is run again shows the new times, not those of before."""
    found = anatomy(A)
    found._repr_mimebundle_()
    found._repr_mimebundle_()

    assert len(widget._models) == 1
    assert [kind for kind, *_ in sent].count("comm_close") == 2


def test_only_recorded_times_are_in_the_table():
    """Those of a live stream differ from run to run, and would in the notebook."""
    recorded = exchange([Got(0.125, A)])
    live = nbstream.show([A, chat("", "stop")], view="none")

    assert "| 0.125\xa0s |" in anatomy(recorded).markdown()
    assert "| 0.125\xa0s |" in recorded.reply().anatomy().markdown()
    assert live.anatomy().reads[0].time_s is not None
    assert "time" not in live.anatomy().markdown().splitlines()[2]


def test_the_page_can_replay_what_it_is_told():
    """Also where a sign counts twice in JavaScript, or half a character came."""
    pieces = ('{"a": "', "👩", '"}')
    made = [
        {"index": 0, "id": "c", "function": {"name": "f", "arguments": each}}
        for each in pieces
    ]
    chunks = [{"choices": [{"index": 0, "delta": {"tool_calls": [m]}}]} for m in made]
    data = b"".join(encode(event(json.dumps(each))) for each in chunks)
    half = {"choices": [{"index": 0, "delta": {"content": "\ud83d"}}]}
    found = anatomy(data + encode(event(json.dumps(half))), "openai.chat")
    told = json.loads(json.dumps(message(found), ensure_ascii=False).encode())
    units = [""] * len(told["sections"])
    for _, _, _, _, _, changes, _ in told["steps"]:
        for section, drop, added in changes:
            old = units[section].encode("utf-16-le")
            kept = old[: len(old) - 2 * drop].decode("utf-16-le")
            units[section] = kept + added
    titles = [title for title, _ in told["sections"]]
    said = dict(zip(titles, units, strict=True))

    assert said["Arguments, read so far"] == '{"a": "👩"}'
    assert said["Text"] == "\ufffd"


def test_an_empty_stream_has_a_table_too():
    """Nothing came, and that is said."""
    found = anatomy(b"")

    assert len(found) == 0
    assert found.at(1) == {"outcome": "truncated"}
    assert found.markdown().startswith("**A stream** · 0 bytes in 0 reads · 0 events")


OPENED = {0: 0, 3: 3, -1: 5, -5: 1}


@pytest.mark.parametrize(("step", "opened"), OPENED.items())
def test_a_walk_may_begin_at_a_step(step, opened):
    """Counted from 1, or from the end."""
    assert anatomy(chat("A") * 5, "openai.chat", step=step).opened == opened


@pytest.mark.parametrize("step", [6, -6])
def test_a_step_that_is_not_there_is_refused(step):
    """The message says how many there are."""
    with pytest.raises(UsageError, match=f"there is no step {step}: 5 were found"):
        anatomy(chat("A") * 5, "openai.chat", step=step)
