"""Answers that are objects: asked for, checked, and gone through as they arrive."""

import asyncio
import dataclasses
import json
import queue
import sys
import threading
from enum import Enum
from typing import Annotated, Literal

import pytest
from harness.wire import Wire
from pydantic import BaseModel, Field, field_validator
from typing_extensions import TypedDict

import nbstream
from nbstream import Live, Reply, SchemaFailure, UsageError
from nbstream._ask import request_of
from nbstream._live import started
from nbstream.requests import provider
from nbstream.structured import AnyJson, shape_of

VARIABLES = {
    "openai": ("OPENAI_BASE_URL", "openai.responses"),
    "openai-chat": ("OPENAI_BASE_URL", "openai.chat"),
    "anthropic": ("ANTHROPIC_BASE_URL", "anthropic.messages"),
    "google": ("GOOGLE_GEMINI_BASE_URL", "google.generate_content"),
}


class Taste(Enum):
    SWEET = "sweet"
    SALTY = "salty"


class Step(BaseModel):
    text: str = Field(min_length=3, max_length=40)
    minutes: Annotated[int, Field(ge=2, le=5)] = 3


class Recipe(BaseModel):
    """A recipe."""

    title: str
    taste: Taste | None = None
    kind: Literal["cake", "soup"] = "cake"
    steps: list[Step] = Field(min_length=2)


class Node(BaseModel):
    name: str
    children: list["Node"] = []
    next: "Node | None" = None


class Aliased(BaseModel):
    all_steps: list[Step] | None = Field(alias="allSteps")


@dataclasses.dataclass
class City:
    name: str
    mayors: list[str]


class Point(TypedDict):
    x: float
    ys: list[int]


SCHEMA = {
    "title": "A book!",
    "type": "object",
    "properties": {
        "year": {"type": "integer", "minimum": 1900},
        "pages": {"type": "array", "items": {"$ref": "#/$defs/page"}},
    },
    "required": ["year", "pages"],
    "$defs": {"page": {"type": "object", "properties": {"n": {"type": "integer"}}}},
}
#: What is asked for -> the type of the object, and of the elements of its list.
ASKED = {
    "a model": (Recipe, Recipe, Step),
    "a model that holds itself": (Node, Node, Node),
    "a list that may be missing": (Aliased, Aliased, Step),
    "a dataclass": (City, City, str),
    "a typed dictionary": (Point, dict, int),
    "a list of models": (list[Recipe], list, Recipe),
    "an annotated list": (Annotated[list[int], Field(min_length=1)], list, int),
    "a tuple of any length": (tuple[str, ...], tuple, str),
    "a pair": (tuple[int, str], tuple, (int, str)),
    "a schema": (SCHEMA, dict, dict),
    "a schema of a list": ({"type": "array", "items": {"type": "string"}}, list, str),
    "a number": (int, int, None),
    "an enumeration": (Taste, Taste, None),
    "a union": (City | Step, (City, Step), None),
    "a mapping": (dict[str, int], dict, None),
}


@pytest.fixture(autouse=True)
def to_server(server, monkeypatch):
    """Let every SDK ask the offline server."""
    for key in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.setenv(key, "k")
    monkeypatch.setenv("NBSTREAM_VIEW", "none")

    def point(name):
        variable, api = VARIABLES[name]
        monkeypatch.setenv(variable, server.base_url(api))

    return point


# --- asking -------------------------------------------------------------------------


@pytest.mark.parametrize(("schema", "kind", "element"), ASKED.values(), ids=ASKED)
@pytest.mark.parametrize("name", VARIABLES)
def test_each_provider_answers_with_the_object(name, schema, kind, element, to_server):
    """``parsed`` is validated, ``items()`` gives its list, and the text stays."""
    to_server(name)
    reply = nbstream.ask("What is new?", f"{name}:m", schema=schema)

    assert isinstance(reply.parsed, kind)
    assert isinstance(json.loads(reply.text), dict)
    if element is None:
        with pytest.raises(UsageError, match="the schema has no list"):
            list(reply.items())
    else:
        found = list(reply.items())
        assert all(isinstance(each, element) for each in found)
        assert len(found) >= 2


