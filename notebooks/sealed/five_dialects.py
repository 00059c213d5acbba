"""What lesson 03 does not show before it is asked."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import redirect_stdout, suppress

from nbstream import types
from nbstream.course import Case, Exercise, Prediction, Question, case
from nbstream.offline import Server
from nbstream.types import TextDelta
from sealed.five_apis import calls, chat, messages, responses, warm_up

__all__ = ["calls", "chat", "messages", "responses", "warm_up"]

# -- what the lesson uses ------------------------------------------------------------


def as_ollama(server: Server) -> str:
    """Return the address at which the offline server plays an Ollama."""
    return server.base_url("openai.chat")


def tried(function: Callable[..., object], events: Iterable[object]) -> tuple[str, str]:
    """Call it; return what it printed, and what it raised, if it did."""
    raised = ""
    with redirect_stdout(io.StringIO()) as screen:
        try:
            function(events)
        except Exception as error:  # noqa: BLE001 - which one it is, is the question
            raised = f"{type(error).__name__}: {error}"
    return screen.getvalue(), raised


# -- predictions ---------------------------------------------------------------------

again = Prediction(
    "How often does a Responses stream send the answer, in pieces or at once?",
    {"once": 1, "twice": 2, "five times": 5},
    why="Once in pieces, then whole for each thing that is done: the text, its part, "
    "its item, the response.",
)
mixed = Prediction(
    "What will the text be?",
    {
        "the first answer, then the second": lambda text: (
            text.startswith("Answer 1") and "Answer 2" in text
        ),
        "both, mixed piece by piece": lambda text: text.startswith("AnswerAnswer"),
        "the first answer only": lambda text: (
            text.startswith("Answer 1") and "Answer 2" not in text
        ),
    },
    why="Both are written at the same time, and their pieces take turns.",
)
local = Prediction(
    "Which dialect will it speak?",
    (
        "openai.responses",
        "openai.chat",
        "anthropic.messages",
        "google.interactions",
        "one of its own",
    ),
    why="Who writes a server wants existing programs to work with it, and Chat was the "
    "first that many programs spoke.",
)
thinking = Prediction(
    "How much of the answer will it print?",
    {
        "all of it": lambda printed: printed.startswith("There are"),
        "the thoughts, then the answer": lambda printed: printed.startswith("I should"),
        "nothing": "",
    },
    why="The first delta is one of thinking, and has no text.",
)

# -- first exercise: texts by choice -------------------------------------------------


def texts_of(chunks):
    texts = {}
    for chunk in chunks:
        for choice in chunk["choices"]:
            index = choice["index"]
            piece = choice["delta"].get("content") or ""
            texts[index] = texts.get(index, "") + piece
    return texts


def _chunk(*choices: tuple[int, dict[str, object]]) -> dict[str, object]:
    """Return a chunk of Chat's with these choices: an index and a delta each."""
    found = [{"index": at, "delta": delta} for at, delta in choices]
    return {"object": "chat.completion.chunk", "choices": found}


def _piece(index: int, content: object) -> dict[str, object]:
    return _chunk((index, {"content": content}))


_ROLE = {"role": "assistant"}
_COUNTS = {"choices": [], "usage": {"total_tokens": 9}}

texts_of = Exercise(
    case([_piece(0, "Yes"), _piece(0, "!")], gives={0: "Yes!"}, shows="one answer"),
    case(
        [_piece(1, "No"), _piece(0, "Yes"), _piece(1, ", thanks"), _piece(0, "!")],
        gives={0: "Yes!", 1: "No, thanks"},
        shows="two answers, mixed",
    ),
    case(
        [_chunk((0, _ROLE)), _piece(0, "Yes")],
        gives={0: "Yes"},
        shows="content is missing",
    ),
    case(
        [_piece(0, None), _piece(0, "Yes"), _piece(0, None)],
        gives={0: "Yes"},
        shows="content is None",
    ),
    case([_piece(0, "Yes"), _COUNTS], gives={0: "Yes"}, shows="choices are empty"),
    case(
        [_chunk((1, {"content": "No"}), (0, {"content": "Yes"})), _piece(1, "!")],
        gives={0: "Yes", 1: "No!"},
        shows="several choices in one chunk",
    ),
    solution=texts_of,
)

# -- second exercise: thoughts in grey -----------------------------------------------


def show_both(events):
    last = ""
    for event in events:
        if isinstance(event, TextDelta):
            if last == "reasoning" and event.kind != last:
                print("\n")
            last = event.kind
            text = event.text
            if event.kind == "reasoning":
                text = "\033[38;5;245m" + text + "\033[0m"
            print(text, end="", flush=True)


#: A learner's function: it prints, and what it returns does not matter.
Shows = Callable[[Iterable[types.Event]], object]
Painted = list[tuple[str, str]]
_CODE = re.compile(r"\033\[([\d;]*)m")
#: What turns a colour off; whatever else is turned on counts as grey.
_OFF = ("", "0", "22", "39")


def _painted(written: str) -> tuple[Painted, str]:
    """Return what stands on the screen, by style, and the style that is left on.

    Line breaks between two styles are a matter of taste, and left out.
    """
    style, found = "plain", [("plain", "")]
    for at, part in enumerate(_CODE.split(written)):
        if at % 2:
            style = "plain" if part in _OFF else "grey"
        elif part and found[-1][0] == style:
            found[-1] = (style, found[-1][1] + part)
        elif part:
            found.append((style, part))
    trimmed = [(kind, text.strip("\n")) for kind, text in found]
    return [each for each in trimmed if each[1]], style


