"""The live view of a race, Python's side: what is sent, what is taken, what stays."""

import pytest
from display.test_widget import WIDGET, custom, sent

import nbstream
from nbstream._stop import Stop
from nbstream.lab.race import Race
from nbstream.lab.race_view import FALLBACK, RaceModel, WidgetRace
from nbstream.reply import Reply
from nbstream.screens.caption import metadata
from nbstream.types import TextDelta

__all__ = ["sent"]  # a fixture


def test_its_module_is_that_of_one_answer_with_the_columns_around_it():
    """One module has one default export."""
    code = str(RaceModel._esm)

    assert code.count("export default") == 1
    assert code.endswith("export default raceView;\n")
    assert code.count("const liveView = () =>") == 1


def raced(contenders):
    return nbstream.race(contenders, view="live")


def test_one_display_a_frame_for_each_and_a_static_end(sent, outputs):
    """Every frame says whose it is; the end is the three forms, with no times."""
    replies = raced({"a": lambda: ["Hello ", "you"], "b": lambda: ["Hi"]})
    frames = [each for each in custom(sent) if "said" in each]
    opened, closed = outputs
    kinds = [each["kind"] for each in custom(sent) if "said" not in each]

    assert set(opened["data"]) == {WIDGET, "text/plain"}
    assert opened["data"]["text/plain"] == FALLBACK
    assert {each["lane"] for each in frames} == {0, 1}
    assert frames[-1]["said"]["outcome"] == "complete"
    assert set(closed["data"]) == {"text/html", "text/markdown", "text/plain"}
    assert closed["metadata"] == metadata(replies)
    assert closed["metadata"]["nbstream"]["race"]["b"]["outcome"] == "complete"
    assert kinds == ["end", "swap", "swapped"]
    assert {reply.outcome for reply in replies.values()} == {"complete"}


def test_the_moments_are_the_replys_own(sent, outputs):
    """The mark is at the first token, and not at the frame that brought it."""
    replies = raced({"a": lambda: ["Hello"]})
    facts = {}
    for each in custom(sent):
        facts |= each.get("said", {})
    timing = replies["a"].timing

    assert facts["first_s"] == round(timing.first_text_s, 3)
    assert facts["end_s"] == round(timing.end_s, 3)


@pytest.fixture
def screen(sent, outputs):
    """A race of two that has just begun, and its Stop."""
    stop = Stop()
    found = WidgetRace(["a", "b"], images=False, stop=stop)
    found.open(Race({"a": Reply("text"), "b": Reply("text")}))
    sent.clear()
    return found, stop


def say(screen, content):
    data = {"method": "custom", "content": content}
    screen.model.comm.handle_msg({"content": {"data": data}, "buffers": []})


def test_a_new_page_gets_everything_so_far(screen, sent):
    """By lane, with the names."""
    found, _ = screen
    reply = Reply("text")
    reply._apply(TextDelta(text="Hello"))
    found.lanes[1].open(reply)
    found.lanes[1].update(reply)
    sent.clear()
    say(found, {"kind": "resync"})
    (message,) = custom(sent)
    first, second = message["whole"]["lanes"]

    assert (first["name"], first["seq"], first["sections"]) == ("a", 0, {})
    assert (second["name"], second["seq"]) == ("b", 1)
    assert second["sections"]["0.2.text"]["html"] == ['<p dir="auto">Hello</p>\n']


def test_the_button_raises_the_flag_of_all(screen, sent):
    """And is answered."""
    found, stop = screen
    say(found, {"kind": "stop"})

    assert stop.by == "button"
    assert custom(sent) == [{"kind": "ack"}]
