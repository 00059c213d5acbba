"""From ``provider:model`` to a request, as the server sees it."""

import dataclasses
import json
import os
import subprocess
import sys

import pytest

import nbstream
from nbstream import UsageError
from nbstream._ask import request_of
from nbstream.errors import UnknownNameError
from nbstream.requests import PROVIDERS, missing, opened, parse_model, provider
from nbstream.requests.anthropic import ANTHROPIC_MAX_TOKENS
from nbstream.requests.request import Schema, ToolSpec, known

KEYS = {
    "openai": {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "openai.responses"},
    "openai-chat": {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "openai.chat"},
    "anthropic": {
        "ANTHROPIC_API_KEY": "k",
        "ANTHROPIC_BASE_URL": "anthropic.messages",
    },
    "google": {
        "GEMINI_API_KEY": "k",
        "GOOGLE_GEMINI_BASE_URL": "google.generate_content",
    },
}

SPLITS = {
    "openai:gpt-x": ("openai", "gpt-x"),
    "anthropic/claude-x": ("anthropic", "claude-x"),
    "openai-chat:llama3:8b": ("openai-chat", "llama3:8b"),
    "openai-chat:meta/llama": ("openai-chat", "meta/llama"),
    "google/models/gemini-x": ("google", "models/gemini-x"),
    "ollama:llama3:8b": ("ollama", "llama3:8b"),
    "openrouter/meta/llama": ("openrouter", "meta/llama"),
    "openai/ft:gpt-x:me": ("openai", "ft:gpt-x:me"),
}


@pytest.mark.parametrize(("name", "parts"), SPLITS.items(), ids=SPLITS)
def test_a_name_is_split_at_a_known_provider(name, parts):
    """A colon or a slash; what follows is the model's own name, whatever is in it."""
    assert parse_model(name) == parts


OTHER = "; another server that speaks Chat Completions: 'openai-chat:{}' with base_url="
#: what is no provider's model -> what may be meant
MEANT = {
    "gpt-x": "; did you mean 'openai:gpt-x'?",
    "o3-mini": "; did you mean 'openai:o3-mini'?",
    "claude-x": "; did you mean 'anthropic:claude-x'?",
    "gemini-x": "; did you mean 'google:gemini-x'?",
    "gemini:gemini-x": "; did you mean 'google:gemini-x'?",
    "claude:claude-x": "; did you mean 'anthropic:claude-x'?",
    "models/gemini-x": "; did you mean 'google:models/gemini-x'?",
    "OpenAI:gpt-x": "; did you mean 'openai:gpt-x'?",
    "antropic/claude-x": "; did you mean 'anthropic:claude-x'?",
    "azure:gpt-x": OTHER.format("gpt-x"),
    "groq:llama": OTHER.format("llama"),
    "mistral:large": OTHER.format("large"),
    "xai:grok": OTHER.format("grok"),
    "deepseek-chat": OTHER.format("deepseek-chat"),
    "llama3:8b": "; did you mean 'ollama:llama3:8b'?",
    "gpt-oss:20b": "; did you mean 'ollama:gpt-oss:20b'?",
    "gemma3:latest": "; did you mean 'ollama:gemma3:latest'?",
    "groq:llama-3.3-70b": OTHER.format("llama-3.3-70b"),
    "": OTHER.format("<model>"),
    ":": OTHER.format("<model>"),
}


@pytest.mark.parametrize(("name", "meant"), MEANT.items(), ids=MEANT)
def test_an_unknown_provider_lists_the_known_ones(name, meant):
    """Nothing is guessed; what may be meant is said."""
    with pytest.raises(UnknownNameError) as caught:
        parse_model(name)

    assert str(caught.value) == (
        f"no provider at the start of {name!r}; "
        "known: anthropic, google, litellm, llamacpp, lmstudio, ollama, openai, "
        f"openai-chat, openrouter, vllm{meant}"
    )


