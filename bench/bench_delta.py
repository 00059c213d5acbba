"""What nbstream costs per delta on top of the SDK's own bare loop, in CPU time.

Target: at most 10 microseconds. The bytes of one long scripted answer are fetched once
and then read by the real SDKs from a transport in memory, so that only the SDK and we
use the CPU. The ways alternate, and the least of the rounds is taken.

What we add is measured by itself, over the very objects that the SDK made: it is too
little to be seen as the difference of two readings, which an SDK makes vary by more. A
part of it is what noting the times costs (``reply.timing``), which is measured over the
events of these objects. What ``keep_wire=True`` adds is such a difference, so a rough
figure.
"""

import json
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2
from anthropic import Anthropic
from google import genai
from google.genai.types import HttpOptions
from openai import OpenAI

import nbstream
from nbstream._reader import Reader
from nbstream.offline import Server
from nbstream.reply import Reply, Timing
from nbstream.types import Event

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


def kept(open_stream: Opener) -> object:
    """Do so, and keep the bytes that the SDK reads."""
    return nbstream.show(open_stream(), view="none", keep_wire=True)


def batches(open_stream: Opener) -> list[Sequence[Event]]:
    """Return the events of each item of a stream."""
    reader = Reader(Reply())
    return [reader.push(item) for item in open_stream()]


def noted(found: list[Sequence[Event]]) -> Timing:
    """Note the time of each item, as the player does."""
    timing, clock = Timing(), time.monotonic
    began = clock()
    for events in found:
        timing.note(events, clock() - began)
    return timing


def cpu_s(way: Callable[[Any], object], given: object) -> float:
    """Return the CPU time of this process that one way takes, in seconds."""
    began = time.process_time()
    way(given)
    return time.process_time() - began


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one API costs per item, in microseconds of CPU time."""

    sdk_us: float
    added_us: float
    timing_us: float
    wire_us: float


def measure(api: str, rounds: int) -> tuple[int, Cost]:
    """Return how many items there are, and the least of each way."""
    open_stream = opener(api, fetch(api))
    items, found = list(open_stream()), batches(open_stream)
    count = len(items)
    theirs = ours = times = whole = wire = float("inf")
    for _ in range(rounds):
        theirs = min(theirs, cpu_s(bare, open_stream))
        ours = min(ours, cpu_s(shown, lambda: iter(items)))
        times = min(times, cpu_s(noted, found))
        whole = min(whole, cpu_s(shown, open_stream))
        wire = min(wire, cpu_s(kept, open_stream))
    each_us = 1e6 / count
    return count, Cost(
        sdk_us=theirs * each_us,
        added_us=ours * each_us,
        timing_us=times * each_us,
        wire_us=(wire - whole) * each_us,
    )


def main(rounds: int = ROUNDS) -> dict[str, Cost]:
    """Print and return what we add per item, for each API."""
    costs = {}
    for api in BODIES:
        count, cost = measure(api, rounds)
        costs[api] = cost
        ratio = (cost.sdk_us + cost.added_us) / cost.sdk_us
        print(
            f"{api:24} {count:5} items: SDK {cost.sdk_us:6.1f} us an item, nbstream "
            f"adds {cost.added_us:5.1f} us ({ratio:.2f} x); of that its times take "
            f"{cost.timing_us:.2f} us ({cost.timing_us / cost.sdk_us:.1%} of the "
            f"SDK's); keep_wire adds {cost.wire_us:.1f} us"
        )
    return costs


def rows(costs: dict[str, Cost]) -> list[str]:
    """Return the table's rows."""
    each = ", ".join(f"{api} {cost.added_us:.0f}" for api, cost in costs.items())
    times = max(cost.timing_us for cost in costs.values())
    share = max(cost.timing_us / cost.sdk_us for cost in costs.values())
    return [
        f"| CPU time per item over the SDK's own loop, in µs | {each} |",
        f"| Of that, to note its time, at most | {times:.1f} µs, {share:.1%} of the "
        "SDK's own |",
    ]


if __name__ == "__main__":
    main()
