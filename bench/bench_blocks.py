"""What it costs to render a growing answer as frames, against sending its plain text.

In virtual time: deltas of four characters, 2,500 a second, at most 20 frames a second;
the larger the part that has to be read again, the longer the wait for the next frame.
Bytes are those of JSON messages, shortened as on the wire. Targets: growth from 16 kB
to 1 MB at most linear + 10 %, and at most 1.5 times the bytes of plain text deltas,
each message with the 600 bytes around it that a kernel's messages have.
"""

import json
import time
from dataclasses import fields

from nbstream.markdown import to_html
from nbstream.markdown.html import shorten
from nbstream.markdown.rendering import Frame, Rendering

SIZES = (2_000, 16_000, 64_000, 256_000, 1_000_000)
DELTA, DELTAS_PER_S, INTERVAL_S, ENVELOPE = 4, 2_500, 0.05, 600
#: More of a wait for each character that has to be read again, in seconds.
WAIT_S = 5e-6
SECTION = """## Section {n}: what *matters*

A paragraph with **bold**, `code`, a [link](https://example.org/{n}) and a formula
$x_{n}^2$, and then some more words so that it is as long as they usually are, for
most of an answer is prose.

- first of **several** items
- second, with `code`
  1. nested
  2. again

| name | value |
|------|------:|
| a{n} | {n} |
| b{n} | `{n}` |

```python
def f{n}(x: int) -> int:
    return x + {n}  # a comment
```

> A quote, see [the reference][r{n}].

$$
\\int_0^{n} x\\,dx
$$

[r{n}]: https://example.org/r{n}

"""
ITEM = "- item {n} with **bold** words and `code` in it, as long as items are\n"
ROW = "| cell {n} | {n} | some `code` and **bold** text |\n"
LINES = 'def f{n}(x: int) -> str:\n    """Say it."""\n    return f"{{x}}: {n}"\n\n'
TEXTS = {
    "everything": ("", SECTION),
    "one list": ("", ITEM),
    "one table": ("| a | b | c |\n|---|--:|---|\n", ROW),
    "one fence": ("```python\n", LINES),
}


def text(name: str, size: int) -> str:
    """Make a text of this kind and size."""
    head, unit = TEXTS[name]
    unit = unit.replace("{{", "{").replace("}}", "}") if name == "one fence" else unit
    count = size // len(unit) + 2
    return (head + "".join(unit.replace("{n}", str(n)) for n in range(count)))[:size]


def message(frame: Frame) -> int:
    """Return the bytes of a frame's message, what is empty left out."""
    found = {field.name: getattr(frame, field.name) for field in fields(frame)}
    found["html"] = [shorten(html) for html in frame.html]
    found["code"] = frame.code and shorten(frame.code)
    return size_of({name: value for name, value in found.items() if value})


def size_of(content: object) -> int:
    """Return the bytes of a JSON message with what is around it."""
    return len(json.dumps(content, ensure_ascii=False).encode()) + ENVELOPE


def measure(answer: str) -> tuple[float, int, int, int]:
    """Return CPU seconds, our bytes, those of plain deltas, and frames."""
    rendering = Rendering()
    cpu_s, sent, plain, count, due_s, told = 0.0, 0, 0, 0, 0.0, 0
    for end in range(DELTA, len(answer) + DELTA, DELTA):
        now_s = end / DELTA / DELTAS_PER_S
        if now_s < due_s:
            continue
        began = time.process_time()
        rendering.feed(answer[told:end])
        frame = rendering.frame()
        cpu_s += time.process_time() - began
        plain += size_of({"text": answer[told:end]})
        told = end
        if frame:
            sent, count = sent + message(frame), count + 1
        wait_s = frame.tail_chars * WAIT_S if frame else 0
        due_s = now_s + max(INTERVAL_S, wait_s)
    began = time.process_time()
    rendering.feed(answer[told:])
    last = rendering.finish()
    cpu_s += time.process_time() - began
    assert "".join(rendering.blocks) == to_html(answer)
    return cpu_s, sent + message(last), plain + size_of(answer[told:]), count + 1


def main(sizes: tuple[int, ...] = SIZES) -> dict[str, tuple[float, float, float]]:
    """Print and return, for each kind of text: growth of bytes, ratio, CPU a delta."""
    found = {}
    for name in TEXTS:
        measured = {}
        for size in sizes:
            cpu_s, sent, plain, count = measure(text(name, size))
            measured[size] = (sent / size, sent / plain, cpu_s / size * DELTA * 1e6)
            print(
                f"{name:10} {size / 1000:6,.0f} kB: {cpu_s:6.2f} s CPU, "
                f"{cpu_s / size * 1e6:5.1f} us and {sent / size:4.2f} bytes a "
                f"character, {sent / plain:4.2f} x plain text, {count:5,} frames"
            )
        base, last = measured.get(16_000, measured[sizes[0]]), measured[sizes[-1]]
        found[name] = (last[0] / base[0], last[1], last[2])
        print(f"{name:10} grows {found[name][0]:.2f} x linear\n")
    return found


def rows(found: dict[str, tuple[float, float, float]]) -> list[str]:
    """Return the table's rows."""
    return [
        f"| rendering {name}: bytes over those of plain text deltas; their growth from "
        f"16 kB to 1 MB; CPU | {ratio:.2f} x; {growth:.2f} x linear; "
        f"{cpu_us:.0f} µs a delta |"
        for name, (growth, ratio, cpu_us) in found.items()
    ]


if __name__ == "__main__":
    main()
