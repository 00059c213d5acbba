"""What the capstone does not show before it is asked."""

import io
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from difflib import get_close_matches
from types import SimpleNamespace

import nbstream
from nbstream.course import Case, Exercise, Prediction, Question, case, check


def ready(tried):
    """Return a function that is right, or else ours, so that one can go on."""
    exercise = globals()[tried.__name__]
    with redirect_stdout(io.StringIO()):
        is_right = check(tried, *exercise.cases)
    return tried if is_right else exercise.right


# -- predictions ----------------------------------------------------------------------

messages = Prediction(
    "One question, one call, one answer. How many messages does the chat hold then?",
    {"two": 2, "three": 3, "four": 4},
    why="The question, the call, its result, and the answer.",
)
consent = Prediction(
    "The model calls forget, and nobody looks on. What comes of the call?",
    {
        "it runs: nobody has objected": "done",
        "it is refused, and the model is told so": "refused",
        "the cell waits until somebody comes": ("waiting", "asking"),
    },
    why="No answer is no consent.",
)
kept = Prediction(
    "The answer was stopped. How many messages has the chat gained?",
    {
        "none: all of it is taken back": 0,
        "one: the question": 1,
        "two: the question and what came": 2,
    },
    why="What came is kept, and says that it broke off: the model has to know.",
)

QUIZ = (
    Question(
        "Why does describe take a name, and no expression?",
        right=(
            "looking up a name changes nothing",
            "An expression is a program, and whoever writes it runs it.",
        ),
        wrong={
            "models cannot write expressions": "They can, and that is the danger.",
            "names are shorter": "They are. That saves tokens, and not your data.",
        },
    ),
    Question(
        "A tool returns a text in place of an exception. Who reads it?",
        right=("the model", "It is the result of the call; the model can mend it."),
        wrong={
            "nobody": "Each call needs a result, and each result is sent back.",
            "only you": "You see it on the card; but it is sent to the model.",
        },
    ),
    Question(
        "A tool wants consent and nobody is there. What happens?",
        right=("the call is refused", "No answer is no consent."),
        wrong={
            "it runs": "Then consent would be worth nothing in a job at night.",
            "the program hangs": "It would, if a question without a reader were asked.",
        },
    ),
    Question(
        "What does a chat keep of an answer that was stopped?",
        right=(
            "what had come, with a note",
            "The next question may build on it, and the model knows that it broke off.",
        ),
        wrong={
            "nothing": "Only a question that nothing came of is taken back.",
            "what had come, as if whole": "Then nobody could tell the two apart.",
        },
    ),
    Question(
        "What is sent when you ask for an object with chat.messages?",
        right=(
            "all that was said, the wish and the schema",
            "The API keeps nothing here; the schema says what the answer has to be.",
        ),
        wrong={
            "only the wish": "Then the model would not know what it is about.",
            "only the schema": "A schema says of what form, and not of what.",
        },
    ),
)


# -- milestone 1: what the model may see ----------------------------------------------


def look(variables, name):
    """Tell the type of a variable and how its value begins; of no other, say so."""
    public = [each for each in variables if not each.startswith("_")]
    if name not in public:
        near = ", ".join(get_close_matches(name, public)) or "nothing like it"
        return f"There is no {name!r} here. What there is: {near}."
    value = variables[name]
    return {"type": type(value).__name__, "view": repr(value)[:200]}


def told(variables, name, *words, without=(), shows):
    """Say that a text comes back, with these words and without those."""

    def run(tried):
        text = tried(dict(variables), name)
        if not isinstance(text, str):
            return f"{text!r} is no text"
        lacks = [word for word in words if word not in text]
        return [f"lacks {word}" for word in lacks] + [
            f"tells {word}" for word in without if word in text
        ]

    return Case(run=run, expected=[], shows=shows)


def _eats(tried):
    """Try names that do something where they are evaluated."""
    variables = {"basket": ["apple"]}
    said = tried(variables, "basket.clear()")
    return variables["basket"], type(said).__name__


_NOTEBOOK = {"prices": {"apple": 1.2}, "orders": [3, 1], "_secret": "sk-1"}

look = Exercise(
    case(
        _NOTEBOOK,
        "prices",
        gives={"type": "dict", "view": "{'apple': 1.2}"},
        shows="a variable",
    ),
    case({"n": 0}, "n", gives={"type": "int", "view": "0"}, shows="a zero"),
    case({"n": None}, "n", gives={"type": "NoneType", "view": "None"}, shows="a None"),
    case(
        {"big": "x" * 100_000},
        "big",
        gives={"type": "str", "view": "'" + "x" * 199},
        shows="only the first 200 characters are shown",
    ),
    told(
        _NOTEBOOK, "pries", "pries", "prices", shows="an unknown name: say what is near"
    ),
    told(_NOTEBOOK, "zebra", "zebra", shows="an unknown name with nothing near it"),
    told(_NOTEBOOK, "_secret", without=["sk-1"], shows="a private name"),
    told(
        {**_NOTEBOOK, "_prices": 1},
        "_prise",
        without=["_prices"],
        shows="a private name is not told either",
    ),
    Case(run=_eats, expected=(["apple"], "str"), shows="a name is never evaluated"),
    solution=look,
)


