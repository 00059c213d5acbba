"""What lesson 06 does not show before it is asked."""

import gc
import signal
import time
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from types import SimpleNamespace

from nbstream.course import Case, Exercise, Prediction, Question, case
from nbstream.offline import Server, fault
from sealed.five_apis import Call, calls, read

__all__ = ["calls"]


# -- what the lesson uses --------------------------------------------------------------


def read_one(stream) -> None:
    """Leave a loop at the first event."""
    for _event in stream:
        break


def saw_us_go(server: Server, wait_s: float = 0.6) -> bool:
    """Look in the log for a while: has the server seen the last client go?

    Python's garbage collector is held meanwhile: when it closes what nobody closes is
    chance.
    """
    end = time.monotonic() + wait_s
    gc.disable()
    try:
        while (gone := server.log[-1].disconnected_at) is None:
            if time.monotonic() > end:
                break
            time.sleep(0.01)
        return gone is not None
    finally:
        gc.enable()


def wait_for_silence(live, silent_s: float = 0.7) -> None:
    """Wait until nothing has come for a while, or the stream is over."""
    heard, length = time.monotonic(), 0

    def silent() -> bool:
        nonlocal heard, length
        if len(live.reply.text) > length:
            heard, length = time.monotonic(), len(live.reply.text)
        return length > 0 and time.monotonic() - heard > silent_s

    live.wait_until(silent)


def requests(call: Call, status: int) -> int:
    """Call once while the server answers with this status; count its requests."""
    with fault(status, retry_after_s=0.01) as struck:
        read(call)
    return struck.struck


def print_text(stream) -> None:
    """Print the text of a Responses stream as it comes."""
    for event in stream:
        if event.type == "response.output_text.delta":
            print(event.delta, end="", flush=True)


def interrupted(call: Call, after: int = 24) -> Call:
    """Return the same call; in each of its streams ■ is pressed after some events."""

    def make() -> Iterator[object]:
        stream = call()
        try:
            for number, event in enumerate(stream, 1):
                yield event
                if number == after:
                    print(" ■")
                    signal.raise_signal(signal.SIGINT)
        finally:
            stream.close()

    return make


# -- predictions -----------------------------------------------------------------------

nameless = Prediction(
    "The loop is over and the stream has no name. "
    "How many of the five connections are closed?",
    {"none": 0, "some of them": range(1, 5), "all five": 5},
    why="It depends on whether the SDK's objects hold each other.",
)
tries = Prediction(
    "You call OpenAI's SDK once, and the server answers 503 to everything. "
    "How many requests does it see?",
    {"1": 1, "2": 2, "3": 3, "more": range(4, 100)},
    why="The SDK tries twice more, without a word.",
)
patience = Prediction(
    "A server is silent in mid-answer. How long does OpenAI's SDK wait for the next "
    "byte, if you set nothing?",
    {"10 seconds": 10, "1 minute": 60, "10 minutes": 600, "for ever": None},
    why="It is made for programs, and nobody sits in front of those.",
)

# -- quiz ------------------------------------------------------------------------------

QUIZ = (
    Question(
        "You leave a loop with break, and the stream has a name. What has ended?",
        right=("The loop", "The stream is open until somebody closes it."),
        wrong={
            "The connection": "The server's log says that it is open.",
            "The answer at the service": "It is told nothing, and may write on.",
        },
    ),
    Question(
        "Which of these closes the connection for certain, with all five APIs?",
        right=(
            "stream.close()",
            "All five streams have it; a with block calls it for you.",
        ),
        wrong={
            "break in a loop over the call itself": "With two APIs of five it did; "
            "with the others the garbage collector does, some time later.",
            "The end of the cell": "Names live on in a notebook.",
        },
    ),
    Question(
        "The server saw three requests, and you sent one. Who sent the others?",
        right=(
            "The SDK",
            "It tries twice more by itself, unless you set max_retries=0.",
        ),
        wrong={
            "The server": "A server answers; it does not ask.",
            "nbstream": "It asks again only with retries=, and you can see it wait.",
        },
    ),
    Question(
        "A 429 comes with Retry-After: 0. When may you ask again?",
        right=("At once", "Zero is a number of seconds, and the server chose it."),
        wrong={
            "After half a second": "So do the SDKs here, which take 0 for no answer; "
            "the server allows it earlier.",
            "Never": "429 says that it was too much for now.",
        },
    ),
    Question(
        "Why does nbstream not ask again after the first words of an answer?",
        right=(
            "The text would come twice, and be paid twice.",
            "So a person decides; what came is kept.",
        ),
        wrong={
            "The service forbids it.": "It would answer, and bill both.",
            "The connection is gone.": "A new one is made for each request anyway.",
        },
    ),
)

# -- exercise 1: how long to wait ------------------------------------------------------


def wait_before(attempt, retry_after):
    """Return how many seconds to wait before a retry; attempt 1 is the first."""
    if retry_after is not None:
        return retry_after
    return min(0.5 * 2 ** (attempt - 1), 8)