@pytest.mark.parametrize("name", VARIABLES)
def test_tools_are_called_before_the_object_comes(name, to_server):
    """The last answer is the object; the list is gone through all the same."""

    def look(place: str) -> str:
        """Look what is new at a place."""
        return f"nothing new in {place}"

    to_server(name)
    model, schema = f"{name}:m", list[Step]
    live = nbstream.ask("Look", model, schema=schema, tools=[look], wait=False)
    found = list(live.items())
    first, last = live.reply.rounds

    assert found == live.result().parsed == last.parsed
    assert len(found) == 3
    assert (first.parsed, first.tool_calls[0].run.state) == (None, "done")


def test_without_a_schema_there_is_no_object(to_server):
    """And an answer in prose has no list, which is said."""
    to_server("openai-chat")
    reply = nbstream.ask("Hi", "openai-chat:m")

    assert (reply.parsed, reply._form) == (None, "markdown")
    with pytest.raises(UsageError, match="this answer has no JSON list: it begins"):
        list(reply.items())


def test_an_answer_that_is_cut_is_no_object(to_server):
    """At the token limit, and where the model refuses; nothing is raised."""
    to_server("openai")
    cut = nbstream.ask("Hi", "openai:m", schema=Recipe, max_tokens=4)
    refused = nbstream.ask("[scenario: refusal] Hi", "openai:m", schema=Recipe)

    assert (cut.parsed, cut._misfit, cut.finish_reason) == (None, None, "length")
    assert (refused.parsed, refused._misfit) == (None, None)
    assert refused.refusal or refused.text


def test_an_answer_that_does_not_fit(to_server):
    """The error says which fields, and the reply has the text."""
    to_server("anthropic")
    with pytest.raises(SchemaFailure) as caught:
        nbstream.ask("[scenario: prose] Hi", "anthropic:m", schema=Recipe)
    reply = caught.value.reply

    assert str(caught.value).startswith("the answer is no JSON: expected value at line")
    assert (reply.parsed, reply.outcome) == (None, "complete")
    assert reply.text
    assert nbstream.last() is reply


# --- what is sent -------------------------------------------------------------------


def sent(name, schema):
    shape = shape_of(schema)
    request = request_of("Hi", f"{name}:m", schema=shape.schema)
    arguments = provider(name).arguments(request)
    match name:
        case "openai":
            return arguments["text"]["format"]
        case "openai-chat":
            return arguments["response_format"]["json_schema"]
        case "anthropic":
            return arguments["output_config"]["format"]
        case _:
            return {"schema": arguments["config"]["response_json_schema"]}


def nodes(schema):
    """Yield every schema in a schema."""
    if isinstance(schema, dict):
        if schema.keys() & {"type", "anyOf", "$ref", "enum"}:
            yield schema
        for each in schema.values():
            yield from nodes(each)
    elif isinstance(schema, list):
        for each in schema:
            yield from nodes(each)


STRICT = {
    name: asked[0]
    for name, asked in ASKED.items()
    if name not in {"a mapping", "a pair", "a schema"}
}


@pytest.mark.parametrize("schema", STRICT.values(), ids=STRICT)
@pytest.mark.parametrize("name", ["openai", "openai-chat"])
def test_openai_gets_a_strict_schema(name, schema):
    """Closed objects that require every property; no keyword that strict refuses."""
    form = sent(name, schema)
    refused = {"default", "minLength", "maxLength", "oneOf", "allOf", "discriminator"}

    assert form["strict"] is True
    assert form["schema"]["type"] == "object"
    for node in nodes(form["schema"]):
        assert not node.keys() & refused
        assert "$ref" not in node or len(node) == 1
        if node.get("type") == "object":
            assert node["additionalProperties"] is False
            assert node["required"] == list(node["properties"])


def test_openai_gets_what_strict_allows():
    """So does its own SDK make it, but for what the API refuses."""
    from openai.lib._pydantic import to_strict_json_schema

    class Plain(BaseModel):
        name: str
        sizes: list[int]

    made = sent("openai", Plain)["schema"]
    theirs = to_strict_json_schema(Plain)

    assert made == {"title": "Plain", **untitled(theirs)}


