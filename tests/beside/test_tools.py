"""Tools: plain functions, the schema a model reads, and what comes of its calls."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Annotated, Literal

import pydantic
import pytest

import nbstream
from nbstream.errors import UsageError
from nbstream.reply import ToolCall
from nbstream.tool_runs import ToolRun, run_calls
from nbstream.tools import Tool, tools_of


@dataclass
class Place:
    """A place on a map."""

    name: str
    height_m: int = 0


class Order(pydantic.BaseModel):
    item: str
    count: int = pydantic.Field(default=1, ge=1)


def nothing() -> str:
    return "nothing"


def google(city: str, days: int = 3) -> str:
    """Tell the weather.

    For a few days.

    Args:
        city: The city's
            name.
        days: How many days.

    Returns:
        A sentence.
    """
    return f"{city} {days}"


def numpy(city: str) -> str:
    """Tell the weather.

    Parameters
    ----------
    city : str
        The city's name.
    """
    return city


def sphinx(city: str) -> str:
    """Tell the weather.

    :param city: The city's name.
    """
    return city


def annotated(city: Annotated[str, pydantic.Field(description="A city.")]) -> str:
    return city


def literal(unit: Literal["C", "F"] = "C") -> str:
    return unit


def optional(city: str | None = None) -> str:
    return str(city)


def lists(cities: list[str]) -> str:
    return ", ".join(cities)


def on(day: date) -> str:
    return day.isoformat()


def reserved(schema: str, model_config: int, *, _copy: bool = False) -> str:
    return f"{schema} {model_config} {_copy}"


def positional(a: int, b: int = 2, /, c: int = 3, *, d: int) -> str:
    return f"{a} {b} {c} {d}"


def place(where: Place) -> str:
    return f"{type(where).__name__} {where.name} {where.height_m}"


def order(what: Order, note: str = "") -> str:
    return f"{type(what).__name__} {what.count} {what.item}{note}"


def schema(properties: dict[str, object], *required: str) -> dict[str, object]:
    made = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**made, "required": list(required)} if required else made


STRING = {"type": "string"}
NAMED = {"type": "string", "description": "The city's name."}
DAYS = {"type": "integer", "description": "How many days.", "default": 3}

SCHEMAS = {
    "no argument": (nothing, "", schema({})),
    "a Google docstring": (
        google,
        "Tell the weather.\n\nFor a few days.",
        schema({"city": NAMED, "days": DAYS}, "city"),
    ),
    "a NumPy docstring": (
        numpy,
        "Tell the weather.",
        schema({"city": NAMED}, "city"),
    ),
    "a Sphinx docstring": (
        sphinx,
        "Tell the weather.",
        schema({"city": NAMED}, "city"),
    ),
    "Annotated": (
        annotated,
        "",
        schema({"city": {"type": "string", "description": "A city."}}, "city"),
    ),
    "Literal": (
        literal,
        "",
        schema({"unit": {"type": "string", "enum": ["C", "F"], "default": "C"}}),
    ),
    "Optional": (
        optional,
        "",
        schema({"city": {"anyOf": [STRING, {"type": "null"}], "default": None}}),
    ),
    "a list": (
        lists,
        "",
        schema({"cities": {"type": "array", "items": STRING}}, "cities"),
    ),
    "a date": (
        on,
        "",
        schema({"day": {"type": "string", "format": "date"}}, "day"),
    ),
    "names that pydantic reserves": (
        reserved,
        "",
        schema(
            {
                "schema": STRING,
                "model_config": {"type": "integer"},
                "_copy": {"type": "boolean", "default": False},
            },
            "schema",
            "model_config",
        ),
    ),
}


@pytest.mark.parametrize(
    ("function", "description", "expected"), SCHEMAS.values(), ids=SCHEMAS.keys()
)
def test_a_function_says_what_it_takes(function, description, expected):
    """Type hints and the docstring are the schema; nothing is written twice."""
    made = Tool(function)
    assert (made.description, made.parameters) == (description, expected)


def test_classes_are_defined_once():
    """A dataclass or a model is a definition of its own, with its fields."""
    defined = Tool(place).parameters["$defs"]["Place"]
    assert defined["properties"]["height_m"] == {"type": "integer", "default": 0}
    assert Tool(order).parameters["$defs"]["Order"]["required"] == ["item"]


def no_type(city):
    return city


def many(*cities: str) -> str:
    return str(cities)


def any_name(**rest: str) -> str:
    return str(rest)


def unknown(thread: threading.Thread) -> str:
    return str(thread)


def unwritten(f: type(lambda: 1)) -> str:
    return str(f)


REFUSED = {
    "an argument without a type": (no_type, "'city' has no type; write city: str"),
    "*args": (many, "a model cannot fill in *cities"),
    "**kwargs": (any_name, "a model cannot fill in **rest"),
    "a type that no JSON gives": (unknown, "an argument's type has no JSON schema"),
    "no function": ("weather", "; got 'weather'"),
    "a lambda": (lambda: 1, "'<lambda>' is no name for a tool"),
}


@pytest.mark.parametrize(("given", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_a_tool_is_said_at_once(given, said):
    """The error comes before any request, and says what to change."""
    with pytest.raises(UsageError) as caught:
        Tool(given)
    assert said in str(caught.value)


def test_two_tools_of_one_name_are_refused():
    """The model could not tell them apart."""
    with pytest.raises(UsageError, match="two tools are called 'google'"):
        tools_of([google, google])
    with pytest.raises(UsageError, match="tools are a list of functions"):
        tools_of(google)


def test_the_decorator():
    """`nbstream.tool` works bare and with arguments; the function stays callable."""
    bare = nbstream.tool(google)
    named = nbstream.tool(name="weather", description="W.", confirm=True)(google)
    assert bare("Paris", days=1) == "Paris 1"
    assert (named.name, named.description, named.confirm) == ("weather", "W.", True)
    assert tools_of([bare, named]) == {"google": bare, "weather": named}
    assert Tool(partial(google, days=9)).name == "google"


# -- calls -------------------------------------------------------------------------


def call(name: str, arguments: str, state: str = "valid", error: str = "") -> ToolCall:
    return ToolCall(
        id="c1",
        name=name,
        arguments=arguments,
        parsed=None,
        state=state,
        error=error,
        index=0,
    )


def run(functions: list, *calls: ToolCall, **options: object) -> list[ToolRun]:
    return asyncio.run(run_calls(calls, tools_of(functions), **options))


async def later(city: str) -> str:
    await asyncio.sleep(0)
    return f"later {city}"


def broken(city: str) -> str:
    raise KeyError(city)


def leaking() -> str:
    raise ValueError("no: sk-abcdefgh12345678")


async def cancelling() -> str:
    raise asyncio.CancelledError


def gives(kind: str) -> object:
    return {
        "dict": {"a": [1, None]},
        "dataclass": Place("Rigi", 1798),
        "model": Order(item="tea"),
        "none": None,
        "object": threading.Lock,
        "date": date(2026, 1, 2),
    }[kind]


FITS = "The arguments do not fit the schema:\n- "
CALLS = {
    "a sync function": (google, '{"city":"Rome"}', "done", "Rome 3"),
    "an async function": (later, '{"city":"Rome"}', "done", "later Rome"),
    "no arguments": (nothing, "{}", "done", "nothing"),
    "a dataclass": (
        place,
        '{"where":{"name":"Rigi"}}',
        "done",
        "Place Rigi 0",
    ),
    "a pydantic model": (order, '{"what":{"item":"tea"}}', "done", "Order 1 tea"),
    "a date": (on, '{"day":"2026-01-02"}', "done", "2026-01-02"),
    "reserved names": (
        reserved,
        '{"schema":"s","model_config":1,"_copy":true}',
        "done",
        "s 1 True",
    ),
    "positional and keyword only": (positional, '{"a":1,"d":4}', "done", "1 2 3 4"),
    "a result that is a dict": (gives, '{"kind":"dict"}', "done", '{"a":[1,null]}'),
    "a result that is a dataclass": (
        gives,
        '{"kind":"dataclass"}',
        "done",
        '{"name":"Rigi","height_m":1798}',
    ),
    "a result that is a model": (
        gives,
        '{"kind":"model"}',
        "done",
        '{"item":"tea","count":1}',
    ),
    "no result": (gives, '{"kind":"none"}', "done", "null"),
    "a result that is a date": (gives, '{"kind":"date"}', "done", '"2026-01-02"'),
    "a missing argument": (google, "{}", "invalid", FITS + "city: Field required"),
    "a number where a text belongs": (
        google,
        '{"city":1}',
        "invalid",
        FITS + "city: Input should be a valid string",
    ),
    "a text where a number belongs": (
        google,
        '{"city":"Rome","days":"3"}',
        "invalid",
        FITS + "days: Input should be a valid integer",
    ),
    "an argument too many": (
        nothing,
        '{"city":1}',
        "invalid",
        FITS + "city: Extra inputs are not permitted",
    ),
    "a wrong field inside": (
        order,
        '{"what":{"item":"tea","count":0}}',
        "invalid",
        FITS + "what.count: Input should be greater than or equal to 1",
    ),
    "an exception": (broken, '{"city":"Rome"}', "failed", "KeyError: 'Rome'"),
    "a key in an exception": (leaking, "{}", "failed", "ValueError: no: [key removed]"),
    "a function that cancels itself": (cancelling, "{}", "failed", "CancelledError: "),
}


@pytest.mark.parametrize(
    ("function", "arguments", "state", "result"), CALLS.values(), ids=CALLS.keys()
)
def test_what_comes_of_a_call(function, arguments, state, result):
    """A call ends in a result or in an error text that says what to mend."""
    [ran] = run([function], call(function.__name__, arguments))
    assert (ran.state, ran.result) == (state, result)
    assert (ran.id, ran.name, ran.arguments) == ("c1", function.__name__, arguments)
    assert (ran.seconds is None) == (state == "invalid")
    assert ran.is_error == (state != "done")


def test_calls_that_are_no_calls():
    """An unknown tool, broken JSON and a cut call reach no function."""
    calls = [
        call("paint", "{}"),
        call("google", "{", state="invalid", error="Expecting a name"),
        call("google", '{"ci', state="unfinished", error="cut"),
    ]
    assert [(each.state, each.result) for each in run([google], *calls)] == [
        ("invalid", "There is no tool 'paint'; known: google."),
        ("invalid", "The arguments are invalid JSON: Expecting a name."),
        ("invalid", "The arguments are unfinished JSON: cut."),
    ]


def test_parallel_calls_run_together():
    """Two sync calls and an async one meet: none waits for another to end."""
    meeting = threading.Barrier(3, timeout=5)

    def meet(name: str) -> str:
        meeting.wait()
        return name

    async def meet_too(name: str) -> str:
        await asyncio.to_thread(meeting.wait)
        return name

    calls = [call("meet", '{"name":"a"}'), call("meet_too", '{"name":"b"}')]
    runs = run([meet, meet_too], *calls, call("meet", '{"name":"c"}'))
    assert [each.result for each in runs] == ["a", "b", "c"]


def test_each_change_is_told():
    """A view can follow a call from its beginning to its end."""
    states: list[str] = []
    run([google], call("google", '{"city":"Rome"}'), changed=note(states))
    assert states == ["running", "done"]


def note(states: list[str]):
    return lambda changed: states.append(changed.state)


CONSENT = {
    "allowed": (True, ["asking", "running", "done"], "nothing"),
    "not allowed": (False, ["asking", "refused"], "The person did not allow this"),
    "nobody there": (None, ["refused"], "nobody is there to give it"),
}


@pytest.mark.parametrize(
    ("answer", "expected", "said"), CONSENT.values(), ids=CONSENT.keys()
)
def test_consent(answer, expected, said):
    """A tool with `confirm=True` runs only when a person has said yes."""

    async def consent(asked: ToolRun) -> bool:
        return bool(answer)

    states: list[str] = []
    asked = None if answer is None else consent
    tools = [nbstream.tool(nothing, confirm=True)]
    [ran] = run(tools, call("nothing", "{}"), consent=asked, changed=note(states))
    assert states == expected
    assert said in ran.result


def test_stop_while_tools_run():
    """A stop ends the wait at once, also for a thread, and each record says so."""
    release, started = threading.Event(), threading.Event()

    def stuck() -> str:
        started.set()
        release.wait(10)
        return "late"

    async def waits() -> str:
        await asyncio.Event().wait()
        return "never"

    states: list[tuple[str, str]] = []

    async def main() -> None:
        calls = [call("stuck", "{}"), call("waits", "{}"), call("nothing", "{}")]
        tools = tools_of([stuck, waits, nothing])
        told = lambda ran: states.append((ran.name, ran.state))  # noqa: E731
        task = asyncio.create_task(run_calls(calls, tools, changed=told))
        await asyncio.to_thread(started.wait)
        while ("nothing", "done") not in states:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    began_s = time.perf_counter()
    asyncio.run(main())
    took_s = time.perf_counter() - began_s
    release.set()
    assert dict(states) == {"stuck": "stopped", "waits": "stopped", "nothing": "done"}
    assert took_s < 5


def test_a_missing_package_is_one_line(monkeypatch):
    """Without pydantic the error says what to install."""
    monkeypatch.setitem(__import__("sys").modules, "pydantic", None)
    with pytest.raises(UsageError) as caught:
        Tool(google)
    said = 'tools need pydantic: %pip install "nbstream[tools]"'
    assert (str(caught.value), caught.value.__suppress_context__) == (said, True)
