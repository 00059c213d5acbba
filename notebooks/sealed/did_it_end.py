"""What lesson 04 does not show before it is asked."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext, redirect_stdout
from io import StringIO
from types import SimpleNamespace

from nbstream.course import Case, Exercise, Prediction, Question, case
from nbstream.offline import fault
from nbstream.screens import view_of
from sealed import five_apis

# Not by name: a solution brings its module's imports, and the lesson has a `calls`.
calls, read, warm_up = five_apis.calls, five_apis.read, five_apis.warm_up


def kind(event: object) -> str:
    """Name an event: its type, or where it has none, its finish reason."""
    if name := getattr(event, "type", "") or getattr(event, "event_type", ""):
        return name
    one = (getattr(event, "choices", None) or event.candidates)[0].finish_reason
    return f"finish_reason {getattr(one, 'name', one)}"


# -- predictions -----------------------------------------------------------------------

loops = Prediction(
    "A proxy ends five streams early and politely. "
    "How many of the five loops end without an exception?",
    {"none": 0, "some of them": range(1, 5), "all five": 5},
    why="For HTTP it was a proper end, and the SDKs look no further.",
)
raised = Prediction(
    "The service fails after 30 tokens and sends an event that says so. "
    "How many of the five SDKs raise an exception?",
    {"none": 0, "some of them": range(1, 5), "all five": 5},
    why="Two hand the error over like any other event.",
)
refused = Prediction(
    "The model declines. Which finish_reason does the Chat API give?",
    ["refusal", "content_filter", "stop", "length"],
    why="The words of a refusal have a field of their own; the model was done.",
)

# -- quiz ------------------------------------------------------------------------------

QUIZ = (
    Question(
        "A loop over a stream has ended without an exception. What do you know?",
        right=("Nothing more came.", "The loop knows no more than that."),
        wrong={
            "The answer is complete.": "A proxy can end it politely in mid-sentence.",
            "The model was done.": "Only the API's own terminal marker says so.",
        },
    ),
    Question(
        "What is the terminal marker of Anthropic's Messages API?",
        right=("message_stop", "It is the last event of a message that is whole."),
        wrong={
            "content_block_stop": "It ends one block; another may follow.",
            "[DONE]": "OpenAI's Chat writes it behind the last event, and it is no "
            "event. Anthropic does not send it.",
        },
    ),
    Question(
        "The service sends an error event in mid-stream. What does OpenAI's SDK do "
        "with it in the Responses API?",
        right=(
            "It hands it over like any other event.",
            "Your loop has to look for the type error.",
        ),
        wrong={
            "It raises APIError.": "It does so for Chat, and not for Responses.",
            "It asks again.": "Once events have come, no SDK here asks again.",
        },
    ),
    Question(
        "outcome is complete, and finish_reason is length. What does that mean?",
        right=(
            "The stream is whole, and the text is not.",
            "The marker came; the model met its limit of tokens.",
        ),
        wrong={
            "The connection was cut.": "Then there would be no marker: truncated.",
            "Everything is there.": "The model had more to say than it was allowed.",
        },
    ),
    Question(
        "Code uses the text if finish_reason is stop. What can still go wrong?",
        right=(
            "The text may be empty: a refusal in Chat ends so, too.",
            "Its words are in the field refusal.",
        ),
        wrong={
            "The text may be cut by the limit.": "Then the reason would be length.",
            "Nothing: stop means that all is well.": "It means that the model was "
            "done, and not with what.",
        },
    ),
)

# -- exercise 1: which streams are complete --------------------------------------------


def is_complete(api, events):
    """Tell whether the terminal marker of this API is among the events."""
    if api == "openai.chat":
        return any(choice.finish_reason for e in events for choice in e.choices)
    markers = {
        "openai.responses": ("response.completed", "response.incomplete"),
        "anthropic.messages": ("message_stop",),
    }
    return any(event.type in markers[api] for event in events)


def _types(*types: str) -> list[SimpleNamespace]:
    return [SimpleNamespace(type=each) for each in types]


def _responses(*types: str) -> list[SimpleNamespace]:
    return _types(*(f"response.{each}" if each != "error" else each for each in types))


def _chat(*reasons: str | None) -> list[SimpleNamespace]:
    """Make chunks; the one with the token counts ("counts") has no choice."""
    return [
        SimpleNamespace(
            choices=[]
            if reason == "counts"
            else [SimpleNamespace(index=0, finish_reason=reason)]
        )
        for reason in reasons
    ]


_TEXT = ("output_item.added", "content_part.added", "output_text.delta")
_DONE = ("output_text.done", "content_part.done", "output_item.done")
_BLOCK = ("content_block_start", "content_block_delta", "content_block_stop")
_R, _C, _A = "openai.responses", "openai.chat", "anthropic.messages"

is_complete = Exercise(
    case(
        _R,
        _responses("created", *_TEXT, *_DONE, "completed"),
        gives=True,
        shows="Responses, whole",
    ),
    case(_R, _responses("created", *_TEXT), gives=False, shows="cut in a word"),
    case(
        _R,
        _responses("created", *_TEXT, *_DONE),
        gives=False,
        shows="an item is done, the answer is not",
    ),
    case(
        _R,
        _responses("created", *_TEXT, "error"),
        gives=False,
        shows="the last event is no delta, and an error",
    ),
    case(
        _R,
        _responses("created", "failed"),
        gives=False,
        shows="the service says that it failed",
    ),
    case(
        _R,
        _responses("created", *_TEXT, *_DONE, "incomplete"),
        gives=True,
        shows="the limit of tokens: its marker is another",
    ),
    case(_C, _chat(None, None, "stop"), gives=True, shows="Chat"),
    case(_C, _chat(None, None), gives=False, shows="Chat, cut"),
    case(
        _C,
        _chat("counts", None, "stop", "counts"),
        gives=True,
        shows="Chat, with chunks that have no choice",
    ),
    case(_C, _chat(None, "length"), gives=True, shows="Chat, the limit of tokens"),
    case(_A, _types("message_start", *_BLOCK, "message_stop"), gives=True, shows=_A),
    case(
        _A,
        _types("message_start", *_BLOCK),
        gives=False,
        shows="a block has stopped, the message has not",
    ),
    case(_A, [], gives=False, shows="nothing came"),
    solution=is_complete,
)

# -- exercise 2: an honest ending ------------------------------------------------------


def honest(stream):
    """Pass a Responses stream on; print at its end how it ended."""
    ending = "truncated"
    try:
        for event in stream:
            if event.type == "response.completed":
                ending = "complete"
            elif event.type == "response.incomplete":
                ending = "cut by a limit"
            elif event.type in ("error", "response.failed"):
                ending = "failed"
            yield event
    except Exception:
        ending = "failed"
        raise
    finally:
        print(f"[{ending}]")


def _events(*types: str, breaks: bool = False) -> Iterator[SimpleNamespace]:
    """Give events as they come; at the end the connection may break."""
    yield from _responses(*types)
    if breaks:
        message = "the connection broke"
        raise ConnectionError(message)


def _last_line(screen: StringIO) -> str:
    return (screen.getvalue().splitlines() or ["nothing"])[-1].strip()


def ends(*types: str, gives: str, shows: str, breaks: bool = False) -> Case:
    """Say what the last line on the screen is, and that all events come through."""

    def run(tried) -> object:
        passed, came = [], "ended"
        with redirect_stdout(StringIO()) as screen:
            try:
                passed.extend(_given(tried(_events(*types, breaks=breaks))))
            except ConnectionError:
                came = "raised"
        return _last_line(screen), [_short(event.type) for event in passed], came

    wanted = gives, [*types], "raised" if breaks else "ended"
    return Case(run=run, expected=wanted, shows=shows)


def _short(kind: str) -> str:
    return kind.removeprefix("response.")


def _given(found: object) -> Iterable[SimpleNamespace]:
    if not isinstance(found, Iterable):
        message = f"it gives a {type(found).__name__}, and no events: use yield"
        raise TypeError(message)
    return found


def _one_at_a_time(tried) -> object:
    """Return how many events were taken for the first, and what stood there then."""
    taken = 0

    def counted() -> Iterator[SimpleNamespace]:
        nonlocal taken
        for event in _responses("created", *_TEXT, *_DONE, "completed"):
            taken += 1
            yield event

    with redirect_stdout(StringIO()) as screen:
        found = iter(_given(tried(counted())))
        next(found)
        first = taken, screen.getvalue()
        list(found)
    return first


def _said_after_all(tried) -> object:
    """Return what stands on the screen when the last event comes, and after it."""
    with redirect_stdout(StringIO()) as screen:
        before = ""
        for _event in _given(tried(_events("created", "completed"))):
            before = screen.getvalue()
    return before, len(screen.getvalue().splitlines())


honest = Exercise(
    ends("created", *_TEXT, *_DONE, "completed", gives="[complete]", shows="complete"),
    Case(run=_one_at_a_time, expected=(1, ""), shows="events taken for the first one"),
    Case(run=_said_after_all, expected=("", 1), shows="one line, after all events"),
    ends("created", *_TEXT, *_DONE, gives="[truncated]", shows="it just ends"),
    ends("created", *_TEXT, "incomplete", gives="[cut by a limit]", shows="incomplete"),
    ends("created", *_TEXT, "error", gives="[failed]", shows="an error event"),
    ends("created", "failed", gives="[failed]", shows="response.failed"),
    ends(
        "created",
        *_TEXT,
        gives="[failed]",
        shows="the connection breaks: the exception has to get through",
        breaks=True,
    ),
    solution=honest,
)


def _with_a_line_break(stream: Iterable[object]) -> Iterator[object]:
    yield from stream
    print()


def watch(tried: Callable[[Iterable[object]], object], call: five_apis.Call) -> None:
    """Let three live answers stream through it, where somebody looks on."""
    if view_of(None) in ("static", "none") or tried(iter(())) is None:
        return
    faults = {"a whole answer": "", "cut": "end_early", "failing": "error_in_band"}
    for title, kind in faults.items():
        print(f"-- {title}:")
        with fault(kind, after=40) if kind else nullcontext():
            for event in _given(tried(_with_a_line_break(call()))):
                if event.type == "response.output_text.delta":
                    print(event.delta, end="", flush=True)