# -- milestone 4: an answer that can be stopped ---------------------------------------


class FakeChat:
    """A chat whose answer grows by one piece at each look."""

    def __init__(self, *pieces, button_at=None, fails=False):
        self.pieces, self.button_at, self.fails = pieces, button_at, fails
        self.live = None
        self.asked, self.views = [], []

    def start(self, prompt, *, view=None, **_):
        self.asked.append(prompt)
        self.views.append(view)
        self.live = FakeLive(self)
        return self.live

    def __call__(self, prompt, *, view=None, **_):
        return self.start(prompt, view=view).result()


class FakeLive:
    """An answer in the background: each look at its reply brings one more piece."""

    def __init__(self, chat):
        self._chat = chat
        self.taken, self.looks, self.closed = 0, 0, False
        self.outcome = "running"
        self._reply = FakeReply(self)

    @property
    def reply(self):
        self.looks += 1
        if self.looks > 1000:
            raise RuntimeError("it waits for ever: the answer has ended")
        self._step()
        return self._reply

    def _step(self):
        if self.outcome != "running":
            return
        if self.taken == self._chat.button_at:
            self.stop()
            raise nbstream.Stopped("Stopped.", self._reply)
        if self.taken < len(self._chat.pieces):
            self.taken += 1
        elif self._chat.fails:
            self.outcome, self.closed = "failed", True
        else:
            self.outcome, self.closed = "complete", True

    def wait_until(self, ready, step_s=0.05):
        while not ready() and self.outcome == "running":
            pass

    def stop(self):
        if self.outcome == "running":
            self.outcome, self.closed = "stopped", True

    def result(self, timeout_s=None):
        while self.outcome == "running":
            self._step()
        if self.outcome == "failed":
            raise ConnectionError("the service failed")
        return self._reply


class FakeReply:
    """What has come so far."""

    def __init__(self, live):
        self._live = live

    @property
    def text(self):
        return "".join(self._live._chat.pieces[: self._live.taken])

    @property
    def outcome(self):
        return self._live.outcome


def answered(*pieces, enough=lambda text: False, gives, shows, **how):
    """Say what comes of a question: the text, how it ended, and what is open still."""

    def run(tried):
        chat = FakeChat(*pieces, **how)
        try:
            reply = tried(chat, "How?", enough)
        except nbstream.Stopped:
            return "Stopped came through, and what had come is lost"
        except ConnectionError:
            return "the failure comes through"
        if not hasattr(reply, "outcome"):
            return f"a {type(reply).__name__}"
        is_open = "" if chat.live.closed else "the connection is open still"
        return reply.text, reply.outcome, is_open

    return Case(run=run, expected=gives, shows=shows)


def _views(tried):
    chat = FakeChat("One. ")
    tried(chat, "How?", lambda text: False)
    return "shown" if chat.views and "none" not in chat.views else "not shown"


def answer(chat, prompt, enough):
    """Ask, show, and stop as soon as it is enough; return what came."""
    live = chat.start(prompt)
    try:
        live.wait_until(lambda: enough(live.reply.text))
        live.stop()
        return live.result()
    except nbstream.Stopped as stopped:
        return stopped.reply


_THREE = ("One. ", "Two. ", "Three. ")

answer = Exercise(
    answered(*_THREE, gives=("One. Two. Three. ", "complete", ""), shows="to its end"),
    answered(
        *_THREE,
        enough=lambda text: text.count(".") >= 2,
        gives=("One. Two. ", "stopped", ""),
        shows="two sentences are enough: no third is taken, and the stream is closed",
    ),
    Case(run=_views, expected="shown", shows="it streams to the screen"),
    answered(
        *_THREE,
        button_at=1,
        gives=("One. ", "stopped", ""),
        shows="the Stop button: what had come is returned",
    ),
    answered(
        "One. ",
        fails=True,
        gives="the failure comes through",
        shows="a failure is no stop",
    ),
    solution=answer,
)


# -- milestone 5: an answer that is an object -----------------------------------------


@dataclass
class Step:
    """One step of a plan."""

    do: str
    minutes: int


@dataclass
class Talk:
    """A chat of which only what was said, and the model, are looked at."""

    model: str = "openai:a-model"
    messages: list = field(default_factory=list)
    asked: list = field(default_factory=list)

    def __call__(self, prompt, **_):
        self.messages += [{"role": "user", "content": prompt}, {"role": "assistant"}]
        return SimpleNamespace(text='[{"do": "Look", "minutes": 5}]', parsed=None)


_SAID = [{"role": "user", "content": "What is in x?"}, {"role": "assistant"}]
_WISH = {"role": "user", "content": "Plan it."}


