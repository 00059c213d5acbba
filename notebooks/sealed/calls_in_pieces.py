"""What lesson 05 does not show before it is asked."""

import json
from copy import deepcopy
from html import escape

from nbstream.course import Case, Exercise, Prediction, Question, case
from nbstream.screens import view_of

# -- requests, in the form of each provider ------------------------------------------

_CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
}
_CARD = {
    "type": "object",
    "properties": {"to": {"type": "string"}, "text": {"type": "string"}},
    "required": ["to", "text"],
}
_FOLDER = {"type": "object", "properties": {"folder": {"type": "string"}}}


def _chat_tool(name, description, parameters):
    about = {"name": name, "description": description, "parameters": parameters}
    return {"type": "function", "function": about}


WEATHER = _chat_tool("get_weather", "The weather in a city", _CITY)
POSTCARD = _chat_tool("send_postcard", "Send a postcard", _CARD)


def get_weather(city):
    """Tell the weather, without a look out of the window."""
    return json.dumps({"city": city, "temperature": {"Lisbon": 18, "Oslo": 4}[city]})


def ask_claude(anthropic, messages):
    """Send the same request in Anthropic's form."""
    about = {"name": "get_weather", "description": "The weather in a city"}
    return anthropic.messages.create(
        model="claude-haiku-5-5",
        max_tokens=500,
        messages=messages,
        tools=[{**about, "input_schema": _CITY}],
        stream=True,
    )


def ask_gemini(google, messages):
    """Send the same request in Google's form."""
    about = {"name": "get_weather", "description": "The weather in a city"}
    return google.models.generate_content_stream(
        model="gemini-3.8-flash",
        contents=messages[-1]["content"],
        config={"tools": [{"function_declarations": [{**about, "parameters": _CITY}]}]},
    )


#: A wish with two tools, in Anthropic's form.
TIDY = {
    "model": "claude-haiku-5-5",
    "messages": [
        {
            "role": "user",
            "content": 'Do both: list the folder "Photos", and delete "Photos/old".',
        }
    ],
    "tools": [
        {"name": "list_files", "description": "List a folder", "input_schema": _FOLDER},
        {
            "name": "delete_files",
            "description": "Delete all files in a folder",
            "input_schema": _FOLDER,
        },
    ],
}


def delete_files(folder="/"):
    """Only say so."""
    return f"everything in {folder} is gone"


# -- predictions ----------------------------------------------------------------------

names = Prediction(
    "The answer has two calls. How many of its pieces hold a name?",
    {"each of them": range(3, 99), "two: one for each call": 2, "only the first": 1},
    why="The first piece of a call says which function; the others only say more of "
    "its arguments.",
)
opened = Prediction(
    "Anthropic's first event of a call has an input. What is in it?",
    {"nothing: it is None": None, "an empty object": {}, "all arguments": bool},
    why="The arguments come behind it, as text. That {} means: not yet.",
)
requests = Prediction(
    "How many requests does this question need, with its two calls?",
    {"one": 1, "two": 2, "three": 3},
    why="The first is answered by both calls at once, the second by the text.",
)
gone = Prediction(
    "The limit cut the second call off. What does it delete?",
    {
        "nothing: Python raises an error": TypeError,
        "what is in Photos/old": "everything in Photos/old is gone",
        "all there is": "everything in / is gone",
    },
    why="Of the arguments nothing but {} was left, and the default did the rest.",
)

QUIZ = (
    Question(
        "Fragments of two calls come mixed. What tells you which call one belongs to?",
        right=("its index", "The index is in every piece, however they are mixed."),
        wrong={
            "its id": "The id comes with the first piece of a call only.",
            "the order": "Nothing says that a call is done before the next begins.",
        },
    ),
    Question(
        "Why is a name set, and never appended?",
        right=(
            "some servers send it in every piece",
            "Appended it becomes get_weatherget_weather, and no such tool exists.",
        ),
        wrong={
            "names are not text": "They are; but a fact, not a text that grows.",
            "setting is faster": "It may be. That is not what breaks a program.",
        },
    ),
    Question(
        "A call by Anthropic opens with the input {}. What does that say?",
        right=("nothing yet", "The arguments follow as input_json_delta fragments."),
        wrong={
            "the call has no arguments": "Only if its block ends without a fragment.",
            "the call is broken": "Every call opens so; it is only its beginning.",
        },
    ),
    Question(
        "The finish reason is length, and the last call's arguments are an object. "
        "May it be run?",
        right=(
            "no",
            "The limit may have cut it, and an SDK may have closed what was open.",
        ),
        wrong={
            "yes, it parses": "So does {}, which is what some SDKs make of a cut call.",
            "yes, if it only reads": "You cannot know what the rest would have been.",
        },
    ),
    Question(
        "What goes back to the model beside the results?",
        right=(
            "its own message with the calls",
            "A result answers a call by its id; without the call it answers nothing.",
        ),
        wrong={
            "only the question": "The service refuses results that answer no call.",
            "nothing": "The API keeps no memory here: each request carries it all.",
        },
    ),
)


