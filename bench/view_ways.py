"""What the kernel does for ``bench_view``: one text, shown in one of several ways.

Each way gets the same deltas at the same pace. When each one was given, and what CPU
time the process took, is written to a file, so that no output is in the way.
"""

import gc
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import anywidget
import traitlets
from IPython.display import DisplayHandle, Markdown, display
from view_texts import DELTA, text_of

import nbstream
from nbstream.screens.bundle import bundle

__all__ = ["FRAME_S", "WAYS", "run"]

#: Written when all deltas have been given; the stream ends when the page has answered.
GIVEN, SEEN = Path("given"), Path("seen")

#: As often as our view at most.
FRAME_S = 0.05
Deltas = Iterator[str]
Output = Callable[[str], dict[str, str]]


def ours(deltas: Deltas) -> None:
    """Show it with nbstream's live view."""
    nbstream.show(deltas, view="live")


class Floor(anywidget.AnyWidget):
    """The least a widget can do."""

    _esm = """
    export default {
      render({ model, el }) {
        const pre = el.appendChild(document.createElement("pre"));
        const text = pre.appendChild(new Text());
        pre.className = "floor";
        pre.style.whiteSpace = "pre-wrap";
        model.on("msg:custom", (delta) => {
          text.appendData(delta);
          if (model.get("follows")) pre.scrollIntoView({ block: "end" });
        });
      },
    };
    """
    follows = traitlets.Bool(False).tag(sync=True)


def floor(
    deltas: Deltas, *, follows: bool = False, output: Output | None = None
) -> None:
    """Send what is new as plain text, to a <pre>; leave it all as plain text."""
    model = Floor(follows=follows)
    view = {"version_major": 2, "version_minor": 0, "model_id": model.model_id}
    kind = "application/vnd.jupyter.widget-view+json"
    handle = display({kind: view, "text/plain": ""}, raw=True, display_id=True)
    text = sent = ""
    for text in _frames(deltas):
        model.send(text[len(sent) :])
        sent = text
    handle.update(output(text) if output else {"text/plain": text}, raw=True)
    model.close()


def following(deltas: Deltas) -> None:
    """Do the same, and keep the end in view, as our view does."""
    floor(deltas, follows=True)


def alike(deltas: Deltas) -> None:
    """Do the same, and leave what our view leaves: what that costs is the host's."""

    def output(text: str) -> dict[str, str]:
        return bundle(nbstream.Reply.from_stream(iter([text])))

    floor(deltas, output=output)


def again(deltas: Deltas) -> None:
    """Send the whole text again as Markdown, twenty times a second."""
    handle = DisplayHandle()
    handle.display(Markdown(""))
    for text in _frames(deltas):
        handle.update(Markdown(text))


def naive(deltas: Deltas) -> None:
    """Send the whole text again as Markdown, at each delta."""
    handle = DisplayHandle()
    handle.display(Markdown(""))
    text = ""
    for delta in deltas:
        text += delta
        handle.update(Markdown(text))


def nothing(deltas: Deltas) -> None:
    """Show nothing: what the page and the kernel do anyway."""
    for _ in deltas:
        pass


WAYS: dict[str, Callable[[Deltas], None]] = {
    each.__name__: each
    for each in (ours, floor, following, alike, again, naive, nothing)
}


def run(way: str, kind: str, size: int, per_s: float, wait_s: float) -> None:
    """Show one text in one way; write what the kernel knows of it to ``out.json``."""
    given: list[float] = []
    text = text_of(kind, size)
    gc.collect()
    began, cpu_s = time.monotonic(), time.process_time()
    WAYS[way](_paced(text, per_s, wait_s, given))
    cpu_s, wall_s = time.process_time() - cpu_s, time.monotonic() - began
    found = {"given_ms": given, "cpu_s": cpu_s, "wall_s": wall_s}
    Path("out.json").write_text(json.dumps(found))


def _paced(text: str, per_s: float, wait_s: float, given: list[float]) -> Deltas:
    """Give the text in deltas, the first after ``wait_s``; note when each was given.

    The end is for the page to say: what it did until then was for the stream.
    """
    began = time.monotonic() + wait_s
    for at in range(0, len(text), DELTA):
        early_s = began + at / DELTA / per_s - time.monotonic()
        if early_s > 0.002:
            time.sleep(early_s)
        given.append(time.time() * 1000)
        yield text[at : at + DELTA]
    time.sleep(2 * FRAME_S)
    yield ""  # so that every way shows what it has
    GIVEN.touch()
    while not SEEN.exists():
        time.sleep(0.02)


def _frames(deltas: Deltas) -> Iterator[str]:
    """Give all the text so far, once a frame, and at the end.

    As often as our view does: a frame that is late, because deltas come when they
    come, does not make the next one late, too.
    """
    text, due = "", float("-inf")
    for delta in deltas:
        text += delta
        now = time.monotonic()
        if now >= due:
            yield text
            due = max(due + FRAME_S, now)
    yield text
