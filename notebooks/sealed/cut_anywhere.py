"""What lesson 02 does not show before it is asked, and the network that it plays."""

from __future__ import annotations

import codecs
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import redirect_stdout

from nbstream import Reply
from nbstream._workers import pause  # in a page it lets what is printed appear
from nbstream.course import Case, Exercise, Prediction, Question

# -- the network ---------------------------------------------------------------------

#: What it carries, at the pace of a model.
BYTES_A_SECOND = 8000


def cut(data: bytes, size: int) -> list[bytes]:
    """Return the bytes in pieces of one size; the last may be shorter."""
    return [data[at : at + size] for at in range(0, len(data), size)]


def network(data: bytes, size: int) -> Iterator[bytes]:
    """Hand over the bytes in reads of one size, and take the time that it takes."""
    speed = float(os.environ.get("NBSTREAM_SPEED") or 1)
    for piece in cut(data, size):
        if speed:
            pause(len(piece) / BYTES_A_SECOND / speed)
        yield piece


def reads_of(reply: Reply) -> list[bytes]:
    """Return the bytes of each read that brought an answer."""
    wire = reply.wire
    assert wire is not None  # it was asked for with keep_wire=True
    return [wire.data[read.offset : read.end] for read in wire.reads]


def odd(lines: list[str]) -> int:
    """Count the lines that are not empty and begin with no field that our APIs use."""
    fields = ("event:", "data:")
    return len([line for line in lines if line and not line.startswith(fields)])


# -- predictions ---------------------------------------------------------------------

lost = Prediction(
    "How many of the 82 events will be lost?",
    {
        "none": 0,
        "about one at each cut": range(8, 20),
        "about half": range(30, 51),
        "nearly all": range(65, 81),
    },
    why="An event that begins in one read and ends in the next is whole in neither.",
)
replaced = Prediction(
    "How much of the answer will be there?",
    {
        "all of it": 0,
        "all but a few characters": range(1, 30),
        "hardly a word": range(30, 2000),
    },
    why="No event is lost, and only what a cut went through is spoilt: each of its "
    "halves becomes one sign or more.",
)


def _right(*names: str) -> Callable[[Mapping[str, tuple[int, ...]]], bool]:
    """Return a test: these ways, and no others, found right lines only."""
    return lambda wrong: {way for way in wrong if not any(wrong[way])} == {*names}


ways = Prediction(
    "Which of the two finds only right lines, in both answers?",
    {
        'split("\\n")': _right("split"),
        "splitlines()": _right("splitlines"),
        "both": _right("split", "splitlines"),
        "neither": _right(),
    },
    why="One leaves a CR at the end of each line, the other ends lines where SSE "
    "does not.",
)
localhost = Prediction(
    "How many of the 82 events does it lose here?",
    {
        "none": 0,
        "about as many as before": range(5, 30),
        "nearly all": range(65, 81),
    },
    why="The server writes one event at a time, and nothing on the way cut it anew.",
)

# -- the exercise --------------------------------------------------------------------


def show_live(pieces):
    decoder = codecs.getincrementaldecoder("utf-8")()
    rest, data = "", []
    for piece in pieces:
        *lines, rest = (rest + decoder.decode(piece)).split("\n")
        for line in lines:
            line = line.removesuffix("\r")
            if line.startswith("data:"):
                data.append(line.removeprefix("data:"))
            elif line == "" and data:
                event = json.loads("\n".join(data))
                print(event.get("delta", ""), end="", flush=True)
                data = []


#: A learner's function: it prints, and what it returns does not matter.
Shows = Callable[[Iterable[bytes]], object]


def _event(text: str, newline: str = "\n") -> bytes:
    """Return an event with some text, as the Responses API sends it."""
    kind = "response.output_text.delta"
    data = json.dumps({"type": kind, "delta": text}, ensure_ascii=False)
    return f"event: {kind}\ndata: {data}\n\n".replace("\n", newline).encode()


def _in_two_lines(text: str, newline: str = "\n") -> bytes:
    """Return an event whose data stand in two lines, as SSE allows."""
    data = json.dumps({"delta": text}, ensure_ascii=False)
    first, rest = data[:1], data[1:]
    return f"data: {first}\ndata: {rest}\n\n".replace("\n", newline).encode()