# -- exercise 1: put calls together, and show them as they grow -----------------------


def piece(index, arguments=None, **more):
    """Make one piece of a call as the Chat API sends it."""
    about = {key: more.pop(key) for key in ("name",) if key in more}
    if arguments is not None:
        about["arguments"] = arguments
    return {"index": index, **more, "function": about}


def chunk(*pieces, reason=None):
    """Make one chunk of a Chat stream."""
    delta = {"tool_calls": list(pieces)} if pieces else {}
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}


def call_of(id_, name, arguments):
    """Make what a call is when it has been put together."""
    return {"id": id_, "name": name, "arguments": arguments}


def assembled(*chunks, gives, shows):
    """Say what is put together of these chunks."""
    return Case(
        run=lambda tried: tried(iter(deepcopy(chunks)), lambda calls: None),
        expected=gives,
        shows=shows,
    )


def shown(*chunks, gives, shows):
    """Say which arguments are on the screen each time one more chunk is asked for."""

    def run(tried):
        screen, seen = {}, []

        def show(calls):
            screen.clear()
            screen.update({key: call["arguments"] for key, call in calls.items()})

        def stream():
            for at, each in enumerate(chunks):
                if at:
                    seen.append(dict(screen))
                yield deepcopy(each)
            seen.append(dict(screen))

        tried(stream(), show)
        return seen

    return Case(run=run, expected=gives, shows=shows)


_LISBON, _OSLO = '{"city": "Lisbon"}', '{"city": "Oslo"}'
_MIXED = (
    chunk(piece(0, "", id="a", name="get_weather")),
    chunk(piece(0, '{"city": ')),
    chunk(piece(1, '{"city": ', id="b", name="get_time")),
    chunk(piece(0, '"Lisbon"}'), piece(1, '"Oslo"}')),
    chunk(reason="tool_calls"),
)


def assemble(chunks, show):
    """Put the calls of a Chat stream together; show them after each piece."""
    calls = {}
    for chunk in chunks:
        for choice in chunk["choices"]:
            for piece in choice["delta"].get("tool_calls") or []:
                new = {"id": "", "name": "", "arguments": ""}
                call = calls.setdefault(piece["index"], new)
                about = piece.get("function") or {}
                call["id"] = piece.get("id") or call["id"]
                call["name"] = about.get("name") or call["name"]
                call["arguments"] += about.get("arguments") or ""
                show(calls)
    return calls


assemble = Exercise(
    assembled(
        chunk(piece(0, "", id="a", name="get_weather")),
        chunk(piece(0, '{"city"')),
        chunk(piece(0, ': "Lisbon"}')),
        gives={0: call_of("a", "get_weather", _LISBON)},
        shows="one call",
    ),
    assembled(
        *_MIXED,
        gives={
            0: call_of("a", "get_weather", _LISBON),
            1: call_of("b", "get_time", _OSLO),
        },
        shows="two calls, mixed: look at the index",
    ),
    assembled(
        chunk(piece(0, '{"city": ', id="a", name="get_weather")),
        chunk(piece(0, '"Lisbon"}', id="a", name="get_weather")),
        gives={0: call_of("a", "get_weather", _LISBON)},
        shows="a server that repeats the name",
    ),
    assembled(
        chunk(piece(0, '{"city": ', id="a", name="get_weather")),
        chunk({"index": 0, "id": None, "function": {"name": None, "arguments": None}}),
        chunk(piece(0, '"Lisbon"}')),
        gives={0: call_of("a", "get_weather", _LISBON)},
        shows="fields that are None",
    ),
    assembled(
        {"choices": [{"index": 0, "delta": {"role": "assistant", "content": None}}]},
        chunk({"index": 0, "id": "a"}),
        chunk(piece(0, name="get_time")),
        chunk(piece(0, "{}"), reason="tool_calls"),
        {"choices": [], "usage": {"completion_tokens": 9}},
        gives={0: call_of("a", "get_time", "{}")},
        shows="fields that are missing",
    ),
    assembled(
        chunk(piece(3, "{}", id="x", name="get_time")),
        chunk(piece(1, "{}", id="y", name="get_time")),
        gives={3: call_of("x", "get_time", "{}"), 1: call_of("y", "get_time", "{}")},
        shows="an index is a name, not a place in a list",
    ),
    shown(
        *_MIXED,
        gives=[
            {0: ""},
            {0: '{"city": '},
            {0: '{"city": ', 1: '{"city": '},
            {0: _LISBON, 1: _OSLO},
            {0: _LISBON, 1: _OSLO},
        ],
        shows="it is on the screen before the next chunk is asked for",
    ),
    solution=assemble,
)