def untitled(schema):
    if isinstance(schema, dict):
        return {k: untitled(v) for k, v in schema.items() if k != "title"}
    return schema


@pytest.mark.parametrize("given", [dict[str, int], tuple[int, str], {"type": "object"}])
def test_what_cannot_be_strict_is_sent_as_it_is(given):
    """The model is only asked to fit it then; the answer is checked all the same."""
    assert sent("openai", given)["strict"] is False


def test_what_an_api_refuses_is_said_in_words():
    """A limit that a provider does not take is in the description."""
    step = sent("anthropic", Recipe)["schema"]["$defs"]["Step"]["properties"]
    strict = sent("openai", Recipe)["schema"]["$defs"]["Step"]["properties"]

    assert step["minutes"] == {
        "type": "integer",
        "description": '{"maximum": 5, "minimum": 2}',
    }
    assert strict["minutes"] == {"type": "integer", "maximum": 5, "minimum": 2}
    assert strict["text"]["description"] == '{"maxLength": 40, "minLength": 3}'


def test_anthropic_gets_what_its_sdk_makes():
    """But for the notes, whose words differ, and titles."""
    from anthropic import transform_schema

    class Plain(BaseModel):
        name: str
        when: Literal["now", "later"]
        sizes: list[int]

    made = sent("anthropic", Plain)["schema"]
    theirs = untitled(transform_schema(Plain))
    for each in (made, theirs):  # newer ones of theirs have the values alone
        each["properties"]["when"].pop("type", None)

    assert made == {"title": "Plain", **theirs}


def test_gemini_knows_no_const():
    """It is a choice of one."""
    kind = Literal["cake"]
    schema = sent("google", kind)["schema"]

    assert schema["properties"]["value"]["enum"] == ["cake"]
    assert all("const" not in node for node in nodes(schema))


#: What is asked for -> its name.
NAMES = {
    "a model": (Recipe, "Recipe"),
    "a list": (list[Recipe], "list"),
    "a schema with a title": (SCHEMA, "A_book"),
    "a schema without": ({"type": "object"}, "answer"),
    "a title in another script": ({"type": "object", "title": "書"}, "answer"),
    "a long one": ({"type": "object", "title": "x" * 99}, "x" * 64),
}


@pytest.mark.parametrize(("given", "name"), NAMES.values(), ids=NAMES)
def test_the_name_is_one_that_openai_takes(given, name):
    """Letters, digits, ``_`` and ``-``; at most 64."""
    assert shape_of(given).schema.name == name


# --- what cannot be a schema --------------------------------------------------------


class Opaque:
    pass


WRONG = {
    "no type": (3, "3 cannot be a schema: "),
    "a class of one's own": (Opaque, "cannot be a schema: "),
    "no JSON Schema": ({"type": "objekt"}, "that is no JSON Schema: 'objekt' is not"),
}