@pytest.mark.parametrize("name", ["openai:", "google/"])
def test_a_name_without_a_model(name):
    """The message says what is missing."""
    with pytest.raises(UsageError, match="names no model; expected"):
        parse_model(name)


@pytest.fixture(autouse=True)
def no_keys(monkeypatch):
    """Keep the keys and addresses of whoever runs the tests out."""
    for variables in (*KEYS.values(), {"GOOGLE_API_KEY": ""}):
        for name in variables:
            monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("name", KEYS)
def test_without_a_key(name):
    """It says in one line how to give one, and how to go on without."""
    with pytest.raises(UsageError) as caught:
        nbstream.ask("Hi", f"{name}:m")
    keys = provider(name).keys

    assert str(caught.value) == (
        f"{name} needs a key in {' or '.join(keys)}: import os, getpass; "
        f'os.environ["{keys[0]}"] = getpass.getpass(); '
        "for scripted answers without one: nbstream.offline.use()"
    )


def test_without_the_package(monkeypatch):
    """It says what to install, in the words of a notebook."""
    monkeypatch.setattr(type(provider("google")), "package", "google.nowhere")
    with pytest.raises(UsageError) as caught:
        nbstream.ask("Hi", "google:m", api_key="k")

    assert str(caught.value) == (
        "google needs a package that is not installed: %pip install google-nowhere"
    )


def test_a_server_of_ones_own_needs_no_key():
    """Nothing is missing before Ollama and the like are asked."""
    free = [name for name in PROVIDERS if missing(name) is None]

    assert free == ["ollama", "vllm", "llamacpp", "lmstudio", "litellm"]


@pytest.mark.parametrize("prompt", ["", []])
def test_no_question(prompt):
    """It is said before anything is opened."""
    with pytest.raises(UsageError, match="there is no question"):
        nbstream.ask(prompt, "openai:m")


HI = {"role": "user", "content": "Hi"}
WANTED = "expected text or a list of messages"
STREAMED = "stream=False: an answer is always streamed; view='none' shows nothing"
ODD = "a character that no key has: copy it again, without quotes, spaces and line"
#: what is asked wrongly -> (arguments, options, the error)
WRONG = {
    "one message": (
        (HI, "openai:m"),
        {},
        f"got {HI!r}, {WANTED}; one message goes into a list: [message]",
    ),
    "bytes": ((b"hi", "openai:m"), {}, f"got b'hi', {WANTED}"),
    "a number": ((5, "openai:m"), {}, f"got 5, {WANTED}"),
    "nothing": ((None, "openai:m"), {}, f"there is no question: got None, {WANTED}"),
    "no model": (("hi", None), {}, "such as 'openai:<model>', got None"),
    "swapped": (
        ("openai:m", "Hello there"),
        {},
        "the model comes second: the question, then 'openai:m'",
    ),
    "no stream": (("hi", "openai:m"), {"stream": False}, STREAMED),
    "no stream of Gemini": (("hi", "google:m"), {"stream": False}, STREAMED),
    "a line break in a key": (
        ("hi", "openai:m"),
        {"api_key": "sk-1\n"},
        f"'\\n', {ODD}",
    ),
    "quotes of a word processor": (
        ("hi", "anthropic:m"),
        {"api_key": "\u201csk-1\u201d"},
        f"'\u201c', {ODD}",
    ),
    "quotes": (("hi", "google:m"), {"api_key": '"sk-1"'}, f"'\"', {ODD}"),
    "a key of another kind": (("hi", "openai:m"), {"api_key": 5}, "is a text, got int"),
    "no address": (
        ("hi", "ollama:m"),
        {"base_url": "localhost:1234"},
        "base_url='localhost:1234' is no address: expected https://... or http://...",
    ),
    "a key for an address": (
        ("hi", "ollama:m"),
        {"base_url": "sk-ant-0123456789abcdef"},
        "base_url='[key removed]' is no address",
    ),
    "one tool": (("hi", "openai:m"), {"tools": {"type": "x"}}, r"write tools=[...]"),
    "a tool by name": (("hi", "openai:m"), {"tools": "f"}, r"write tools=[...]"),
    "no tool": (("hi", "openai:m"), {"tools": [5]}, "or a dict that the service knows"),
}