class Cards:
    """Show calls as cards that fill in; what is open is closed for the eyes only."""

    def __init__(self):
        self._handle = None

    def __call__(self, calls):
        from IPython.display import display

        html = "".join(_card(call) for call in calls.values())
        data = {"text/html": html, "text/plain": repr(calls)}
        if self._handle is None:
            self._handle = display(data, raw=True, display_id=True)
        else:
            self._handle.update(data, raw=True)


def _card(call):
    from jiter import from_json

    try:
        so_far = from_json(call["arguments"].encode(), partial_mode="trailing-strings")
    except ValueError:  # nothing of it has come
        so_far = {}
    fields = so_far if isinstance(so_far, dict) else {}
    rows = "".join(
        f"<div><b>{escape(name)}</b>: {escape(str(value))}</div>"
        for name, value in fields.items()
    )
    style = "border: 1px solid #8888; border-radius: 6px; padding: 6px; margin: 4px 0"
    return f'<div style="{style}"><code>{escape(call["name"])}</code>{rows}</div>'


def watch(tried, openai):
    """Let it show the cards of a live answer, where somebody looks on."""
    if view_of(None) in ("static", "none"):
        return
    wish = {"role": "user", "content": "Write a postcard to each of my two aunts."}
    stream = openai.chat.completions.create(
        model="gpt-5.6-luna", messages=[wish], tools=[POSTCARD], stream=True
    )
    tried((chunk.model_dump() for chunk in stream), Cards())


# -- exercise 2: may it be run? -------------------------------------------------------


def verdict(arguments, finish_reason):
    """Say "run" only to a whole JSON object that the model ended itself."""

    def refuse(word):
        raise ValueError(f"{word} is no JSON")

    def once(pairs):
        if len(dict(pairs)) < len(pairs):
            raise ValueError("a key comes twice")
        return dict(pairs)

    try:
        found = json.loads(arguments, parse_constant=refuse, object_pairs_hook=once)
    except ValueError:
        return "tell the model"
    ended = finish_reason in ("tool_calls", "stop")
    return "run" if ended and isinstance(found, dict) else "tell the model"


_RUN, _TELL = "run", "tell the model"
verdict = Exercise(
    case(_OSLO, "tool_calls", gives=_RUN, shows="a whole object"),
    case("{}", "stop", gives=_RUN, shows="no arguments, and some servers say stop"),
    case('{"city": "Os', "length", gives=_TELL, shows="cut by the limit"),
    case('{"city": "Os', "tool_calls", gives=_TELL, shows="no JSON"),
    case(_OSLO, "length", gives=_TELL, shows="an object, but the limit cut the answer"),
    case("{}", "length", gives=_TELL, shows="what an SDK makes of a cut call"),
    case(_OSLO, None, gives=_TELL, shows="the stream broke off"),
    case('["Oslo"]', "tool_calls", gives=_TELL, shows="a list is no object"),
    case("null", "tool_calls", gives=_TELL, shows="null is no object"),
    case("{'city': 'Oslo'}", "tool_calls", gives=_TELL, shows="Python, and no JSON"),
    case(_OSLO + _LISBON, "tool_calls", gives=_TELL, shows="two objects in a row"),
    case('{"degrees": NaN}', "tool_calls", gives=_TELL, shows="NaN"),
    case('{"degrees": -Infinity}', "stop", gives=_TELL, shows="Infinity"),
    case(
        '{"folder": "Photos/old", "folder": "/"}',
        "tool_calls",
        gives=_TELL,
        shows="a key twice",
    ),
    solution=verdict,
)
