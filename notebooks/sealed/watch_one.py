"""What lesson 00 does not show before it is asked."""

import re
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from functools import cache

import nbstream
from nbstream.course import Case, Exercise, Prediction, Question

# -- predictions ----------------------------------------------------------------------

events = Prediction(
    "The answer has 86 words. How many events will the loop see?",
    unit="events",
    why="An event carries a part of a word, a word or a few; some carry no text.",
)
limit = Prediction(
    "What will be the outcome of the answer that breaks off at 40 tokens?",
    ["complete", "stopped", "truncated", "failed"],
    why="All that the service had to send has come, up to its last event.",
)
counts = Prediction(
    "What will the usage of the stopped reply be?",
    {
        "the tokens that had come": lambda usage: usage and usage.output_tokens < 200,
        "the tokens of the whole plan": lambda usage: (
            usage and usage.output_tokens >= 200
        ),
        "None": None,
    },
    why="This API tells the counts in its last event, which never came.",
)

# -- the quiz -------------------------------------------------------------------------

QUIZ = (
    Question(
        "Why were there more events than words?",
        right=(
            "a delta may be a part of a word, and some events carry no text",
            "the provider cuts where it likes; beginnings and ends are events, too.",
        ),
        wrong={
            "each event carries one letter of the answer": "most carried a whole word.",
            "each event is one token, and words have several": "there were more tokens "
            "than events: some carried two or three.",
        },
    ),
    Question(
        "Stream and plain call of one question: what does the stream save?",
        right=(
            "the wait for the first words",
            "you read along; the last word comes when it comes.",
        ),
        wrong={
            "the wait for the last word": "the model writes as long in either case.",
            "tokens": "the model writes the same answer for both.",
        },
    ),
    Question(
        "The outcome is complete and the finish reason is length. What do you have?",
        right=(
            "all that was sent, of an answer that the token limit cut",
            "outcome is about the stream, finish reason about the model.",
        ),
        wrong={
            "a whole answer, for the stream is complete": "a model that had said all "
            "would say stop.",
            "an answer whose end was lost on the way": "that would be truncated.",
        },
    ),
    Question(
        "Why had the stopped reply no token counts?",
        right=(
            "the event that tells them never came",
            "this API counts in its last event, and the connection was closed before.",
        ),
        wrong={
            "a stopped answer costs nothing": "what it costs is up to the provider.",
            "stop threw them away with the rest": "all that had arrived was kept.",
        },
    ),
    Question(
        "Why does show get a function, and not the stream itself?",
        right=(
            "so it sees the request go out",
            "it can time the wait, and tell a failed request in one line.",
        ),
        wrong={
            "it cannot show a stream that is there already": "it can do that, too.",
            "so the model answers sooner": "the same request is sent.",
        },
    ),
)

# -- 1: a counter on the screen -------------------------------------------------------


def progress(chunks):
    """Count the words on one line while they come; return the text."""
    text = ""
    for chunk in chunks:
        for choice in chunk.choices:
            text += choice.delta.content or ""
            print(f"\r{len(text.split())} words", end="")
    return text


class _Screen:
    """Shows what is written to it as a terminal does; `\\r` goes back to the left."""

    def __init__(self) -> None:
        self.lines = [""]
        self._at = 0

    def write(self, text: str) -> int:
        for sign in text:
            if sign == "\n":
                self.lines.append("")
            elif sign != "\r":
                line = self.lines[-1]
                self.lines[-1] = line[: self._at] + sign + line[self._at + 1 :]
            self._at = 0 if sign in "\r\n" else self._at + 1
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""

    def shown(self) -> list[str]:
        """Return the lines in which something stands."""
        return [line.strip() for line in self.lines if line.strip()]

    def number(self) -> int:
        """Return the number in the last line, or 0."""
        found = re.findall(r"\d+", "".join(self.shown()[-1:]))
        return int(found[0]) if found else 0


#: Stands for the last chunk: the counts, and no choice.
USAGE = object()


def _chunk(piece: object) -> object:
    """Make a chunk of the Chat API: of a text, of None, or of the counts."""
    from openai.types.chat import ChatCompletionChunk

    tokens = {"prompt_tokens": 4, "completion_tokens": 9, "total_tokens": 13}
    choice = {"index": 0, "delta": {"content": piece}, "finish_reason": None}
    counted = piece is USAGE
    made = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": "m",
        "choices": [] if counted else [choice],
        "usage": tokens if counted else None,
    }
    return ChatCompletionChunk.model_validate(made)