@pytest.mark.parametrize("case", WRONG, ids=WRONG)
def test_what_is_asked_wrongly(case, monkeypatch):
    """The error says what was wrong, what was expected, and no key."""
    for variables in (KEYS["openai"], KEYS["google"], KEYS["anthropic"]):
        monkeypatch.setenv(next(iter(variables)), "k")
    arguments, options, error = WRONG[case]
    with pytest.raises(UsageError) as caught:
        nbstream.ask(*arguments, view="none", **options)

    assert error in str(caught.value)
    assert "sk-" not in str(caught.value)


PNG = "https://example.org/a.png"
#: what is no file -> (images, the error)
NO_FILES = {
    "an address": ([PNG], f"images: '{PNG}' is an address: save it as a file first"),
    "one address": (PNG, f"images: '{PNG}' is an address: save it as a file first"),
    "data": (["data:image/png;base64,AA"], "is an address: save it as a file first"),
    "a number": (5, "images: expected the paths of files, got 5"),
    "bytes": (b"png", "images: expected the paths of files, got b'png'"),
    "numbers": ([5], "images: 5 is no path of a file"),
    "one path in a text": ("/nowhere/a.png", "'/nowhere/a.png' cannot be read"),
}


@pytest.mark.parametrize("case", NO_FILES, ids=NO_FILES)
def test_what_is_no_file(case):
    """Files are read here: a service is sent no address."""
    images, error = NO_FILES[case]
    with pytest.raises(UsageError) as caught:
        nbstream.Chat("ollama:m").request("hi", images=images)

    assert error in str(caught.value)


def test_one_path_is_enough(tmp_path):
    """As a text or a path, and not only in a list."""
    image = tmp_path / "a.png"
    image.write_bytes(b"image")
    chat = nbstream.Chat("ollama:m")
    given = ([image], image, str(image), [str(image)], (image,))
    asked = [chat.request("hi", images=each).messages for each in given]

    assert asked == [asked[0]] * 5
    assert chat.request("hi", images=None, files=None).messages == (
        {"role": "user", "content": "hi"},
    )


@pytest.mark.parametrize("messages", [HI, "hi", 5, b"bytes"])
def test_what_is_no_list_of_messages(messages):
    """A dict is one message, and would be taken for its keys."""
    with pytest.raises(UsageError, match="messages: expected a list of them, got"):
        nbstream.Chat("ollama:m", messages=messages)


#: what the environment says -> who cannot be asked, and what is named
SURROUNDINGS = {
    "no such certificates": (
        {"SSL_CERT_FILE": "/nowhere/ca.pem"},
        ["openai", "openai-chat", "anthropic", "google"],
        "(FileNotFoundError: [Errno 2] No such file or directory)",
    ),
    "no proxy for a host that is read as a port": (
        {"NO_PROXY": "[::1]"},
        ["anthropic"],
        "(InvalidURL: Invalid port: ':1]')",
    ),
    "a proxy of another kind": (
        {"ALL_PROXY": "other://u:sk-ant-0123456789@127.0.0.1:9"},
        ["openai", "openai-chat", "anthropic", "google"],
        "(ValueError: Unknown scheme for proxy URL",
    ),
}
SCRIPT = """
import sys, nbstream
for name in sys.argv[1:]:
    try:
        nbstream.ask("hi", f"{name}:m", base_url="http://[::1]:9", view="none")
    except nbstream.UsageError as error:
        print(error)
"""


