"""The file of a recording: any bytes survive it, and damage is told by its line."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nbstream
from nbstream.errors import UsageError
from nbstream.lab.recording import Exchange, Read, RecordingError, dumps, loads
from nbstream.lab.recording.format import decode, encode

LINES = {
    "an event": (b"data: 1\n\n", ["lf data: 1", "lf "]),
    "CRLF": (b"data: 1\r\n\r\n", ["crlf data: 1", "crlf "]),
    "a cut in a line": (b"data: 1", ["cut data: 1"]),
    "a cut before it": (b"1}\n", ["lf 1}"]),
    "a cut inside CRLF": (b"data: 1\r", ["cut data: 1", "b64 DQ=="]),
    "backslashes and quotes stay": (b'{"a":"\\n"}\n', ['lf {"a":"\\n"}']),
    "text of all languages": ("café 你好 🎉\n".encode(), ["lf café 你好 🎉"]),
    "a cut inside a character": ("é".encode()[:1], ["b64 ww=="]),
    "text before it": ("café".encode()[:4], ["cut caf", "b64 ww=="]),
    "text after it": ("é!\n".encode()[1:], ["b64 qQ==", "lf !"]),
    "both": ("éaé".encode()[1:4], ["b64 qQ==", "cut a", "b64 ww=="]),
    "a tab inside": (b"a\tb\n", ["lf a\tb"]),
    "spaces at the end": (b"a \n", ["b64 YSAK"]),
    "control characters": (b"\x00\x1b\n", ["b64 ABsK"]),
    "a line separator": ("a\u2028b".encode(), ["b64 YeKAqGI="]),
    "no text at all": (b"\xff\xfe\n", ["b64 //4K"]),
    "leading spaces": (b"  a\n", ["lf   a"]),
    "nothing": (b"", []),
}


@pytest.mark.parametrize(("data", "expected"), LINES.values(), ids=LINES)
def test_bytes_as_lines(data, expected):
    """Bytes are written as readable as they can be."""
    assert [f"{kind} {text}" for kind, text in encode(data)] == expected


def exchange(**changes: object) -> Exchange:
    """Make an exchange."""
    plain = Exchange(
        number=1,
        line=4,
        api="openai.chat",
        method="POST",
        url="https://api.example.com/v1/chat/completions",
        started_s=0.25,
        request_headers={"content-type": "application/json"},
        request={"model": "m", "messages": []},
        status=200,
        response_headers={"content-type": "text/event-stream"},
        response_s=0.5,
        reads=(Read(0.75, b"data: 1\n\n"),),
        ended="complete",
        notes=("a note",),
    )
    return replace(plain, **changes)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inside: st.lists(inside) | st.dictionaries(st.text(), inside),
    max_leaves=8,
)
bodies = st.binary() | st.text().map(lambda t: t.encode("utf-8", "surrogatepass"))


@settings(deadline=None, max_examples=150)
@given(data=bodies)
def test_bytes_survive(data):
    """Whatever the bytes are, the lines give them back."""
    lines = list(encode(data))
    assert b"".join(decode(kind, text) for kind, text in lines) == data
    assert not any("\n" in text or text.endswith((" ", "\r")) for _, text in lines)


@settings(deadline=None, max_examples=100)
@given(reads=st.lists(bodies.filter(bool), max_size=4), request=st.none() | json_values)
def test_an_exchange_survives(reads, request):
    """What is written is read again, whole."""
    reads = tuple(Read(n / 8, data) for n, data in enumerate(reads))
    wrote = exchange(reads=reads, request=request)
    assert loads(dumps([wrote])) == (wrote,)


def test_editors_may_change_line_ends():
    """A file saved with CRLF, a BOM, no end, or trimmed lines is the same recording."""
    wrote = exchange(reads=(Read(0.5, b"data: 1\n\ndata: x\r\n\r\n"),))
    data = dumps([wrote])
    trimmed = b"\n".join(line.rstrip() for line in data.split(b"\n"))
    windows = b"\xef\xbb\xbf" + data.replace(b"\n", b"\r\n")
    for changed in (windows, trimmed, data.rstrip(b"\n"), data + b"\n\n# the end\n"):
        assert loads(changed) == (wrote,)


def test_the_page_about_it_is_right():
    """The example of FORMAT.md is a recording."""
    page = Path(nbstream.__file__).parent / "lab" / "recording" / "FORMAT.md"
    block = re.search(r"^```\n(.*?)^```", page.read_text("utf-8"), re.M | re.S)
    (found,) = loads(block[1].encode())

    assert found.request["messages"] == [{"role": "user", "content": "Hi"}]
    assert (found.reply().text, found.ended) == ("café", "complete")


def test_interleaved_exchanges_are_kept_apart():
    """Blocks of several exchanges may alternate."""
    one, two = exchange(), exchange(number=2, reads=(Read(0.75, b"data: 2\n\n"),))
    head, *a = dumps([one]).decode().split("\n\n")[0:]
    first = "\n\n".join(a)
    second = dumps([two]).decode().partition("\n\n")[2]
    at = second.index("read 2")
    mixed = f"{head}\n\n{second[:at]}{first}{second[at:]}"
    assert [replace(e, line=4) for e in loads(mixed.encode())] == [two, one]


GOOD = dumps([exchange()]).decode()
DAMAGE = {
    "no recording": (
        ("nbstream-recording 1", "hello"),
        "line 1: this is no recording: it begins with 'hello'",
    ),
    "newer": (
        ("recording 1", "recording 2"),
        "line 1: the file has format 2, this nbstream reads 1; update it",
    ),
    "a strange title": (
        ("response 1 0.500 200", "answer 1 0.500 200"),
        "line 10: 'answer 1 0.500 200' is no title; expected 'request'",
    ),
    "no number": (("read 1 0.750", "read one 0.750"), "line 12: 'read one 0.750"),
    "no status": (("500 200", "500 OK"), "line 10: 'OK' is no HTTP status"),
    "no URL": (("POST https://", "POST "), "line 4: 'POST api.example.com"),
    "no host": (("https://", "https://["), "line 4: this cannot be read: Invalid IPv6"),
    "a format without end": (
        ("recording 1", f"recording 1{'0' * 5000}"),
        "line 1: this cannot be read: Exceeds the limit",
    ),
    "a size without end": (
        ("9 bytes", f"1{'0' * 5000} bytes"),
        "line 12: this cannot be read: Exceeds the limit",
    ),
    "bad JSON": (('"m",', '"m"'), "line 8: the JSON is damaged: Expecting ','"),
    "a strange detail": (
        ("  lf data: 1", "  fl data: 1"),
        "line 13: 'fl' cannot stand here; known here: lf, crlf, cut, b64",
    ),
    "a number without end": (
        ('"m"', "9" * 5000),
        "line 4: this cannot be read: Exceeds the limit",
    ),
    "codes for a terminal, and no end of them": (
        ("  lf data: 1", "  \x1b]52;c;aGk=\x07" + "x" * 10_000),
        r"line 13: '\x1b]52;c;aGk=\x07xxxxxx",
    ),
    "bad base64": (("lf data: 1", "b64 !"), "line 13: not base64"),
    "a changed read": (
        ("data: 1", "data: 17"),
        "line 12: this read holds 10 bytes and not 9; if you changed it, write 10",
    ),
    "no size": (("9 bytes", "nine"), "line 12: 'nine' is no size, such as 57 bytes"),
    "a strange end": (
        ("complete", "over"),
        "line 15: 'over' is no way to end; known: complete",
    ),
    "no request": (
        ("request 1 0.250", "request 2 0.250"),
        "line 10: exchange 1 has no request above this line",
    ),
    "no response": (
        (
            "response 1 0.500 200\n  header content-type: text/event-stream\n",
            "",
        ),
        "line 10: exchange 1 has no response above this line",
    ),
    "two responses": (
        ("read 1 0.750 9 bytes\n  lf data: 1\n  lf", "response 1 0.6 200"),
        "line 12: exchange 1 has a response above this line",
    ),
    "after the end": (
        ("  note a note", "read 1 0.9 0 bytes\nread 1 0.9 0 bytes"),
        "line 16: exchange 1 has ended above this line",
    ),
    "indented too early": (("# Written", "  lf"), "line 2: an indented line belongs"),
    "no header": (("header content-type: text", "header text"), "line 11: 'text"),
    "begun twice": (
        ("  note a note\n", "request 1 0.1 GET http://a/b\nend 1 0.1 cut\n"),
        "line 16: exchange 1 began before; give it a new number",
    ),
}


@pytest.mark.parametrize(("change", "expected"), DAMAGE.values(), ids=DAMAGE)
def test_damage_is_told_by_its_line(change, expected):
    """A damaged file gives an error with its name, the line and what to do."""
    assert change[0] in GOOD
    with pytest.raises(RecordingError) as told:
        loads(GOOD.replace(*change, 1).encode(), "a.rec")
    assert str(told.value).startswith(f"a.rec, {expected}")
    assert f"line {told.value.line}:" in expected


def test_text_that_is_not_utf8_is_told_by_its_line():
    """Another encoding is no recording."""
    data = GOOD.encode().replace(b"a note\n", b"a note\xe9\n")
    with pytest.raises(RecordingError, match="line 16: this is not UTF-8"):
        loads(data)


WHOLE = dumps(
    [
        exchange(),
        exchange(number=2, reads=(Read(1.0, "data: é\n\n".encode()),) * 3),
    ]
)


@settings(deadline=None, max_examples=300)
@given(size=st.integers(len(WHOLE.split(b"\n")[0]), len(WHOLE)))
def test_an_interrupted_file_is_read_up_to_its_last_block(size):
    """Wherever the writer was ended: no error, and nothing that is not true."""
    first, second = loads(WHOLE)
    found = loads(WHOLE[:size])
    for got, whole in zip(found, (first, second), strict=False):
        assert got.reads == whole.reads[: len(got.reads)]
        assert got.ended in {whole.ended, "interrupted"}
        assert got.request in (None, whole.request)
    if size > WHOLE.index(b"request 2"):
        assert found[0] == first


@settings(deadline=None, max_examples=300)
@given(data=st.data())
def test_any_damage_is_an_error_of_ours(data):
    """Bytes changed anywhere give a recording or a `RecordingError`, never a crash."""
    at = data.draw(st.integers(0, len(WHOLE) - 1))
    put = data.draw(st.binary(max_size=6))
    drop = data.draw(st.integers(0, 40))
    line = 1
    try:
        loads(WHOLE[:at] + put + WHOLE[at + drop :])
    except RecordingError as error:
        line = error.line
    assert 1 <= line <= WHOLE.count(b"\n") + 8


def test_what_an_exchange_is_good_for():
    """A plain answer gives its JSON; a stream gives a reply; neither the other's."""
    plain = exchange(
        response_headers={"content-type": "application/json"},
        reads=(Read(0.5, b'{"a":'), Read(0.6, b" 1}")),
    )
    assert (plain.json(), plain.body, plain.is_stream) == ({"a": 1}, b'{"a": 1}', False)
    assert plain.target == "/v1/chat/completions"
    assert repr(plain) == (
        "<Exchange 1: openai.chat POST https://api.example.com/v1/chat/completions, "
        "200, 8 bytes in 2 reads, complete>"
    )
    with pytest.raises(UsageError, match=r"exchange 1 has no stream to read"):
        plain.reply()
    with pytest.raises(UsageError, match="at least 1 byte"):
        plain.cut(0)


def test_a_cut_keeps_bytes_and_time():
    """Cut anew, the bytes are the same, and each comes when its last byte came."""
    cut = exchange(reads=(Read(1.0, b"abc"), Read(2.0, b"de"))).cut(2)
    assert cut.reads == (Read(1.0, b"ab"), Read(2.0, b"cd"), Read(2.0, b"e"))