wait_before = Exercise(
    case(1, None, gives=0.5, shows="the first retry"),
    case(2, None, gives=1, shows="the second is twice as long"),
    case(4, None, gives=4, shows="the fourth"),
    case(5, None, gives=8, shows="the fifth"),
    case(9, None, gives=8, shows="never more than 8"),
    case(1, 2, gives=2, shows="the server names a time"),
    case(3, 0.25, gives=0.25, shows="the server names a part of a second"),
    case(2, 0, gives=0, shows="the server says 0: at once"),
    case(1, 60, gives=60, shows="the server wants more than 8"),
    solution=wait_before,
)

# -- exercise 2: stop after the first code block ---------------------------------------


def first_block(stream):
    """Print a Responses stream until its first code block has ended; then close it."""
    text = ""
    with stream:
        for event in stream:
            if event.type == "response.output_text.delta":
                text += event.delta
                print(event.delta, end="", flush=True)
                if text.count("```") == 2:
                    break
    return text


class Fake:
    """A stream of the Responses API that notes how it is used.

    Args:
        deltas: What it says; None is ■, pressed while the next event is awaited.
    """

    def __init__(self, *deltas: str | None) -> None:
        self.closed = False
        self.taken = 0
        self._events = iter(_events(deltas))

    def __iter__(self) -> "Fake":
        return self

    def __next__(self) -> SimpleNamespace:
        if self.closed:
            raise StopIteration
        event = next(self._events)
        if event is None:
            raise KeyboardInterrupt
        self.taken += event.type == _DELTA
        return event

    def close(self) -> None:
        """Close the connection."""
        self.closed = True

    def __enter__(self) -> "Fake":
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


_DELTA = "response.output_text.delta"


def _events(deltas: tuple[str | None, ...]) -> Iterator[SimpleNamespace | None]:
    yield SimpleNamespace(type="response.created")
    yield SimpleNamespace(
        type="response.reasoning_summary_text.delta", delta="```Hm.``` "
    )
    for delta in deltas:
        yield None if delta is None else SimpleNamespace(type=_DELTA, delta=delta)
    yield SimpleNamespace(type="response.completed")


def _played(tried, stream: Fake) -> tuple[object, str, str]:
    """Return what it gave, what stands on the screen, and how it ended."""
    given, ended = None, "returned"
    with redirect_stdout(StringIO()) as screen:
        try:
            given = tried(stream)
        except KeyboardInterrupt:
            ended = "interrupted"
    return given, screen.getvalue(), ended


def _without_end(text: object) -> object:
    return text.rstrip("\n") if isinstance(text, str) else text


def gives(*deltas: str, text: str, shows: str) -> Case:
    """Say which text is returned."""

    def run(tried) -> object:
        return _without_end(_played(tried, Fake(*deltas))[0])

    return Case(run=run, expected=text.rstrip("\n"), shows=shows)


def _shown_in_time(tried) -> object:
    """Return what stood on the screen each time when a delta was asked for."""
    stood: list[str] = []

    class Watched(Fake):
        def __next__(self) -> SimpleNamespace:
            stood.append(screen.getvalue())
            return super().__next__()

    with redirect_stdout(StringIO()) as screen:
        tried(Watched("Wait", " for", " it"))
    return stood[3:6]


def _closed(*deltas: str | None):
    def run(tried) -> object:
        stream = Fake(*deltas)
        ended = _played(tried, stream)[2]
        return ended, "closed" if stream.closed else "open"

    return run


_CODE = ("Look:\n\n", "```python\n", "x = 1\n", "```", "\n\nIt is", " a name.")
_UNTIL = "Look:\n\n```python\nx = 1\n```"
_SPLIT = ("Look:\n``", "`python\nx = 1\n", "``", "`\n", "\nIt is", " a name.")

first_block = Exercise(
    gives(*_CODE, text=_UNTIL, shows="up to the end of the block"),
    gives("No ", "code ", "here.", text="No code here.", shows="no code block"),
    gives(
        *_SPLIT,
        text="Look:\n```python\nx = 1\n```\n",
        shows="the three signs come in two deltas",
    ),
    gives(
        "`", "``a", "`", "`", "` b", " c", text="```a``` b", shows="one sign a delta"
    ),
    Case(
        run=lambda tried: _played(tried, Fake(*_CODE))[1].rstrip("\n"),
        expected=_UNTIL,
        shows="what stands on the screen",
    ),
    Case(
        run=_shown_in_time,
        expected=["Wait", "Wait for", "Wait for it"],
        shows="each delta is shown before the next one is taken",
    ),
    Case(run=_closed(*_CODE), expected=("returned", "closed"), shows="the connection"),
    Case(
        run=lambda tried: _takes(tried, *_CODE),
        expected=4,
        shows="deltas that it takes",
    ),
    Case(
        run=_closed("Look:\n", None, "more"),
        expected=("interrupted", "closed"),
        shows="■ is pressed: it gets through, and the connection is closed",
    ),
    solution=first_block,
)


def _takes(tried, *deltas: str) -> int:
    stream = Fake(*deltas)
    _played(tried, stream)
    return stream.taken