def painted(*events: types.Event, gives: Painted, shows: str) -> Case:
    """Say what stands on the screen once all of these events have come."""

    def run(tried: Shows) -> object:
        with redirect_stdout(io.StringIO()) as screen:
            tried(iter(events))
        return _painted(screen.getvalue())[0]

    return Case(run=run, expected=gives, shows=shows)


def as_it_comes(*events: types.Event, gives: list[Painted], shows: str) -> Case:
    """Say what stands on the screen each time when the next event is asked for."""

    def run(tried: Shows) -> object:
        seen: list[Painted] = []
        with redirect_stdout(io.StringIO()) as screen:

            def fed() -> Iterator[types.Event]:
                for event in events:
                    yield event
                    seen.append(_painted(screen.getvalue())[0])

            tried(fed())
        return seen

    return Case(run=run, expected=gives, shows=shows)


def left_on(*events: types.Event, breaks: bool, gives: str, shows: str) -> Case:
    """Say which style is on after a stream that ends, or breaks, with these events."""

    def run(tried: Shows) -> object:
        def fed() -> Iterator[types.Event]:
            yield from events
            if breaks:
                raise ConnectionError("the line is dead")

        with redirect_stdout(io.StringIO()) as screen, suppress(ConnectionError):
            tried(fed())
        shown, style = _painted(screen.getvalue())
        return style if shown else "nothing is shown"

    return Case(run=run, expected=gives, shows=shows)


def _thought(text: str) -> TextDelta:
    return TextDelta(text=text, kind="reasoning")


def _text(text: str) -> TextDelta:
    return TextDelta(text=text)


_USAGE = types.Usage(
    input_tokens=3,
    output_tokens=9,
    total_tokens=12,
    reasoning_tokens=None,
    cached_tokens=None,
    data={},
)

show_both = Exercise(
    painted(_text("Three"), _text("."), gives=[("plain", "Three.")], shows="text"),
    painted(
        *map(_thought, ("Hm", ", one ", "is sure. ")),
        *map(_text, ("**", "3", "**")),
        gives=[("grey", "Hm, one is sure. "), ("plain", "**3**")],
        shows="thoughts are grey, text is plain",
    ),
    as_it_comes(
        _thought("Hm"),
        _text("Three"),
        _text("."),
        gives=[
            [("grey", "Hm")],
            [("grey", "Hm"), ("plain", "Three")],
            [("grey", "Hm"), ("plain", "Three.")],
        ],
        shows="what is on the screen before the next event comes",
    ),
    painted(
        types.Start(id="msg_1", model="claude-haiku-5-5"),
        _text("Three."),
        _USAGE,
        types.Finish(reason="stop", raw_reason="end_turn"),
        types.End(),
        gives=[("plain", "Three.")],
        shows="events without text",
    ),
    painted(
        TextDelta(text="I can't help with that.", kind="refusal"),
        gives=[("plain", "I can't help with that.")],
        shows="a refusal is plain",
    ),
    painted(
        _text("Th"),
        _text("ree."),
        types.TextDone(text="Three."),
        gives=[("plain", "Three.")],
        shows="TextDone tells all of it again",
    ),
    painted(
        _thought("One?"),
        _text("Let me see. "),
        _thought("Three."),
        _text("Three."),
        gives=[
            ("grey", "One?"),
            ("plain", "Let me see. "),
            ("grey", "Three."),
            ("plain", "Three."),
        ],
        shows="it thinks twice",
    ),
    left_on(
        _thought("Hm"), breaks=False, gives="plain", shows="it ends while it thinks"
    ),
    left_on(
        _thought("Hm"), breaks=True, gives="plain", shows="it breaks while it thinks"
    ),
    solution=show_both,
)

# -- the quiz ------------------------------------------------------------------------

QUIZ = (
    Question(
        "You add up the text of every event of a Responses stream. What do you get?",
        right=("The answer, five times", "after the deltas it comes whole, four times"),
        wrong={
            "The answer": "only if you add the deltas alone",
            "The answer and the question": "the question is in no event",
        },
    ),
    Question(
        "When does Chat tell how many tokens you pay for?",
        right=(
            "In one last chunk, if you ask for it",
            "stream_options asks, and that chunk has no choices",
        ),
        wrong={
            "In each chunk": "they say usage=None",
            "In the first chunk": "nobody knows it then",
        },
    ),
    Question(
        "What is index for?",
        right=(
            "It says what a piece belongs to",
            "the choice, or the part of the answer; the order of coming does not",
        ),
        wrong={
            "It numbers the pieces": "the pieces of one answer have the same index",
            "It counts the tokens": "the usage counts them, not the index",
        },
    ),
    Question(
        "Why does event.delta.text fail on some of Claude's deltas?",
        right=(
            "A delta need not be text",
            "a thought has its own field, and so has a tool call: look at the type",
        ),
        wrong={
            "The text is empty": "an empty text is a text; nothing would fail",
            "The stream was cut": "then no event would come at all",
        },
    ),
    Question(
        "Your program reads Chat. What changes with a model on your own machine?",
        right=(
            "The address and the model's name",
            "most local servers speak Chat; try what yours says of usage and thoughts",
        ),
        wrong={
            "It needs a loop of its own": "the dialect is the same",
            "Nothing streams": "it streams as from a service",
        },
    ),
)