@pytest.mark.parametrize("case", SURROUNDINGS, ids=SURROUNDINGS)
def test_a_client_that_cannot_be_made(case):
    """It is no network: the variables that a client reads are named.

    In a process of its own, as the SDKs' half-made clients complain when they go.
    """
    surroundings, names, why = SURROUNDINGS[case]
    read = [f"{each}_PROXY" for each in ("HTTP", "HTTPS", "ALL", "NO")]
    read += ["SSL_CERT_FILE", "SSL_CERT_DIR"]
    bare = {k: v for k, v in os.environ.items() if k.upper() not in read}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *names],
        env=bare | surroundings,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    (variable,) = surroundings
    lines = done.stdout.splitlines()

    assert len(lines) == len(names)
    for name, line in zip(names, lines, strict=True):
        assert line.startswith(f"no client of {name} can be made {why}")
        assert line.endswith(f": look at what the environment says in {variable}")
        assert "sk-ant" not in line


@pytest.fixture
def to_server(server, monkeypatch):
    """Point one provider's variables at the server."""

    def point(provider):
        for name, value in KEYS[provider].items():
            url = name.endswith("URL")
            monkeypatch.setenv(name, server.base_url(value) if url else value)

    return point


LOCAL = ("ollama", "vllm", "llamacpp", "lmstudio", "litellm", "openrouter")
USER = {"role": "user", "content": "Hi"}
#: provider -> (what is sent for a prompt alone, what more with system and limit).
REQUESTS = {
    "openai": (
        {"model": "m", "input": [USER], "stream": True},
        {"instructions": "Be kind", "max_output_tokens": 5},
    ),
    "openai-chat": (
        {
            "model": "m",
            "messages": [USER],
            "stream": True,
            "stream_options": {"include_usage": True},
        },
        {
            "messages": [{"role": "system", "content": "Be kind"}, USER],
            "max_completion_tokens": 5,
        },
    ),
    "anthropic": (
        {
            "model": "m",
            "messages": [USER],
            "max_tokens": ANTHROPIC_MAX_TOKENS,
            "stream": True,
        },
        {"system": "Be kind", "max_tokens": 5},
    ),
    "google": (
        {"contents": [{"parts": [{"text": "Hi"}], "role": "user"}]},
        {
            "systemInstruction": {"parts": [{"text": "Be kind"}], "role": "user"},
            "generationConfig": {"maxOutputTokens": 5},
        },
    ),
}


def test_every_provider_is_tried():
    """The table leaves none out."""
    assert set(REQUESTS) == set(KEYS) == set(PROVIDERS) - set(LOCAL)


def sent(server, provider, **more):
    reply = nbstream.ask("Hi", f"{provider}:m", view="none", **more)
    request = dict(server.log[-1].request)
    if provider == "google":
        request = {k: v for k, v in request.items() if v != {}}
    return request, reply


@pytest.mark.parametrize(("provider", "bodies"), REQUESTS.items(), ids=REQUESTS)
def test_what_is_sent(provider, bodies, server, to_server):
    """A prompt alone sends nothing else; no temperature, no limit of ours."""
    to_server(provider)
    alone, _ = bodies
    request, reply = sent(server, provider)

    assert request == alone
    assert (reply.outcome, reply.model, reply.usage is None) == ("complete", "m", False)


@pytest.mark.parametrize(("provider", "bodies"), REQUESTS.items(), ids=REQUESTS)
def test_what_is_sent_with_options(provider, bodies, server, to_server):
    """System text and limit go where each API has them; the limit is honoured."""
    to_server(provider)
    alone, more = bodies
    request, reply = sent(server, provider, system="Be kind", max_tokens=5)

    assert request == alone | more
    assert (reply.finish_reason, reply.usage.output_tokens) == ("length", 5)


