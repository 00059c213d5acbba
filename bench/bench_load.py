"""Many streams at once, and one that is fast for long: is all there, and in order?

Memory is what Python has allocated (``tracemalloc``), so the text and what holds it.
"""

import argparse
import json
import threading
import time
import tracemalloc
from collections.abc import Iterator

import nbstream
from nbstream.offline import Server

STREAMS = 50
RATE_PER_S = 2_000
LONG_S = 60.0
EVENT = (
    b'data: {"choices":[{"index":0,"delta":{"content":"%d "},"finish_reason":%s}]}\n\n'
)


def many(streams: int = STREAMS) -> dict[str, float]:
    """Show so many streams of the real OpenAI SDK at once; check each to the letter."""
    import openai

    with Server(speed=0) as server:
        client = openai.OpenAI(base_url=server.base_url("openai.chat"), api_key="none")
        texts: dict[int, str] = {}

        def opened(number: int) -> object:
            said = [{"role": "user", "content": f"[scenario: long] number {number}"}]
            return client.chat.completions.create(model="m", messages=said, stream=True)

        whole = nbstream.show(lambda: opened(0), view="none").text
        began = time.perf_counter()
        lives = [
            nbstream.start(lambda number=n: opened(number), view="none")
            for n in range(streams)
        ]
        most = threading.active_count()
        for number, live in enumerate(lives):
            reply = live.result(timeout_s=120)
            texts[number] = reply.text if reply.outcome == "complete" else ""
        took_s = time.perf_counter() - began
        client.close()
    right = sum(
        text == whole.replace("number 0", f"number {number}")
        for number, text in texts.items()
    )
    return {"streams": streams, "right": right, "threads": most, "took_s": took_s}


def wire(rate_per_s: int, long_s: float) -> Iterator[bytes]:
    """Give numbered deltas at that rate, each its own read."""
    began, count = time.perf_counter(), int(rate_per_s * long_s)
    for number in range(count):
        wait_s = began + number / rate_per_s - time.perf_counter()
        if wait_s > 0.002:
            time.sleep(wait_s)
        yield EVENT % (number, b'"stop"' if number == count - 1 else b"null")


def fast(rate_per_s: int = RATE_PER_S, long_s: float = LONG_S) -> dict[str, float]:
    """Show one stream of so many deltas a second for so long."""
    expected = "".join(f"{number} " for number in range(int(rate_per_s * long_s)))
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    began, cpu = time.perf_counter(), time.process_time()
    reply = nbstream.show(wire(rate_per_s, long_s), view="none")
    took_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu
    after, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    arrived = len(reply.wire.data) if reply.wire else 0
    return {
        "deltas": rate_per_s * long_s,
        "in_order": reply.text == expected and reply.outcome == "complete",
        "took_s": took_s,
        "cpu_share": cpu_s / took_s,
        "text_bytes": len(expected),
        "held_bytes_per_delta": (after - before - len(expected) - arrived)
        / len(reply.text.split()),
        "most_bytes": most - before,
    }


def main(
    streams: int = STREAMS, rate_per_s: int = RATE_PER_S, long_s: float = LONG_S
) -> dict[str, dict[str, float]]:
    """Print and return both."""
    at_once, long = many(streams), fast(rate_per_s, long_s)
    print(f"{streams} streams at once:", json.dumps(at_once))
    print(f"{rate_per_s} deltas a second:", json.dumps(long))
    return {"at once": at_once, "long": long}


def rows(results: dict[str, dict[str, float]]) -> list[str]:
    """Return the table's rows."""
    at_once, long = results["at once"], results["long"]
    right = f"{at_once['right']} of {at_once['streams']} right to the letter"
    held = f"{long['held_bytes_per_delta']:.0f} bytes held beside text and wire"
    return [
        f"| {at_once['streams']} streams at once | {right} |",
        f"| {RATE_PER_S:,} deltas a second for {long['took_s']:.0f} s, each | {held} |",
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=LONG_S)
    main(long_s=parser.parse_args().seconds)