#: A try: what was returned, the screen, and the numbers at each next chunk.
Tried = tuple[object, _Screen, list[int]]


def _try(tried: Callable[..., object], pieces: tuple[object, ...]) -> Tried:
    screen, numbers = _Screen(), list[int]()

    def chunks() -> Iterator[object]:
        for piece in pieces:
            yield _chunk(piece)
            numbers.append(screen.number())

    with redirect_stdout(screen):
        returned = tried(chunks())
    return returned, screen, numbers


def _counted(
    *pieces: object, gives: object, shows: str, of: Callable[[Tried], object]
) -> Case:
    return Case(run=lambda one: of(_try(one, pieces)), expected=gives, shows=shows)


def _text(tried: Tried) -> object:
    return tried[0]


progress = Exercise(
    _counted("A", " word.", gives="A word.", shows="it returns the text", of=_text),
    _counted("Hi", None, gives="Hi", shows="a chunk without text", of=_text),
    _counted("Hi", USAGE, gives="Hi", shows="a chunk without choices", of=_text),
    _counted(
        *("A", " hippo", "pota", "mus."),
        gives=2,
        shows="words on the screen, one of which came in three pieces",
        of=lambda tried: tried[1].number(),
    ),
    _counted(
        *("", "One", " two", " three four", "."),
        gives=[0, 1, 2, 4, 4],
        shows="the number on the screen before each next chunk",
        of=lambda tried: tried[2],
    ),
    _counted(
        *("One", " two", " three"),
        gives=1,
        shows="how many lines: one, written over",
        of=lambda tried: len(tried[1].shown()),
    ),
    solution=progress,
)

# -- 2: how it ended ------------------------------------------------------------------


def ending(reply):
    """Say how an answer ended, in one word."""
    if reply.outcome != "complete":
        return reply.outcome
    return "cut" if reply.finish_reason == "length" else "whole"


@cache
def endings() -> dict[str, nbstream.Reply]:
    """Return real replies, each with its ending; a server of our own answers."""
    from anthropic import Anthropic

    said = [{"role": "user", "content": "What is a token?"}]
    tool = {"name": "get_weather", "input_schema": {"type": "object"}}
    rain = [{"role": "user", "content": "What is the weather in Lisbon?"}]
    with nbstream.offline.Server(speed=0) as server:
        url = server.base_url("anthropic.messages")
        client = Anthropic(base_url=url, api_key="none", max_retries=0)

        def ask(tokens: int = 500, messages: object = said, **more: object):
            asked = {"model": "m", "max_tokens": tokens, "messages": messages, **more}
            return lambda: client.messages.create(**asked, stream=True)

        read = nbstream.Reply.from_stream
        found = {"whole": read(ask()), "cut": read(ask(20))}
        found["a call"] = read(ask(messages=rain, tools=[tool]))
        for name, fault in FAULTS.items():
            with server.fault(fault):
                found[name] = read(ask())
        with server.fault("stall"):
            live = nbstream.start(ask(), view="none")
            live.wait_until(lambda: bool(live.reply.text))
            live.stop()
            found["stopped"] = live.result()
        wire = nbstream.show(ask(20), view="none", keep_wire=True).wire.data
    lost = wire[: wire.rindex(b"event: message_stop")]
    found["last event lost"] = nbstream.Reply.from_sse(lost, "anthropic.messages")
    return found


FAULTS = {"truncated": "end_early", "failed": "error_in_band", "refused": "429"}


def _ended(name: str, *, gives: str, shows: str) -> Case:
    return Case(run=lambda tried: tried(endings()[name]), expected=gives, shows=shows)


ending = Exercise(
    _ended("whole", gives="whole", shows="all has come"),
    _ended("cut", gives="cut", shows="the token limit"),
    _ended("stopped", gives="stopped", shows="you stopped it"),
    _ended("truncated", gives="truncated", shows="it ended without an end"),
    _ended("failed", gives="failed", shows="an error after some words"),
    _ended("refused", gives="failed", shows="an error before the first word"),
    _ended("a call", gives="whole", shows="a tool call, and no text"),
    _ended(
        "last event lost",
        gives="truncated",
        shows="a finish reason, and then no end",
    ),
    solution=ending,
)