@pytest.mark.parametrize("name", LOCAL)
def test_another_server_by_its_address(name, server, monkeypatch):
    """It is sent what most of them know, and never another service's key."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-for-others")
    url = server.base_url("openai.chat")
    nbstream.ask("Hi", f"{name}:m", base_url=url, max_tokens=5, view="none")

    assert server.log[-1].request == {
        "model": "m",
        "messages": [USER],
        "max_tokens": 5,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert provider(name).base_url.startswith(("http://localhost:", "https://openr"))
    assert "OPENAI_API_KEY" not in provider(name).keys


SPEC = ToolSpec(name="f", description="d", parameters={"type": "object"})
SCHEMA = Schema(name="S", schema={"type": "object"})
OBJECT = {"type": "object"}
#: An object with any properties cannot be strict.
FORM = {"name": "S", "schema": OBJECT, "strict": False}
#: provider -> what of the arguments tools, effort and schema make.
ARGUMENTS = {
    "openai": {
        "tools": [
            {
                "type": "function",
                "name": "f",
                "description": "d",
                "parameters": OBJECT,
                "strict": False,
            }
        ],
        "reasoning": {"effort": "low", "summary": "auto"},
        "text": {"format": {"type": "json_schema", **FORM}},
    },
    "openai-chat": {
        "tools": [
            {
                "type": "function",
                "function": {"name": "f", "description": "d", "parameters": OBJECT},
            }
        ],
        "reasoning_effort": "low",
        "response_format": {
            "type": "json_schema",
            "json_schema": FORM,
        },
        "reasoning": {"summary": "auto"},
    },
    "anthropic": {
        "tools": [{"name": "f", "description": "d", "input_schema": OBJECT}],
        "output_config": {
            "effort": "low",
            "format": {"type": "json_schema", "schema": OBJECT},
        },
        "reasoning": {"summary": "auto"},
    },
    "google": {
        "config": {
            "tools": [
                {
                    "function_declarations": [
                        {
                            "name": "f",
                            "description": "d",
                            "parameters_json_schema": OBJECT,
                        }
                    ]
                }
            ],
            "thinking_config": {"thinking_level": "low"},
            "response_mime_type": "application/json",
            "response_json_schema": OBJECT,
            "reasoning": {"summary": "auto"},
        }
    },
}


@pytest.mark.parametrize(("name", "wanted"), ARGUMENTS.items(), ids=ARGUMENTS)
def test_tools_effort_and_schema_in_the_words_of_each(name, wanted):
    """An option of the caller's is added to what we make of ours."""
    bare = request_of("Hi", f"{name}:m")
    full = request_of(
        "Hi",
        f"{name}:m",
        reasoning_effort="low",
        schema=SCHEMA,
        options={"reasoning": {"summary": "auto"}},
    )
    full = dataclasses.replace(full, tools=(SPEC,))
    asked = provider(name)

    assert asked.arguments(full) == asked.arguments(bare) | wanted


#: provider -> a tool of the service's own, and what is sent beside a function.
OWN = {
    "openai": {"type": "web_search"},
    "openai-chat": {"type": "function", "function": {"name": "g"}},
    "anthropic": {"type": "web_search_20250305", "name": "web_search"},
    "google": {"google_search": {}},
}


@pytest.mark.parametrize(("name", "own"), OWN.items(), ids=OWN)
def test_tools_of_the_services_own_are_sent_as_they_are(name, own):
    """Beside functions, and alone."""

    def sent(*tools):
        made = request_of("Hi", f"{name}:m", tools=tools)
        arguments = provider(name).arguments(made)
        return arguments.get("config", arguments)["tools"]

    def f(a: str) -> str:
        return a

    both, function = sent(f, own), sent(f)

    assert both == [*function, own]
    assert sent(own) == [own]


#: provider -> a tool's result, and its error.
RESULTS = {
    "openai": (
        {"type": "function_call_output", "call_id": "c", "output": "4"},
        {"type": "function_call_output", "call_id": "c", "output": "Error: 4"},
    ),
    "openai-chat": (
        {"role": "tool", "tool_call_id": "c", "content": "4"},
        {"role": "tool", "tool_call_id": "c", "content": "Error: 4"},
    ),
    "anthropic": tuple(
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "c", "content": "4", **error}
            ],
        }
        for error in ({}, {"is_error": True})
    ),
    "google": tuple(
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"id": "c", "name": "f", "response": {key: "4"}}}
            ],
        }
        for key in ("result", "error")
    ),
}


