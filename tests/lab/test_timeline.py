"""The picture of when things happened: what it is made of, and that it is drawn."""

import subprocess
import sys

import pytest

import nbstream
from nbstream.errors import UsageError
from nbstream.lab.timeline import Span, spans, totals
from nbstream.reply import Reply, Timing
from nbstream.types import End, Finish, TextDelta, ToolCallDelta


def text(value="abc", kind="text"):
    return TextDelta(text=value, kind=kind)


def timed(*steps, end_s=None, sent_s=0.0):
    timing = Timing(request_sent_s=sent_s, end_s=end_s)
    for at_s, event in steps:
        timing.note([event], at_s)
    return timing


CALL = ToolCallDelta(index=0, name="f", arguments="{}")
THOUGHT = text("Hm", "reasoning")
SPANS = {
    "each kind, one after the other": (
        timed((0.5, THOUGHT), (0.7, THOUGHT), (1.0, text()), (1.5, CALL), end_s=1.6),
        [
            Span("waiting", 0.0, 0.5),
            Span("reasoning", 0.5, 0.7),
            Span("text", 0.7, 1.0),
            Span("tool", 1.0, 1.6),
        ],
    ),
    "a gap within, and one at the end": (
        timed((0.5, text()), (0.6, text()), (2.0, text()), (2.1, text()), end_s=4.0),
        [
            Span("waiting", 0.0, 0.5),
            Span("text", 0.5, 0.6),
            Span("gap", 0.6, 2.0),
            Span("text", 2.0, 2.1),
            Span("gap", 2.1, 4.0),
            Span("text", 4.0, 4.0),
        ],
    ),
    "nothing came": (timed(end_s=3.0), [Span("waiting", 0.0, 3.0)]),
    "it runs still": (
        timed((0.5, text())),
        [Span("waiting", 0, 0.5), Span("text", 0.5, 0.5)],
    ),
    "zero is the request": (
        timed((1.5, text()), end_s=2.0, sent_s=1.0),
        [Span("waiting", 0.0, 0.5), Span("text", 0.5, 1.0)],
    ),
}


@pytest.mark.parametrize(("timing", "expected"), SPANS.values(), ids=SPANS)
def test_time_is_divided_among_what_it_was_spent_on(timing, expected):
    """A delta takes the time since the one before, unless that is a gap."""
    assert spans(timing, 1.0) == expected


def test_characters_add_up():
    """After each delta, as many as had come."""
    deltas = timed((1.0, text("ab")), (2.0, text("c"))).deltas

    assert totals(deltas, 0.5) == ([0.5, 1.5], [2, 3])


def reply(*steps, end_s=2.0, outcome="complete"):
    found = Reply()
    found.model = "m"
    found.timing = timed(*steps, end_s=end_s)
    for _, event in steps:
        found._apply(event)
    if outcome == "complete":
        found._extend([text(), Finish(reason="stop", raw_reason="stop"), End()])
    error = ConnectionError("reset") if outcome == "failed" else None
    found._end(stopped=outcome == "stopped", exception=error)
    return found


FULL = ((0.5, THOUGHT), (0.75, text()), (2.5, CALL))
OUTCOMES = ("complete", "stopped", "truncated", "failed")


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_the_same_times_give_the_same_picture(outcome):
    """So that a picture of a recording does not change in the repository."""
    pytest.importorskip("matplotlib")
    one = reply(*FULL, end_s=3.0, outcome=outcome)
    pictures = [one.plot()._repr_mimebundle_() for _ in range(2)]
    data, looks = pictures[0]

    assert pictures[0] == pictures[1]
    assert data["image/png"].startswith(b"\x89PNG")
    assert (
        data["text/plain"]
        == looks["image/png"]["alt"]
        == (
            f"m: first token after 0.50 s, 7 characters, {outcome} after 3.00 s; "
            "without streaming, so long a wait for all of it"
        )
    )
    assert looks["image/png"]["width"] == 600


