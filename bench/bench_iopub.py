"""What crosses iopub for one answer: nbstream's display against naive updates.

The same deltas at the same pace, in one process, into a shell whose publisher counts
bytes instead of sending them. Naive is ``handle.update(Markdown(all_so_far))`` at each
delta, which is what most tutorials show. No browser here: only what is sent.
"""

import json
import time
from collections.abc import Iterator
from typing import Any

from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from IPython.display import Markdown, display

import nbstream

SIZES = (2_000, 16_000, 64_000)
DELTAS_PER_S = 2_500
TEXT = "Streaming sends *pieces* of a text, `one` after another. " * 2_000


class Counter(DisplayPublisher):
    """Counts the messages and the bytes of what is published."""

    messages = 0
    size = 0

    def publish(self, data: Any, metadata: Any = None, **_: Any) -> None:  # type: ignore[override]
        """Count instead of sending."""
        self.messages += 1
        self.size += len(json.dumps([data, metadata]))


def deltas(size: int) -> Iterator[str]:
    """Give the text four characters at a time, at a steady pace."""
    began = time.monotonic()
    for at in range(0, size, 4):
        wait = began + at / 4 / DELTAS_PER_S - time.monotonic()
        if wait > 0.002:
            time.sleep(wait)
        yield TEXT[at : at + 4]


def naive(size: int) -> None:
    """Update a display with everything at each delta."""
    handle = display(Markdown(""), display_id=True)
    text = ""
    for delta in deltas(size):
        text += delta
        handle.update(Markdown(text))


def ours(size: int) -> None:
    """Show the same deltas with nbstream."""
    nbstream.show(deltas(size), view="live")


def main() -> dict[int, float]:
    """Print what each way sends, and return the ratio naive / ours for each size."""
    shell = InteractiveShell.instance()
    ratios = {}
    for size in SIZES:
        counts = []
        for way in (naive, ours):
            shell.display_pub = Counter()
            way(size)
            counts.append(shell.display_pub)
        theirs, mine = counts
        ratios[size] = theirs.size / mine.size
        print(
            f"{size:6} characters: naive {theirs.messages:6} messages, "
            f"{theirs.size / size:8.0f} bytes a character; nbstream {mine.messages:4} "
            f"messages, {mine.size / size:5.0f} bytes a character; {ratios[size]:.0f} x"
        )
    return ratios


def rows(ratios: dict[int, float]) -> list[str]:
    """Return the table's row."""
    each = ", ".join(
        f"{size // 1000} kB: {ratio:.0f} x" for size, ratio in ratios.items()
    )
    return [f"| bytes sent by naive updates, against ours without a widget | {each} |"]


if __name__ == "__main__":
    main()