@pytest.mark.parametrize(("name", "wanted"), RESULTS.items(), ids=RESULTS)
def test_a_tool_result_in_the_words_of_each(name, wanted):
    """An error is marked where the API can, and said where it cannot."""
    asked = provider(name)

    assert wanted == tuple(
        asked.tool_result_message("c", "f", "4", is_error) for is_error in (False, True)
    )


def test_responses_to_parallel_calls_are_one_turn_for_gemini():
    """It refuses a turn with fewer responses than there were calls."""
    asked = provider("google")
    one, two = (asked.tool_result_message(c, "f", c, False) for c in "ab")
    request = request_of([one, two], "google:m")

    assert asked.arguments(request)["contents"] == [
        {"role": "user", "parts": [*one["parts"], *two["parts"]]}
    ]


@pytest.mark.parametrize("name", KEYS)
def test_images_and_files_reach_the_server(name, server, to_server, tmp_path):
    """Each SDK takes our form; the text and the data are in what is sent."""
    to_server(name)
    image, file = tmp_path / "a.png", tmp_path / "b.pdf"
    image.write_bytes(b"image")
    file.write_bytes(b"file")
    request = request_of("What?", f"{name}:m", images=[image], files=[file])
    reply = nbstream.show(opened(request), view="none")
    sent = json.dumps(server.log[-1].request)

    assert reply.outcome == "complete"
    assert [text in sent for text in ("aW1hZ2U=", "ZmlsZQ==", "What?")] == [True] * 3


@pytest.mark.parametrize(
    ("path", "message"),
    {"a.nothing": "has no known file ending", "a.png": "cannot be read"}.items(),
)
def test_a_file_that_cannot_be_sent(path, message, tmp_path):
    """The message says which, and why."""
    with pytest.raises(UsageError, match=message):
        request_of("Hi", "openai:m", files=[tmp_path / path])


@pytest.mark.parametrize("name", [n for n in KEYS if n != "google"])
def test_an_unknown_option_reaches_the_service(name, server, to_server):
    """The service says what it thinks of it, not we."""
    to_server(name)
    request, _ = sent(server, name, temperatur=0.5)

    assert request["temperatur"] == 0.5


def test_an_unknown_option_of_gemini(server, to_server):
    """Its SDK knows every option, and refuses others by name."""
    to_server("google")
    with pytest.raises(nbstream.NbstreamError, match="temperatur"):
        nbstream.ask("Hi", "google:m", view="none", temperatur=0.5)


@pytest.mark.parametrize("name", KEYS)
def test_a_reply_is_sent_back(name, server, to_server):
    """A conversation is the messages of the provider, and the reply's."""
    to_server(name)
    asked = provider(name)
    first = nbstream.ask("Hi", f"{name}:m", view="none")
    turns = [asked.user_message("Hi"), first.to_message(), asked.user_message("More")]
    second = nbstream.ask(turns, f"{name}:m", view="none")

    assert second.outcome == "complete"
    said = json.dumps(first.text[:20], ensure_ascii=False)[1:-1]
    assert said in json.dumps(server.log[-1].request, ensure_ascii=False)


def test_what_a_wrapper_knows_is_not_asked():
    """A tracer's ``create(*args, **kwargs)`` gets all; the SDK's own what it knows."""

    def create(*, model, extra_body=None): ...

    def wrapper(*args, **kwargs): ...

    arguments = {"model": "m", "newer": 1}
    assert known(create, arguments) == {"model": "m", "extra_body": {"newer": 1}}
    assert known(wrapper, arguments) == arguments
