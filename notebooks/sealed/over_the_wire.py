"""What lesson 01 does not show before it is asked."""

import json
from collections.abc import Callable, Iterable, Iterator
from urllib.request import Request, urlopen

from nbstream.course import Case, Exercise, Prediction, Question

# -- predictions ----------------------------------------------------------------------

lines = Prediction(
    "The anatomy has counted 13 events. How many lines will come?",
    unit="lines",
    why="Each has a line that names it, a line of data, and the empty line.",
)
lost = Prediction(
    "The last byte is missing. How many of the 13 events will the decoder find?",
    {"all 13": 13, "12": 12, "none": 0},
    why="Without its empty line an event is not complete, whole as its JSON may be.",
)
forms = Prediction(
    "How many events are in the text below?",
    unit="events",
    why="Only an empty line that has data before it hands an event over.",
)
done = Prediction(
    "All five answers are whole. For how many will it say so?",
    unit="answers",
    why="It is a habit of OpenAI's Chat API, which one API of Google has taken over.",
)

# -- the quiz -------------------------------------------------------------------------

QUIZ = (
    Question(
        "What says that an event is complete?",
        right=("an empty line", "it hands over the lines that have come before it."),
        wrong={
            "the end of its JSON": "the format knows no JSON; data may be any text.",
            "the end of its data line": "more lines of the same event may follow.",
        },
    ),
    Question(
        "A line begins with a colon. What is it?",
        right=("a comment", "it means nothing; servers send it as a keep-alive."),
        wrong={
            "data without a name": "a field without a name is skipped.",
            "the end of an event": "that is an empty line.",
        },
    ),
    Question(
        "The stream ends after a data line. What becomes of its event?",
        right=(
            "it is thrown away",
            "its empty line never came, so it was not complete.",
        ),
        wrong={
            "it is handed over": "then half of an event could be, too.",
            "the decoder raises an error": "the standard says to discard it.",
        },
    ),
    Question(
        "What does [DONE] tell you?",
        right=(
            "that a stream of an API that sends it has come to its end",
            "three of five APIs send none, and all five were whole.",
        ),
        wrong={
            "whether an answer is whole, for any API": "an answer without it may be "
            "whole, and one that speaks of it may be cut.",
            "that the stream keeps to the SSE format": "the format has no such word.",
        },
    ),
    Question(
        "Why can a browser's EventSource not be used for these APIs?",
        right=(
            "it takes an address only: no key, no question",
            "it has no place for a header of yours or for a body.",
        ),
        wrong={
            "it cannot read JSON": "it hands over text, which may be JSON.",
            "it knows no names of events": "it does: one listens for each by its name.",
        },
    ),
)

# -- five APIs ------------------------------------------------------------------------

_TEXT = "What is the capital of Kenya?"
_SAID = [{"role": "user", "content": _TEXT}]
_PARTS = [{"role": "user", "parts": [{"text": _TEXT}]}]
_ASKED = {
    "model": "m",
    "max_tokens": 100,
    "messages": _SAID,
    "input": _TEXT,
    "contents": _PARTS,
    "stream": True,
}
_PATHS = {
    "openai.chat": "/v1/chat/completions",
    "openai.responses": "/v1/responses",
    "anthropic.messages": "/v1/messages",
    "google.generate_content": "/v1beta/models/m:streamGenerateContent?alt=sse",
    "google.interactions": "/v1beta/interactions",
}


def five(url: str) -> dict[str, bytes]:
    """Ask five APIs the same, as a stream; return the bytes of each answer."""
    body = json.dumps(_ASKED).encode()
    kind = {"Content-Type": "application/json"}
    return {
        api: urlopen(Request(url + path, body, kind)).read()
        for api, path in _PATHS.items()
    }


# -- the exercise ---------------------------------------------------------------------


def live_events(lines):
    """Yield the name and the data of each event at its empty line."""
    name, data = "message", []
    for line in lines:
        field, _, value = line.decode().rstrip("\r\n").partition(":")
        if field == value == "":
            if data:
                yield name, "\n".join(data)
            name, data = "message", []
        elif field == "data":
            data.append(value.removeprefix(" "))
        elif field == "event":
            name = value.removeprefix(" ")


def _fed(text: str, *, gives: list[tuple[str, str]], shows: str) -> Case:
    """Say which events are in these lines."""
    fed = text.encode().splitlines(keepends=True)  # of bytes: at CR and LF only
    return Case(run=lambda tried: tried(iter(fed)), expected=gives, shows=shows)


_TWO = 'event: add\ndata: {"a": 1}\n\ndata: {"b": 2}\n\n'
_BOTH = [("add", '{"a": 1}'), ("message", '{"b": 2}')]


def _taken(tried: Callable[[Iterator[bytes]], Iterable[object]]) -> list[int]:
    """Return how many lines had been taken when each event came."""
    taken = 0

    def fed() -> Iterator[bytes]:
        nonlocal taken
        for line in _TWO.encode().splitlines(keepends=True):
            taken += 1
            yield line

    return [taken for _ in tried(fed())]


live_events = Exercise(
    _fed(_TWO, gives=_BOTH, shows="two events, one with a name"),
    Case(
        run=_taken,
        expected=[3, 5],
        shows="how many lines were taken when each event came",
    ),
    _fed(
        ": keep-alive\n\ndata: a\n\nevent: ping\n\nretry: 9\n\ndata: b\n\n",
        gives=[("message", "a"), ("message", "b")],
        shows="comments, and events without data",
    ),
    _fed("data\n\n", gives=[("message", "")], shows="data that is empty"),
    _fed(
        "data: one\ndata: two\n\n",
        gives=[("message", "one\ntwo")],
        shows="two lines of data",
    ),
    _fed(
        _TWO.replace("\n", "\r\n"),
        gives=_BOTH,
        shows="lines that end in CR LF",
    ),
    _fed(
        "data:no\n\ndata: one\n\ndata:  two \n\n",
        gives=[("message", "no"), ("message", "one"), ("message", " two ")],
        shows="spaces: the one after the colon goes, all others stay",
    ),
    _fed(
        "database: x\ndata: a\nid: 7\n\n",
        gives=[("message", "a")],
        shows="a field that begins like another",
    ),
    _fed(
        "data: caf\u00e9\u2028\N{PARTY POPPER}\n\n",
        gives=[("message", "caf\u00e9\u2028\N{PARTY POPPER}")],
        shows="letters of several bytes, and a U+2028, which ends no line here",
    ),
    _fed(
        "data: a\n\ndata: cut\n",
        gives=[("message", "a")],
        shows="the stream ends inside an event",
    ),
    solution=live_events,
)