def planned(tell, *, gives, shows, fails=False):
    """Say what ``tell`` finds after a plan was asked for."""

    def run(tried):
        chat, calls = Talk(messages=[dict(each) for each in _SAID]), []

        def ask(prompt, model, **options):
            sent = prompt if isinstance(prompt, str) else [dict(m) for m in prompt]
            calls.append((sent, model, options.get("schema")))
            if fails:
                raise ConnectionError("no fit")
            steps = [Step("Look", 5)]
            return SimpleNamespace(text='[{"do": "Look", "minutes": 5}]', parsed=steps)

        try:
            found = tried(ask, chat, "Plan it.", list[Step])
        except ConnectionError:
            return "the failure comes through"
        return tell(found, calls[-1] if calls else ((), "", None), chat)

    return Case(run=run, expected=gives, shows=shows)


def as_object(ask, chat, wish, schema):
    """Ask for an object with all that was said; the chat stays as it is."""
    question = {"role": "user", "content": wish}
    reply = ask([*chat.messages, question], chat.model, schema=schema)
    return reply.parsed


as_object = Exercise(
    planned(
        lambda found, call, chat: found,
        gives=[Step("Look", 5)],
        shows="the object, and not its JSON",
    ),
    planned(
        lambda found, call, chat: call[2],
        gives=list[Step],
        shows="the schema is asked for",
    ),
    planned(
        lambda found, call, chat: call[0],
        gives=[*_SAID, _WISH],
        shows="all that was said is sent, and the wish last",
    ),
    planned(
        lambda found, call, chat: call[1],
        gives="openai:a-model",
        shows="the model of the chat",
    ),
    planned(
        lambda found, call, chat: chat.messages,
        gives=_SAID,
        shows="the conversation stays as it is",
    ),
    planned(
        lambda found, call, chat: found,
        fails=True,
        gives="the failure comes through",
        shows="an answer that does not fit is no plan",
    ),
    solution=as_object,
)


# -- the whole: an assistant ----------------------------------------------------------


def _find(variables, name):
    """Stand in for ``look``: it finds a name, or says that there is none."""
    return {"view": repr(variables[name])} if name in variables else f"no {name!r}"


def assisted(prompt, *, gives, shows, variables=("prices",)):
    """Say what comes of the calls, asked of a scripted model where nobody looks on."""

    def run(tried):
        mine = dict.fromkeys(variables, 12)
        with nbstream.offline.Server(speed=0) as server:
            chat = _made(tried, mine, server)
            reply = chat(prompt, view="none")
        runs = [
            (call.name, call.parsed, call.run.state, call.run.result)
            for each in reply.rounds
            for call in each.tool_calls
            if call.run is not None
        ]
        return runs, sorted(mine)

    return Case(run=run, expected=gives, shows=shows)


def _made(tried, variables, server):
    chat = tried("ollama:scripted", variables, _find)
    if not isinstance(chat, nbstream.Chat):
        raise TypeError(f"expected a Chat, got {type(chat).__name__}")
    if chat.model != "ollama:scripted":
        raise ValueError(f"the chat asks {chat.model}, not the model that was given")
    chat.base_url = server.base_url("openai.chat")
    return chat


def _agreed(tried):
    """Call ``forget`` as it is called when a person has agreed."""
    one, other = {"prices": 1, "orders": 2}, {"prices": 1}
    first = tried("ollama:scripted", one, _find)
    tried("ollama:scripted", other, _find)
    first.tools["forget"].function(name="prices")
    return sorted(one), sorted(other)


NOBODY = "The call needs a person's consent, and nobody is there to give it."


def assistant(model, variables, look):
    """Return a chat that looks at variables, and forgets one if a person agrees."""

    def describe(name: str) -> object:
        """Look at a variable: its type, and how its value begins."""
        return look(variables, name)

    @nbstream.tool(confirm=True)
    def forget(name: str) -> str:
        """Forget a variable for ever."""
        del variables[name]
        return f"{name} is forgotten"

    return nbstream.Chat(model, tools=[describe, forget])


assistant = Exercise(
    assisted(
        "What is in prices?",
        gives=(
            [("describe", {"name": "prices"}, "done", '{"view":"12"}')],
            ["prices"],
        ),
        shows="describe is called, with the right name",
    ),
    assisted(
        "What is in pries?",
        gives=([("describe", {"name": "pries"}, "done", "no 'pries'")], ["prices"]),
        shows="an unknown name is told, and raises nothing",
    ),
    assisted(
        'Forget "prices".',
        gives=([("forget", {"name": "prices"}, "refused", NOBODY)], ["prices"]),
        shows="without consent nothing is forgotten",
    ),
    Case(
        run=_agreed,
        expected=(["orders"], ["prices"]),
        shows="with consent it is forgotten, and by its own assistant only",
    ),
    solution=assistant,
)


def finished(model, variables):
    """Return what a reader will have built at the end."""
    return assistant.right(model, variables, look.right)
