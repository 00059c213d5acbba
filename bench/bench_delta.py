"""What nbstream costs per delta on top of the SDK's own bare loop, in CPU time.

Target: at most 10 microseconds. The bytes of one long scripted answer are fetched once
and then read by the real SDKs from a transport in memory, so that only the SDK and we
use the CPU. The ways alternate, and the least of the rounds is taken.
"""

import json
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator

import httpx2
from anthropic import Anthropic
from google import genai
from google.genai.types import HttpOptions
from openai import OpenAI

import nbstream
from nbstream.offline import Server

ROUNDS = 7
ASK = "[scenario: long]"
ANTHROPIC = {"messages": [{"role": "user", "content": ASK}], "max_tokens": 99_999}
#: For each API: the path, and what a request must hold besides ``model``.
BODIES = {
    "openai.chat": ("/v1/chat/completions", {"messages": ANTHROPIC["messages"]}),
    "openai.responses": ("/v1/responses", {"input": ASK}),
    "anthropic.messages": ("/v1/messages", ANTHROPIC),
    "google.generate_content": (
        "/v1/models/m:streamGenerateContent?alt=sse",
        {"contents": [{"role": "user", "parts": [{"text": ASK}]}]},
    ),
    "google.interactions": ("/v1/interactions", {"input": ASK}),
}


def fetch(api: str) -> bytes:
    """Return the bytes of the scripted answer as this API frames it."""
    path, body = BODIES[api]
    data = json.dumps({**body, "model": "m", "stream": True}).encode()
    headers = {"content-type": "application/json"}
    with Server(speed=0) as server:
        request = urllib.request.Request(server.url + path, data, headers)
        with urllib.request.urlopen(request) as response:
            found: bytes = response.read()
    return found


def opener(api: str, wire: bytes) -> "Opener":
    """Return a function that opens a stream of these bytes with the real SDK."""
    headers = {"content-type": "text/event-stream"}
    transport = httpx2.MockTransport(
        lambda _request: httpx2.Response(200, headers=headers, content=pieces(wire))
    )
    http = httpx2.Client(transport=transport)
    openai = OpenAI(api_key="none", http_client=http)
    options = HttpOptions(httpx_client=http)
    google = genai.Client(api_key="none", http_options=options)
    anthropic = Anthropic(api_key="none", http_client=http)
    chat = openai.chat.completions.create
    return {
        "openai.chat": lambda: chat(model="m", stream=True, **BODIES[api][1]),
        "openai.responses": lambda: openai.responses.create(
            model="m", stream=True, input=ASK
        ),
        "anthropic.messages": lambda: anthropic.messages.create(
            model="m", stream=True, **ANTHROPIC
        ),
        "google.generate_content": lambda: google.models.generate_content_stream(
            model="m", contents=ASK
        ),
        "google.interactions": lambda: google.interactions.create(
            model="m", stream=True, input=ASK
        ),
    }[api]


def pieces(wire: bytes) -> Iterator[bytes]:
    """Give the bytes as a network does, 1,460 at a time."""
    for at in range(0, len(wire), 1460):
        yield wire[at : at + 1460]


Opener = Callable[[], Iterable[object]]


def bare(open_stream: Opener) -> int:
    """Loop over a stream and do nothing; return how many items it has."""
    count = 0
    for _ in open_stream():
        count += 1
    return count


def shown(open_stream: Opener) -> object:
    """Let nbstream read, normalise and add up the same stream."""
    return nbstream.show(open_stream(), view="none")


def cpu_s(way: Callable[[Opener], object], open_stream: Opener) -> float:
    """Return the CPU time of this process that one way takes, in seconds."""
    began = time.process_time()
    way(open_stream)
    return time.process_time() - began


def main(rounds: int = ROUNDS) -> dict[str, float]:
    """Print and return what we add per delta, in microseconds, for each API."""
    added = {}
    for api in BODIES:
        open_stream = opener(api, fetch(api))
        count = bare(open_stream)
        theirs = ours = float("inf")
        for _ in range(rounds):
            theirs = min(theirs, cpu_s(bare, open_stream))
            ours = min(ours, cpu_s(shown, open_stream))
        added[api] = (ours - theirs) / count * 1e6
        print(
            f"{api:24} {count:5} items: SDK {theirs / count * 1e6:6.1f} us an item, "
            f"nbstream adds {added[api]:5.1f} us ({ours / theirs:.2f} x)"
        )
    return added


def rows(added: dict[str, float]) -> list[str]:
    """Return the README's row."""
    each = ", ".join(f"{api} {cost:.0f}" for api, cost in added.items())
    return [f"| CPU time per item over the SDK's own loop, in µs | {each} |"]


if __name__ == "__main__":
    main()