def shown(*pieces: bytes, gives: str, shows: str) -> Case:
    """Say what stands on the screen once all of these pieces have come."""

    def run(tried: Shows) -> object:
        with redirect_stdout(io.StringIO()) as screen:
            tried(iter(pieces))
        return screen.getvalue()

    return Case(run=run, expected=gives, shows=shows)


def as_it_comes(*pieces: bytes, gives: list[str], shows: str) -> Case:
    """Say what stands on the screen each time when the next piece is asked for."""

    def run(tried: Shows) -> object:
        seen: list[str] = []
        with redirect_stdout(io.StringIO()) as screen:

            def fed() -> Iterator[bytes]:
                for piece in pieces:
                    yield piece
                    seen.append(screen.getvalue())

            tried(fed())
        return seen

    return Case(run=run, expected=gives, shows=shows)


_BEGIN = b'event: response.created\ndata: {"type": "response.created"}\n\n'
_WORDS = ("Happy", " birthday", ",\n", "  dear", " reader ")
_PARTY = "Bravo \N{PARTY POPPER}!"
_TWO = "one\u2028two"

show_live = Exercise(
    shown(_BEGIN + _event("Happy"), gives="Happy", shows="one event with text"),
    shown(*cut(_event("Happy"), 40), gives="Happy", shows="an event in pieces"),
    as_it_comes(
        *map(_event, ("Ha", "pp", "y")),
        gives=["Ha", "Happ", "Happy"],
        shows="what is on the screen before the next piece comes",
    ),
    shown(*map(_event, _WORDS), gives="".join(_WORDS), shows="spaces are kept"),
    shown(*cut(_event(_PARTY), 1), gives=_PARTY, shows="a cut through an emoji"),
    shown(*cut(_event(_TWO), 7), gives=_TWO, shows="U+2028 is no line end"),
    shown(_event("Hi", "\r\n"), gives="Hi", shows="lines end in CR LF"),
    shown(_in_two_lines("Hi"), gives="Hi", shows="two data lines, one event"),
    shown(
        *cut(_event("Hi", "\r\n") + _in_two_lines("!", "\r\n"), 1),
        gives="Hi!",
        shows="a cut between CR and LF",
    ),
    shown(
        _event("Hi") + _event("lost")[:-1],
        gives="Hi",
        shows="an event without its empty line",
    ),
    solution=show_live,
)

# -- the quiz ------------------------------------------------------------------------

QUIZ = (
    Question(
        "A program treats each read as a whole. What happens at a cut inside an event?",
        right=(
            "the event is lost, without an error",
            "its first half has no empty line, and its second half has no data.",
        ),
        wrong={
            "the SDK raises an exception": "there is no SDK in it; nobody notices.",
            "the event comes later": "nobody has kept its first half.",
        },
    ),
    Question(
        'What does *lines, rest = (rest + text).split("\\n") leave in rest?',
        right=(
            "what follows the last line end",
            "it is no whole line yet, so it waits for the next piece.",
        ),
        wrong={
            "the last whole line": "a whole line is followed by a line end.",
            "nothing: all text is in lines": "only if the text ends with a line end, "
            'and then it is "".',
        },
    ),
    Question(
        'Why is decode(errors="replace") no cure for cut characters?',
        right=(
            "both halves are spoilt for good",
            "each half is decoded by itself, and the character cannot come back.",
        ),
        wrong={
            "it raises UnicodeDecodeError": "that is what it keeps from happening.",
            "it loses the event": "the event is there; one character of it is not.",
        },
    ),
    Question(
        "Where may a line of a server-sent event stream end?",
        right=("at LF, CR LF or CR", "the HTML standard names these three, no more."),
        wrong={
            "wherever splitlines() ends one": "it knows eight more, such as U+2028.",
            "at LF only": "Gemini's API ends its lines in CR LF.",
        },
    ),
    Question(
        "Why did the naive program lose nothing on its author's machine?",
        right=(
            "each read there was one event",
            "the server writes an event at a time; a proxy cuts them anew.",
        ),
        wrong={
            "a local network never cuts": "it did not cut here, and promises nothing.",
            "the answer was shorter": "it was the same answer, byte for byte.",
        },
    ),
)
