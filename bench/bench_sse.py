"""Decode the same bytes with nbstream and with httpx-sse, and print the ratios."""

import codecs
import json
import sys
import time
from collections.abc import Callable, Iterable

from httpx_sse._decoders import SSEDecoder, SSELineDecoder

from nbstream.sse import Decoder

__all__ = ["main"]

EVENTS = 2_000
CHUNK_BYTES = {"whole": sys.maxsize, "1460 bytes": 1460, "64 bytes": 64, "1 byte": 1}
Decode = Callable[[Iterable[bytes]], list[tuple[str, str]]]


def chat(word: str) -> str:
    choice = {"index": 0, "delta": {"content": word}, "finish_reason": None}
    chunk = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [choice],
        "usage": None,
    }
    return f"data: {json.dumps(chunk, separators=(',', ':'))}\n\n"


def messages(word: str) -> str:
    delta = {"type": "text_delta", "text": word}
    payload = {"type": "content_block_delta", "index": 0, "delta": delta}
    return f"event: content_block_delta\ndata: {json.dumps(payload)}\n\n"


def generate_content(word: str) -> str:
    content = {"parts": [{"text": word * 12}], "role": "model"}
    usage = {"promptTokenCount": 9, "candidatesTokenCount": 99, "totalTokenCount": 108}
    payload = {
        "candidates": [{"content": content, "index": 0}],
        "usageMetadata": usage,
        "modelVersion": "m",
        "responseId": "r",
    }
    return f"data: {json.dumps(payload, ensure_ascii=False)}\r\n\r\n"


#: One event as each provider frames it (Google ends its lines with CRLF).
FRAMES = {
    "openai.chat": chat,
    "anthropic.messages": messages,
    "google.generate_content": generate_content,
}


def decode_ours(chunks: Iterable[bytes]) -> list[tuple[str, str]]:
    decoder = Decoder()
    return [(e.event, e.data) for chunk in chunks for e in decoder.feed(chunk)]


def decode_httpx_sse(chunks: Iterable[bytes]) -> list[tuple[str, str]]:
    """Do what `EventSource.iter_sse` does, without its HTTP response: a fair race."""
    to_text = codecs.getincrementaldecoder("utf-8")("replace").decode
    lines, decoder = SSELineDecoder(), SSEDecoder()
    found = []
    for chunk in chunks:
        for line in lines.decode(to_text(chunk)):
            event = decoder.decode(line.rstrip("\n"))
            if event is not None:
                found.append((event.event, event.data))
    return found


def cut(stream: bytes, size: int) -> list[bytes]:
    step = min(size, len(stream))
    return [stream[i : i + step] for i in range(0, len(stream), step)]


def cpu_s(decode: Decode, chunks: list[bytes]) -> float:
    start = time.process_time()
    decode(chunks)
    return time.process_time() - start


def race(chunks: list[bytes], repeats: int) -> tuple[float, float]:
    """Return the best CPU seconds of ours and of httpx-sse, run turn by turn."""
    assert decode_ours(chunks) == decode_httpx_sse(chunks)
    pairs = [
        (cpu_s(decode_ours, chunks), cpu_s(decode_httpx_sse, chunks))
        for _ in range(repeats)
    ]
    return min(ours for ours, _ in pairs), min(theirs for _, theirs in pairs)


def main(repeats: int = 15) -> dict[str, float]:
    """Print one line per stream and cut; return `{line: httpx-sse time / ours}`."""
    ratios = {}
    print(f"sse: {EVENTS} events, microseconds of CPU per event, best of {repeats}")
    print(f"{'stream':25}{'chunks':12}{'nbstream':>9}{'httpx-sse':>10}{'ratio':>7}")
    for api, frame in FRAMES.items():
        stream = "".join(frame(f" wörd{i}") for i in range(EVENTS)).encode()
        for name, size in CHUNK_BYTES.items():
            ours, theirs = (s / EVENTS * 1e6 for s in race(cut(stream, size), repeats))
            ratios[f"{api}, {name}"] = theirs / ours
            print(f"{api:25}{name:12}{ours:9.2f}{theirs:10.2f}{theirs / ours:7.2f}")
    print(f"worst: {min(ratios.values()):.2f} times the speed of httpx-sse")
    return ratios


def rows(ratios: dict[str, float]) -> list[str]:
    """Return the table's row."""
    span = f"{min(ratios.values()):.1f} to {max(ratios.values()):.1f} x"
    return [f"| decoding server-sent events, speed over httpx-sse | {span} |"]


if __name__ == "__main__":
    main()
