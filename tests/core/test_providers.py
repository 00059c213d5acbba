"""Providers are found by name, by the look of a payload, and by entry point."""

from enum import Enum
from types import SimpleNamespace

import pytest

from nbstream import providers
from nbstream.errors import UnknownNameError
from nbstream.providers.payloads import get, json_text, number, plain
from nbstream.types import TextDelta

PAYLOADS = {
    "text": "a string",
    "openai.chat": {"object": "chat.completion.chunk", "choices": []},
    "openai.responses": {"type": "response.created", "response": {}},
    "anthropic.messages": {"type": "message_stop"},
    "google.interactions": {"event_type": "step.stop", "index": 0},
    "google.generate_content": {"candidates": []},
    "langchain": {"event": "on_chain_start", "run_id": "r", "data": {}},
    "ollama": {"model": "m", "message": {"content": "Hel"}, "done": False},
}


@pytest.mark.parametrize("api", providers.APIS)
def test_each_knows_its_own_payload_and_no_other(api):
    """Exactly one provider takes each kind of payload."""
    takers = [each for each in providers.APIS if takes(each, PAYLOADS[api])]

    assert takers == [api]
    assert providers.detect(PAYLOADS[api]) is providers.provider(api)


def takes(api, payload):
    return providers.provider(api).matches(payload)


NUMBERS = {
    "a whole number": (5, 5),
    "a whole float": (5.0, 5),
    "digits": ("5", 5),
    "half": (5.5, None),
    "words": ("many", None),
    "an exponent": ("1e3", None),
    "too many digits": ("9" * 5000, None),
    "endless": (float("inf"), None),
    "yes": (True, None),
    "a list": ([5], None),
    "nothing": (None, None),
}


@pytest.mark.parametrize(("given", "expected"), NUMBERS.values(), ids=NUMBERS)
def test_number(given, expected):
    """A count is a whole number, however a server writes it."""
    assert number(given) == expected


ARGUMENTS = {
    "JSON": ('{"a": 1.50}', '{"a": 1.50}'),
    "an object": ({"a": "é"}, '{"a": "é"}'),
    "an empty object": ({}, "{}"),
    "PHP's": ([], ""),
    "a list": ([1], "[1]"),
    "nothing": (None, ""),
}


@pytest.mark.parametrize(("given", "expected"), ARGUMENTS.values(), ids=ARGUMENTS)
def test_json_text(given, expected):
    """Arguments that a server has parsed are written out again."""
    assert json_text(given) == expected


def test_nobody_knows_a_strange_payload():
    """What is of no API has no provider."""
    assert providers.detect({"hello": "world"}) is None


def test_an_unknown_name_is_told():
    """The error lists the names there are."""
    with pytest.raises(UnknownNameError, match=r"no API 'x'; known: anthropic\."):
        providers.provider("x")


@pytest.fixture
def third_party(tmp_path, monkeypatch):
    """An installed package that registers a provider of its own."""
    info = tmp_path / "other-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    entry = "[nbstream.providers]\nother.api = other_provider\n"
    (info / "entry_points.txt").write_text(entry)
    (tmp_path / "other_provider.py").write_text(
        "from nbstream.types import TextDelta\n"
        "API = 'other.api'\n"
        "def matches(payload):\n"
        "    return isinstance(payload, dict) and 'other' in payload\n"
        "def normalize(payload): return [TextDelta(text=payload['other'])]\n"
        "def to_message(reply): return {'other': reply.text}\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    providers._registered.cache_clear()
    yield
    providers._registered.cache_clear()


@pytest.mark.usefixtures("third_party")
def test_others_register_theirs_by_entry_point():
    """An installed package's provider is found by name and by its payloads."""
    found = providers.detect({"other": "Hel"})

    assert found is providers.provider("other.api")
    assert found.normalize({"other": "Hel"}) == [TextDelta(text="Hel")]


class Colour(Enum):
    RED = "red"


class Pydantic:
    def model_dump(self, **options):
        return {"dumped": sorted(options)}


class Slotted:
    __slots__ = ()

    def __repr__(self):
        return "Slotted()"


PLAIN = {
    "JSON": ({"a": [1, 2.5, "x", True, None]}, {"a": [1, 2.5, "x", True, None]}),
    "a tuple": ((1, 2), [1, 2]),
    "an enum": (Colour.RED, "red"),
    "an object": (
        SimpleNamespace(a=1, b=SimpleNamespace(c=2)),
        {"a": 1, "b": {"c": 2}},
    ),
    "a pydantic model": (
        Pydantic(),
        {"dumped": ["by_alias", "exclude_unset", "mode", "warnings"]},
    ),
    "an object with nothing to see": (Slotted(), "Slotted()"),
}


@pytest.mark.parametrize(("given", "expected"), PLAIN.values(), ids=PLAIN)
def test_plain(given, expected):
    """Whatever a payload holds is copied as JSON would have it."""
    assert plain(given) == expected


class Mapped(dict):
    """A mapping that is no plain dict."""


FIELDS = {
    "a dict": {"a": 1},
    "another mapping": Mapped(a=1),
    "an object": SimpleNamespace(a=1),
}


@pytest.mark.parametrize("payload", FIELDS.values(), ids=FIELDS)
def test_get(payload):
    """A field is read alike from all, and a missing one is None."""
    assert (get(payload, "a"), get(payload, "b")) == (1, None)