@pytest.mark.parametrize(("given", "said"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_a_schema(given, said):
    """It is said before anything is sent."""
    with pytest.raises(UsageError) as caught:
        nbstream.ask("Hi", "openai:m", schema=given)

    assert said in str(caught.value)


@pytest.mark.parametrize(("package", "given"), [("pydantic", int), ("jsonschema", {})])
def test_without_the_package(package, given, monkeypatch):
    """It says what to install."""
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UsageError) as caught:
        shape_of(given)

    assert str(caught.value) == (
        f'answers by a schema need {package}: %pip install "nbstream[tools]"'
    )


def test_no_reference_is_fetched():
    """A schema that points elsewhere is refused when the answer is checked."""
    shape = shape_of(
        {"type": "object", "properties": {"a": {"$ref": "http://x.test/"}}}
    )
    with pytest.raises(ValueError, match=r"x\.test"):
        shape.read('{"a": 1}')


# --- what does not fit --------------------------------------------------------------


class Picky(BaseModel):
    a: int
    b: str = ""

    @field_validator("b")
    @classmethod
    def never(cls, value: str) -> str:
        if value == "sk-proj-0123456789abcdef":
            raise ValueError(f"not {value}")
        if value == "bug":
            raise RuntimeError("out of order")
        return value


MISFITS = {
    "two fields": (
        Picky,
        '{"a": "1", "b": 2}',
        "the answer does not fit the schema: a: Input should be a valid integer; "
        "b: Input should be a valid string",
    ),
    "a field is missing": (
        Picky,
        "{}",
        "the answer does not fit the schema: a: Field required",
    ),
    "a key is not told": (
        Picky,
        '{"a": 1, "b": "sk-proj-0123456789abcdef"}',
        "the answer does not fit the schema: b: Value error, not [key removed]",
    ),
    "a validator that breaks": (
        Picky,
        '{"a": 1, "b": "bug"}',
        "the answer was not accepted: RuntimeError: out of order",
    ),
    "in a list": (
        list[int],
        '{"items": [1, "x"]}',
        "the answer does not fit the schema: 1: Input should be a valid integer",
    ),
    "a list without its object": (
        list[int],
        "[1]",
        "the answer does not fit the schema: it: Input should be an object",
    ),
    "many": (
        list[int],
        '{"items": ["a", "b", "c", "d", "e", "f", "g"]}',
        "the answer does not fit the schema: 0: Input should be a valid integer; "
        "1: Input should be a valid integer; 2: Input should be a valid integer; "
        "3: Input should be a valid integer; 4: Input should be a valid integer; "
        "and 2 more",
    ),
    "by a schema": (
        SCHEMA,
        '{"year": 3, "pages": [{"n": "x"}]}',
        "the answer does not fit the schema: year: 3 is less than the minimum of 1900; "
        "pages.0.n: 'x' is not of type 'integer'",
    ),
    "by a schema of a list": (
        {"type": "array"},
        '{"items": [], "more": 1}',
        "the answer does not fit the schema: it has to be {'items': ...}",
    ),
    "no JSON for a schema": (
        SCHEMA,
        '{"year": NaN}',
        "the answer is no JSON: NaN is not JSON",
    ),
    "nothing": (SCHEMA, "", "the answer is empty"),
    "nested without end": (
        SCHEMA,
        "[" * 200_000,
        "the answer is no JSON: it is nested too deeply",
    ),
}


@pytest.mark.parametrize(("given", "text", "said"), MISFITS.values(), ids=MISFITS)
def test_what_does_not_fit_is_told_by_its_fields(given, text, said):
    """In one line, with no link, and no key."""
    with pytest.raises(ValueError, match="the answer") as caught:
        shape_of(given).read(text)

    assert str(caught.value) == said


FENCED = {
    '{"a": 1}': {"a": 1},
    " [1]\n": [1],
    '```json\n{"a": 1}\n```': {"a": 1},
    "~~~\n[1]\n~~~\n": [1],
    "\n```JSON \r\n[1]\r\n```\r\n": [1],
    "````\n[1]````": [1],
    "```json\n[1]": [1],
    '```\n["```"]\n```': ["```"],
    "``` json5\n[1]\n```": None,
    "Here:\n```\n[1]\n```": None,
}


@pytest.mark.parametrize(("text", "value"), FENCED.items(), ids=repr)
def test_json_without_a_schema_may_stand_in_a_fence(text, value):
    """One fence around all of it; prose beside it is no JSON."""
    if value is not None:
        assert AnyJson().read(text) == value
    else:
        with pytest.raises(ValueError, match="the answer is no JSON"):
            AnyJson().read(text)


# --- while it arrives ---------------------------------------------------------------


class Feed:
    """A stream whose pieces come when the test says so."""

    def __init__(self):
        self._pieces = queue.Queue()

    def say(self, *pieces):
        for piece in pieces:
            self._pieces.put(piece)

    def end(self, error=None):
        self._pieces.put(error or self)

    def __iter__(self):
        while (piece := self._pieces.get()) is not self:
            if isinstance(piece, Exception):
                raise piece
            yield piece


def live_of(feed, schema=list[Step]):
    reply = Reply()
    reply._form, reply._expected = "json", shape_of(schema)
    return started(iter(feed), reply, view="none")


HEAD = '{"items": ['
ONE = '{"text": "Mix }]", "minutes": 2}'


def test_each_element_comes_as_soon_as_it_is_whole():
    """The stream has not ended; the next ones are waited for."""
    feed = Feed()
    feed.say(HEAD, ONE[:9], ONE[9:])
    live = live_of(feed)
    items = iter(live.items())
    first = next(items)
    while_open = live.reply.outcome
    feed.say(", ", ONE, ONE.join([",", "]}"]))
    feed.end()

    assert first == Step(text="Mix }]", minutes=2)
    assert while_open == "running"
    assert list(items) == [first, first]
    assert live.result().parsed == [first] * 3


FENCES = {
    "json": "```json\n{}\n```",
    "no language": "```\n{}\n```\n",
    "tildes, and white space": "\n~~~ \r\n {} \n ~~~ ",
    "no end": "```json\n{}",
    "the end in the same line": "```json\n{}```",
    "behind a thought": "<think>\nA list of [1].\n</think>\n\n```json\n{}\n```",
    "only a thought": "<think>{</think>{}",
    "none": "{}",
}
SAID = {
    "a type": (Step, '{"text": "`a` ~~~", "minutes": 2}'),
    "a list of a type": (list[Step], '{"items": [{"text": "```", "minutes": 2}]}'),
    "a schema": (SCHEMA, '{"year": 1999, "pages": []}'),
}


@pytest.mark.parametrize("fence", FENCES.values(), ids=FENCES)
@pytest.mark.parametrize(("given", "said"), SAID.values(), ids=SAID)
def test_an_answer_by_a_schema_may_stand_in_a_fence(given, said, fence):
    """It is read as it is without the fence, in whatever pieces it comes."""
    text = fence.replace("{}", said)
    feed, each = Feed(), Feed()
    feed.say(text)
    feed.end()
    each.say(*text)
    each.end()

    replies = [live_of(one, given).result() for one in (feed, each)]

    expected = shape_of(given).read(said)
    assert [one.parsed for one in replies] == [expected, expected]
    if given == list[Step]:
        assert [list(one.items()) for one in replies] == [expected, expected]


@pytest.mark.parametrize("fence", FENCES.values(), ids=FENCES)
def test_each_beginning_of_a_fenced_answer_can_be_shown(fence):
    """Of its fence nothing is seen, and nothing that was shown goes away."""
    text = fence.replace("{}", '{"a": [1, 2]}')
    seen = [Reply.from_stream([text[: at + 1]]).partial() for at in range(len(text))]

    first = next(at for at, each in enumerate(seen) if each is not None)
    assert all(each is not None and each in STEPS for each in seen[first:])
    assert seen[-1] == {"a": [1, 2]}


STEPS = [{}, {"a": []}, {"a": [1]}, {"a": [1, 2]}]


def test_elements_in_a_fence_come_as_soon_as_they_are_whole():
    """The fence is begun in pieces, and is not closed yet."""
    feed = Feed()
    feed.say("``", "`js", "on", "\n", HEAD[:4], HEAD[4:], ONE)
    live = live_of(feed)
    first = next(iter(live.items()))
    while_open = live.reply.outcome
    feed.say("]}\n", "`", "``")
    feed.end()

    assert (first, while_open) == (Step(text="Mix }]", minutes=2), "running")
    assert list(live.items()) == live.result().parsed == [first]


def test_elements_are_waited_for_in_any_thread():
    """Each loop has all of them, also one that comes late."""
    feed = Feed()
    live = live_of(feed)
    found = []
    thread = threading.Thread(target=lambda: found.extend(live.reply.items()))
    thread.start()
    feed.say(HEAD + ONE + "]}")
    feed.end()
    thread.join(10)

    assert found == list(live.reply.items()) == live.reply.parsed


def test_elements_can_be_awaited():
    """The event loop goes on meanwhile."""
    feed = Feed()
    live = live_of(feed)

    async def main():
        asyncio.get_running_loop().call_soon(feed.say, HEAD, ONE)
        found = []
        async for each in live.items():
            found.append(each)
            feed.say("]}")
            feed.end()
        return found

    assert asyncio.run(main()) == live.reply.parsed == [Step(text="Mix }]", minutes=2)]


def test_leaving_the_loop_does_not_stop_the_stream():
    """And going through again begins anew."""
    feed = Feed()
    feed.say(HEAD + ONE)
    live = live_of(feed)
    for _ in live.items():
        break
    feed.say("]}")
    feed.end()

    assert len(live.result().parsed) == len(list(live.items())) == 1


def test_stop_ends_the_loop():
    """What was whole was given; nothing is raised, as of ``show``."""
    feed = Feed()
    feed.say(HEAD + ONE + "," + ONE[:9])
    live = live_of(feed)
    found = []
    for each in live.items():
        found.append(each)
        live.stop()
        feed.end()

    assert found == [Step(text="Mix }]", minutes=2)]
    assert (live.reply.outcome, live.reply.parsed) == ("stopped", None)


def test_a_failure_is_raised_behind_the_last_element():
    """So is an answer that does not fit."""
    feed = Feed()
    feed.say(HEAD + ONE)
    feed.end(OSError("lost"))
    live = live_of(feed)
    items = iter(live.items())
    next(items)
    with pytest.raises(nbstream.ProviderFailure, match="lost"):
        next(items)

    unfit = Feed()
    unfit.say(HEAD + ONE + '], "more": 1}')
    unfit.end()
    items = iter(live_of(unfit).items())
    next(items)
    with pytest.raises(SchemaFailure, match="more: Extra inputs are not permitted"):
        next(items)


def test_an_element_that_does_not_fit_is_said_at_once():
    """With its number; the stream goes on."""
    feed = Feed()
    feed.say(HEAD + ONE + ', {"text": "No"}')
    live = live_of(feed)
    items = iter(live.items())
    next(items)
    with pytest.raises(SchemaFailure) as caught:
        next(items)
    running = live.reply.outcome
    live.stop()
    feed.end()

    assert str(caught.value) == (
        "in element 1 of the list, the answer does not fit the schema: "
        "text: String should have at least 3 characters"
    )
    assert running == "running"


def test_a_cancelled_loop_stops_the_stream():
    """As it does of ``await live``."""
    feed = Feed()
    live = live_of(feed)

    async def main():
        async def go():
            async for _ in live.items():
                pass

        task = asyncio.create_task(go())
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_later(0.02, task.cancel)
        asyncio.get_running_loop().call_later(0.05, feed.end)
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())

    assert live.reply.outcome == "stopped"


