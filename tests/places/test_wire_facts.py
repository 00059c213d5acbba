"""What docs/wire.md says of the SDKs is what those do that are installed.

Each is handed the body of an answer to which something was done, and read to its end.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from urllib.request import Request, urlopen

import pytest
from harness.loopback import Fixed
from harness.sdks import APIS, Clients, only

pytestmark = pytest.mark.place

CALLED = {shape.api: shape for shape in only(name="sync stream of a function").values()}
SAID = [{"role": "user", "content": "Hi"}]
PARTS = [{"role": "user", "parts": [{"text": "Hi"}]}]
ASKED = {
    "openai.chat": ("v1/chat/completions", {"messages": SAID}),
    "openai.responses": ("v1/responses", {"input": "Hi"}),
    "anthropic.messages": ("v1/messages", {"messages": SAID, "max_tokens": 9}),
    "google.generate_content": (
        "v1/models/m:streamGenerateContent?alt=sse",
        {"contents": PARTS},
    ),
    "google.interactions": ("v1/interactions", {"input": "Hi"}),
}


def blocks(data: bytes) -> list[bytes]:
    """Return the events of a body as they stand there."""
    return data.strip().split(b"\n\n")


def joined(*parts: bytes) -> bytes:
    """Return a body of these events."""
    return b"".join(part + b"\n\n" for part in parts)


def broken(data: bytes) -> bytes:
    """Take a colon out of the JSON of the second event."""
    first, second, *rest = blocks(data)
    return joined(first, second.replace(b'":', b'"', 1), *rest)


DONE: dict[str, Callable[[bytes], bytes]] = {
    "a comment": lambda data: joined(
        blocks(data)[0], b": keep-alive", *blocks(data)[1:]
    ),
    "an event line": lambda data: re.sub(rb"(?m)^data:", b"event: x\ndata:", data),
    "no event line": lambda data: re.sub(rb"(?m)^event:.*\n", b"", data),
    "no blank": lambda data: re.sub(rb"(?m)^data: ", b"data:", data),
    "[DONE]": lambda data: joined(*blocks(data), b"data: [DONE]"),
    "broken JSON": broken,
    "ends early": lambda data: joined(*blocks(data)[:3]),
}
FINE = dict.fromkeys(list(DONE)[:5], "whole")
#: Each API, and what its SDK makes of that.
MADE = {
    "openai.chat": {**FINE, "broken JSON": "JSONDecodeError"},
    "openai.responses": {**FINE, "broken JSON": "JSONDecodeError"},
    "anthropic.messages": {
        **FINE,
        "no event line": "nothing",
        "broken JSON": "JSONDecodeError",
    },
    "google.generate_content": {
        **dict.fromkeys(DONE, "UnknownApiResponseError"),
        "no event line": "whole",
    },
    "google.interactions": {**FINE, "broken JSON": "a str"},
}


@pytest.fixture(scope="module")
def fixed() -> Iterator[tuple[Fixed, Clients]]:
    """A server that answers as it is told, and clients for it."""
    server = Fixed()
    clients = Clients(server.url)
    yield server, clients
    clients.close_all()
    server.close()


def body(url: str, api: str) -> bytes:
    """Return the bytes of an answer, as they come over the wire."""
    path, asked = ASKED[api]
    sent = json.dumps({"model": "m", "stream": True, **asked}).encode()
    request = Request(f"{url}/{path}", sent, {"content-type": "application/json"})
    with urlopen(request) as answer:
        return answer.read().replace(b"\r\n", b"\n")


def read(fixed: tuple[Fixed, Clients], api: str, data: bytes) -> list[object] | str:
    """Return what the SDK gives of a body, or the name of what it raises."""
    server, clients = fixed
    server.says("text/event-stream", data)
    try:
        return list(CALLED[api].make(clients, "m", "Hi")())
    except Exception as error:  # noqa: BLE001 - which one is the question
        return type(error).__name__


@pytest.mark.parametrize("api", APIS)
def test_what_an_sdk_makes_of_a_body(api, fixed, server):
    """The table of docs/wire.md, and that an end which is too early is a silent one."""
    data = body(server.url, api)
    whole = read(fixed, api, data)

    def made(how: str) -> str:
        found = read(fixed, api, DONE[how](data))
        if isinstance(found, str):
            return found
        if any(isinstance(each, str) for each in found):
            return "a str"
        if len(found) >= len(whole):  # with a name of its own, a ping counts too
            return "whole"
        return "short" if found else "nothing"

    assert {how: made(how) for how in DONE} == {**MADE[api], "ends early": "short"}


def test_how_long_a_client_waits(fixed):
    """Two give up after ten minutes between two bytes; Google's never does."""
    clients = fixed[1]
    http = clients.google._api_client._httpx_client

    assert clients.openai.timeout.read == clients.anthropic.timeout.read == 600
    assert http.timeout.read is None


@pytest.mark.parametrize(
    "text", ['{"path": "notes.txt" "x": true}', '{"path": "notes.txt", "rec']
)
def test_anthropics_final_input_is_read_in_part(text, fixed):
    """A call that is broken, or cut, has an input that looks right."""
    server, clients = fixed
    use = {"type": "tool_use", "id": "t", "name": "rm", "input": {}}
    usage = {"input_tokens": 1, "output_tokens": 1}
    message = {"id": "m", "type": "message", "role": "assistant", "model": "m"}
    message |= {"content": [], "stop_reason": None, "usage": usage}
    delta = {"type": "input_json_delta", "partial_json": text}
    end = {"stop_reason": "tool_use", "stop_sequence": None}
    said = [
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": use},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": end, "usage": {"output_tokens": 2}},
        {"type": "message_stop"},
    ]
    lines = (f"event: {each['type']}\ndata: {json.dumps(each)}" for each in said)
    server.says("text/event-stream", joined(*map(str.encode, lines)))
    asked = {"model": "m", "max_tokens": 9, "messages": SAID}
    with clients.anthropic.messages.stream(**asked) as stream:
        final = stream.get_final_message()

    assert final.content[0].input == {"path": "notes.txt"}
