"""What lesson 08 does not show before it is asked."""

import asyncio
import inspect
import json
import sys
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

from nbstream.course import Case, Exercise, Prediction, Question, case
from nbstream.screens import view_of

COUNTRIES = [
    "Australia",
    "Austria",
    "Brazil",
    "Canada",
    "Denmark",
    "Egypt",
    "Finland",
    "France",
    "Germany",
    "Greece",
    "India",
    "Ireland",
    "Italy",
    "Japan",
    "Kenya",
    "Norway",
    "Poland",
    "Portugal",
    "Spain",
    "Sweden",
]

# -- predictions -----------------------------------------------------------------------

first_words = Prediction(
    "When the stream's first words are there, how much of the call's wait is over?",
    {
        "less than half": lambda share: share < 0.5,
        "more than half": lambda share: 0.5 <= share < 0.95,
        "all of it": lambda share: share >= 0.95,
    },
    why="The first token is ready early; the call waits for the last one.",
)

factor = Prediction(
    "How many times as fast are twenty questions, five at a time?",
    {
        "hardly faster": lambda times: times < 2,
        "about 5 times": lambda times: 2 <= times < 10,
        "about 20 times": lambda times: times >= 10,
    },
    why="Five wait at the same time; the sixth begins when one of them has ended.",
)

readable = Prediction(
    "Of how many of its beginnings does json.loads make something?",
    {
        "of each": range(100, 999),
        "of three: after each recipe": 3,
        "of one: the whole": 1,
        "of none": 0,
    },
    why="Until its last bracket a JSON text is not JSON.",
)

seen = Prediction(
    "What does the reader see?",
    {
        "[hidden]": lambda text: "[hidden]" in text,
        "the address": lambda text: "ann@example.com" in text,
        "nothing of it": lambda text: "@" not in text and "[hidden]" not in text,
    },
    why="No single delta holds a whole address, so the check never finds one.",
)

# -- helpers ---------------------------------------------------------------------------


def is_json(text: str) -> bool:
    """Tell whether `json.loads` reads this."""
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


class Line:
    """A line that grows: a square for each answer that has come."""

    def __init__(self, name: str) -> None:
        self.seconds = 0.0
        self._name, self._done = name, 0
        self._began: float | None = None
        self._handle = None

    async def __call__(self, answer: Awaitable[str]) -> str:
        """Wait for an answer, and grow; the first call starts the clock."""
        self._began = self._began or monotonic()
        text = await answer
        self.seconds = monotonic() - self._began
        self._done += 1
        self.say(f"{'■' * self._done} {self._done}", last=self._done == len(COUNTRIES))
        return text

    def say(self, words: str, *, last: bool = False) -> None:
        """Show these words in the place of those before; headless only the last."""
        if not last and view_of(None) not in ("live", "updates"):
            return
        from IPython.display import display

        words = f"{self._name:14} {words}"
        data = {"text/plain": words}
        if self._handle is None:
            self._handle = display(data, raw=True, display_id=True)
        else:
            self._handle.update(data, raw=True)

    def clear(self) -> None:
        """Take all output of the cell away, so that the file is the same for all."""
        if self._handle is not None:
            from IPython.display import clear_output

            self._handle = None
            clear_output()


# -- exercises -------------------------------------------------------------------------


def choose(reads_along, must_check, count, due):
    if count > 1:
        return "batch" if due == "tomorrow" else "many"
    return "stream" if reads_along and not must_check else "call"


choose = Exercise(
    case(True, False, 1, "today", gives="stream", shows="a person reads along"),
    case(False, False, 1, "today", gives="call", shows="nobody reads along"),
    case(True, True, 1, "today", gives="call", shows="the check comes first"),
    case(False, False, 20, "today", gives="many", shows="twenty today"),
    case(False, False, 2, "today", gives="many", shows="two are many"),
    case(True, False, 20, "today", gives="many", shows="nobody reads twenty at once"),
    case(False, False, 5000, "tomorrow", gives="batch", shows="due tomorrow"),
    case(False, True, 5000, "tomorrow", gives="batch", shows="checked tomorrow"),
    case(False, False, 5000, "today", gives="many", shows="5,000, but today"),
    case(True, False, 1, "tomorrow", gives="stream", shows="one is no batch"),
    solution=choose,
)


async def ask_all(ask, prompts, limit, tell):
    room, done = asyncio.Semaphore(limit), []

    async def one(prompt):
        async with room:
            try:
                answer = await ask(prompt)
            except Exception as error:  # noqa: BLE001 - it is kept
                answer = error
        done.append(prompt)
        tell(f"{len(done)} of {len(prompts)}")
        return answer

    return await asyncio.gather(*map(one, prompts))