def test_ask_in_the_background(to_server):
    """``wait=False`` gives a ``Live`` at once."""
    to_server("openai-chat")
    live = nbstream.ask("Hi", "openai-chat:m", schema=list[Step], wait=False)
    found = list(live.items())

    assert isinstance(live, Live)
    assert found == live.result().parsed
    assert len(found) == 3


def test_the_connection_is_closed_while_an_element_is_waited_for():
    """Stop works against a service that has fallen silent."""
    with_silence = Wire()
    try:
        live = nbstream.ask(
            "Hi",
            "openai-chat:silence",
            schema=list[Step],
            wait=False,
            base_url=f"{with_silence.url}/v1",
            api_key="k",
        )
        threading.Timer(0.2, live.stop).start()
        found = list(live.items())
    finally:
        with_silence.close()

    assert (found, live.reply.outcome) == ([], "stopped")


# --- for show -----------------------------------------------------------------------

PARTIAL = {
    "": None,
    "Hello": None,
    "{": {},
    '{"a": "x': {"a": "x"},
    '{"a": [1, {"b": tr': {"a": [1, {}]},
    '{"a": "\\u00': {"a": ""},
}


@pytest.mark.parametrize("jiter", [True, False])
@pytest.mark.parametrize(("text", "value"), PARTIAL.items(), ids=repr)
def test_what_can_be_shown_of_a_part(text, value, jiter, monkeypatch):
    """With jiter or, where it is not installed, without."""
    if not jiter:
        monkeypatch.setitem(sys.modules, "jiter", None)
    reply = Reply.from_stream([text] if text else [])

    assert reply.partial() == value


def test_the_object_around_a_list_is_not_shown():
    """What is asked for in an object is shown without it."""
    feed = Feed()
    feed.say('{"items": [1, 2, ')
    feed.end()
    live = live_of(feed, list[int])
    with pytest.raises(SchemaFailure):
        live.result()

    assert live.reply.partial() == [1, 2]