RECORDED = """
import hashlib
from nbstream.lab.recording.exchange import Exchange, Read
CHUNK = b'data: {"choices": [{"index": 0, "delta": {"content": "Hi"}}]}\\n\\n'
reads = tuple(Read(0.3 + 0.1 * n, CHUNK) for n in range(20))
exchange = Exchange(
    number=1, line=1, api="openai.chat", method="POST", url="https://example.org",
    started_s=0.0, request_headers={}, request={}, status=200,
    response_headers={"content-type": "text/event-stream"}, response_s=0.1,
    reads=reads, ended="cut", notes=())
data, _ = exchange.reply().plot()._repr_mimebundle_()
digest = hashlib.sha256(data["image/png"]).hexdigest()
print(digest)
"""


def test_a_recording_gives_the_same_picture_in_every_process():
    """Byte for byte: its times are in the file."""
    pytest.importorskip("matplotlib")
    command = [sys.executable, "-c", RECORDED]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    here = {}
    exec(RECORDED, here)

    assert done.stdout.strip() == here["digest"]


def test_several_replies_have_one_axis_and_their_names():
    """Also one to which nothing came."""
    pytest.importorskip("matplotlib")
    found = nbstream.plot({"one": reply(*FULL), "two": reply(outcome="truncated")})
    above, below = found.figure.axes

    assert [each.get_text() for each in above.get_yticklabels()] == ["one", "two"]
    assert above.get_shared_x_axes().joined(above, below)
    assert "two: nothing came, 0 characters, truncated" in str(found)


def test_all_words_are_inside_the_picture():
    """With every kind in the legend, and the longest names."""
    pytest.importorskip("matplotlib")
    late = ((4.0, text()), (4.1, text("No", "refusal")))
    every = reply(*FULL, *late, end_s=7.0, outcome="failed")
    figure = nbstream.plot({"a very long name of a model": every, "b": every}).figure
    width, height = figure.get_size_inches() * figure.dpi
    above, below = figure.axes
    words = [*above.get_legend().get_texts(), *above.texts, below.xaxis.label]
    words += [*above.get_yticklabels(), below.yaxis.label]
    boxes = [each.get_window_extent() for each in words]

    assert len(above.get_legend().get_texts()) == 7
    assert min(box.x0 for box in boxes) >= 0
    assert max(box.x1 for box in boxes) <= width
    assert max(box.y1 for box in boxes) <= height


def test_replies_with_no_name_are_numbered(tmp_path):
    """Two of one model are told apart; a file is written."""
    pytest.importorskip("matplotlib")
    found = nbstream.plot([reply(*FULL), reply(*FULL)])
    found.save(tmp_path / "two.svg")

    assert [line.partition(":")[0] for line in str(found).splitlines()] == [
        "1 m",
        "2 m",
    ]
    assert b"<svg" in (tmp_path / "two.svg").read_bytes()


RUNNING = Reply()
RUNNING.timing = timed((0.5, text()))
WRONG = {
    "nothing": ([], "there is nothing to draw"),
    "no reply": (7, "7 is no reply"),
    "no reply in a list": (["a"], "'a' is no reply"),
    "one with no times": (Reply(), "'reply' has no times"),
    "one that runs": (RUNNING, "or has not ended"),
}


@pytest.mark.parametrize(("given", "words"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_drawn_is_told_so(given, words):
    """With what can be."""
    with pytest.raises(UsageError, match=words):
        nbstream.plot(given)


def test_without_matplotlib_it_says_how_to_get_it(monkeypatch):
    """It is an extra."""
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(UsageError, match=r"pip install 'nbstream\[plot\]'"):
        reply(*FULL).plot()


NAMES = ["$\\frac{$", "_hidden", "a\\b $x_1$", "^{_", "\x1b]8;;x\u202e\n"]


def test_names_are_drawn_as_they_are():
    """Nothing in them is a formula, a hidden label or a control character."""
    made = nbstream.plot({name: reply((1.0, text())) for name in NAMES})
    figure = made.figure
    figure.canvas.draw()
    bars, growth = figure.axes
    drawn = [*bars.get_yticklabels(), *growth.get_legend().get_texts()]

    shown = [*NAMES[:-1], "\\x1b]8;;x\\u202e"]
    assert [each.get_text() for each in drawn] == shown * 2
    assert not any(each.get_parse_math() for each in drawn)
    assert "\x1b" not in str(made)