class Service:
    """Answers prompts such as ``"slow a"``; it counts who is there at the same time.

    ``slow`` takes longer than others, and ``bad`` fails.
    """

    def __init__(self) -> None:
        self.here = self.most = self.ended = 0

    async def ask(self, prompt: str) -> str:
        """Answer in capitals, after some turns of the loop."""
        self.here += 1
        self.most = max(self.most, self.here)
        for _ in range(40 if "slow" in prompt else 10):
            await asyncio.sleep(0)
        self.here -= 1
        self.ended += 1
        if "bad" in prompt:
            raise RuntimeError(prompt)
        return prompt.upper()


def _asked(
    look: Callable[[object, Service, list[object]], object],
    *prompts: str,
    limit: int = 3,
    gives: object,
    shows: str,
) -> Case:
    """Say what comes of asking a service: what was returned, counted and told."""

    def run(tried: Callable[..., object]) -> object:
        service, told = Service(), []

        def tell(words: str) -> None:
            told.append((words, service.ended))

        async def asked() -> object:
            found = tried(service.ask, list(prompts), limit, tell)
            if not inspect.isawaitable(found):
                return f"a {type(found).__name__}"
            answers = await asyncio.wait_for(found, 5)
            return look(answers, service, told)

        return _waited(asked())

    return Case(run=run, expected=gives, shows=shows)


def _waited(coroutine: Awaitable[object]) -> object:
    """Run it to its end, though the notebook's own loop runs already."""
    if sys.platform == "emscripten":
        from pyodide.ffi import run_sync  # a page has no threads

        return run_sync(coroutine)
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


def _answers(answers, _service, _told):
    """Return the answers, and the names of the errors among them."""
    if not isinstance(answers, list | tuple):
        return answers
    kinds = [isinstance(each, Exception) for each in answers]
    pairs = zip(kinds, answers, strict=True)
    return [type(each).__name__ if is_error else each for is_error, each in pairs]


_FIVE = ("a", "b", "c", "d", "e")

ask_all = Exercise(
    _asked(_answers, "a", "b", gives=["A", "B"], shows="two answers"),
    _asked(
        _answers, "slow a", "b", "c", gives=["SLOW A", "B", "C"], shows="in their order"
    ),
    _asked(
        lambda _, service, __: service.most <= 3,
        *_FIVE,
        gives=True,
        shows="no more than the limit at once",
    ),
    _asked(
        lambda _, service, __: service.most,
        *_FIVE,
        gives=3,
        shows="as many as the limit at once",
    ),
    _asked(
        _answers, "a", "bad", "c", gives=["A", "RuntimeError", "C"], shows="one failed"
    ),
    _asked(
        lambda *all_of_it: [words for words, _ in all_of_it[2]],
        "a",
        "bad",
        "c",
        gives=["1 of 3", "2 of 3", "3 of 3"],
        shows="the progress, with the one that failed",
    ),
    _asked(
        lambda *all_of_it: [ended for _, ended in all_of_it[2]],
        "a",
        "b",
        "c",
        limit=1,
        gives=[1, 2, 3],
        shows="told as soon as each has ended",
    ),
    _asked(_answers, gives=[], shows="no prompts"),
    solution=ask_all,
)

# -- quiz ------------------------------------------------------------------------------

QUIZ = (
    Question(
        "What does a stream make shorter?",
        right=("the wait for the first words", "You can read while the rest comes."),
        wrong={
            "the time to the last word": "The model writes as fast as for a call.",
            "the bill": "The same tokens are counted, streamed or not.",
        },
    ),
    Question(
        "Twenty questions take 20 s one by one. About how long, five at a time?",
        right=("4 s", "Five wait at the same time, so there are four rounds."),
        wrong={
            "1 s": "That needs all twenty at once, and a provider that allows it.",
            "20 s": "While one waits for the network, others can, too.",
        },
    ),
    Question(
        "For what is JSON of use that is still arriving?",
        right=(
            "for a view that fills, and for elements that are whole",
            "An open object may still change, so it is for the eye only.",
        ),
        wrong={
            "for a program that acts on every field": "A number may be half of itself.",
            "for nothing at all": "A person sees it fill, and a list has items.",
        },
    ),
    Question(
        "Why does a check of each delta miss a mail address?",
        right=("no delta holds a whole one", "It is cut into several deltas."),
        wrong={
            "models write no addresses": "They do, if one is in what they read.",
            "deltas are too fast to be checked": "The check ran on each one of them.",
        },
    ),
    Question(
        "5,000 summaries are due tomorrow, and nobody reads along. What fits?",
        right=(
            "a batch",
            "Within a day, and at a lower price by the providers' pages.",
        ),
        wrong={
            "5,000 streams": "Nobody looks at them, so the first words help nobody.",
            "5,000 calls at once": "The provider's limit answers with 429.",
        },
    ),
)
