"""The chat panel without a browser: what its page is told, what of it is taken."""

import json
import sys
import threading

import comm
import pytest
from comm.base_comm import BaseComm
from harness.frames import expand

from nbstream import Chat, offline, tool
from nbstream.chat.panel_widget import KINDS, LONGEST, checked
from nbstream.errors import NbstreamError, ProviderFailure, UsageError

WIDGET = "application/vnd.jupyter.widget-view+json"
STATIC = {"text/html", "text/markdown", "text/plain"}
MODELS = (
    "openai:gpt-5",
    "openai-chat:gpt-5",
    "anthropic:claude-haiku-5-5",
    "google:gemini-3-flash",
)


def get_weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"It rains in {city}."


class Line(BaseComm):
    """A comm whose messages are kept; who waits for one is told of each."""

    sent: list
    bell: threading.Condition

    def publish_msg(self, msg_type, data=None, metadata=None, buffers=None, **keys):
        with Line.bell:
            Line.sent.append((msg_type, json.loads(json.dumps(data or {}))))
            Line.bell.notify_all()


@pytest.fixture
def sent(monkeypatch):
    monkeypatch.setattr(comm, "create_comm", Line)
    monkeypatch.setattr(Line, "bell", threading.Condition(), raising=False)
    monkeypatch.setattr(Line, "sent", [], raising=False)
    return Line.sent


@pytest.fixture
def live(monkeypatch):
    monkeypatch.setenv("NBSTREAM_VIEW", "live")


@pytest.fixture(autouse=True)
def server(nbstream_offline):
    """Every model is answered by the offline server."""
    return nbstream_offline


class Seen:
    """A panel as its page sees it."""

    def __init__(self, chat):
        self.chat = chat
        self.panel = chat.panel()
        self.panel._ipython_display_()
        self._count = 0

    def say(self, kind, **more):
        """Say something as the page does; return the id of what was said."""
        self._count += 1
        content = {"kind": kind, "id": f"i{self._count}", **more}
        self.hear(content)
        return content["id"]

    def hear(self, content):
        data = {"method": "custom", "content": content}
        self.panel._page.model.comm.handle_msg(
            {"content": {"data": data}, "buffers": []}
        )

    def messages(self, kind):
        """The custom messages of a kind that have been sent so far."""
        found = [data["content"] for _, data in Line.sent if "content" in data]
        return [each for each in found if each["kind"] == kind]

    def wait(self, kind, count=1):
        """Wait for so many messages of a kind; return the last of them."""
        with Line.bell:
            assert Line.bell.wait_for(
                lambda: len(self.messages(kind)) >= count, timeout=20
            ), f"no {kind}: {[data for _, data in Line.sent][-3:]}"
        return self.messages(kind)[count - 1]

    def asked(self, kind="ask", **more):
        """Ask, wait for the end, and return what is shown: (question, HTML) pairs."""
        before = len(self.messages("saved"))
        self.say(kind, **more)
        self.wait("saved", before + 1)
        return self.shown()

    def shown(self):
        whole = json.loads(json.dumps(self.panel._page.whole()))
        return [(each["question"], html_of(each["whole"])) for each in whole["turns"]]


def html_of(whole):
    frames = whole["sections"].values()
    return "".join(expand(block) for frame in frames for block in frame["html"])


@pytest.fixture
def seen(sent, outputs, live):
    return Seen(Chat("openai-chat:gpt-5"))


# -- asking from the page -------------------------------------------------------------


def test_a_question_is_asked_and_answered(seen):
    """The page is told that it was taken, that there is a turn, its frames, its end."""
    id_ = seen.say("ask", text="hello <b>you</b>")
    asked = seen.wait("asked")
    saved = seen.wait("saved")["saved"]
    turns = seen.messages("turns")
    ((question, html),) = seen.shown()

    assert asked == {"kind": "asked", "id": id_, "why": ""}
    assert [each["running"] for each in turns] == ["t1", ""]
    assert seen.messages("of")[-1]["of"] == {"kind": "end"}
    assert question == "hello <b>you</b>"
    assert "<b>" not in html
    assert set(saved["data"]) == STATIC
    assert "hello &lt;b&gt;you" in saved["data"]["text/html"]
    assert seen.chat.reply.outcome == "complete"
    assert len(seen.chat.messages) == 2


def test_a_message_that_comes_twice_is_taken_once(seen):
    """A busy kernel's message is seen on its way, and comes again by itself."""
    content = {"kind": "ask", "id": "one", "text": "hello"}
    seen.hear(content)
    seen.wait("saved")
    seen.hear(content)

    assert len(seen.asked(text="again")) == 2
    assert len(seen.messages("asked")) == 2


def test_the_last_question_is_asked_again_or_in_other_words(seen):
    """The answer before is gone from the panel, from the history and from the file."""
    seen.asked(text="the first")
    seen.asked(text="the second")
    again = seen.asked("retry", turn="t2")
    edited = seen.asked("edit", turn="t3", text="the third")
    saved = seen.messages("saved")[-1]["saved"]["data"]["text/plain"]

    assert [question for question, _ in again] == ["the first", "the second"]
    assert [question for question, _ in edited] == ["the first", "the third"]
    assert len(seen.chat.messages) == 4
    assert "the second" not in saved


def test_only_the_last_turn_can_be_asked_again(seen):
    """A page that is behind is told so, and nothing is lost."""
    seen.asked(text="the first")
    seen.asked(text="the second")
    seen.say("edit", turn="t1", text="another")
    told = seen.wait("asked", 3)

    assert told["why"] == "something else has been asked since"
    assert len(seen.chat.messages) == 4


def test_a_question_while_one_is_answered_is_refused(seen):
    """The cell gets the error, and so does the page; the answer goes on."""
    offline.fault("stall", after=2)
    seen.say("ask", text="hello")
    seen.wait("asked")
    with pytest.raises(UsageError, match="still being answered"):
        seen.chat("from a cell", view="none")
    seen.say("ask", text="from the page")
    refused = seen.wait("asked", 2)
    seen.hear({"turn": "t1", "of": {"kind": "stop"}})
    seen.wait("saved")

    assert "still being answered" in refused["why"]
    assert [question for question, _ in seen.shown()] == ["hello"]


def test_stop_keeps_what_arrived(seen):
    """It is acknowledged, the answer is stopped, and the chat can go on."""
    offline.fault("stall", after=3)
    seen.say("ask", text="hello")
    seen.wait("of")
    seen.hear({"turn": "t1", "of": {"kind": "stop"}})
    seen.wait("saved")
    offline.clear_faults()
    ((_, html),) = seen.shown()
    kinds = [each["of"]["kind"] for each in seen.messages("of")]

    assert "Stopped. This is what had arrived." in html
    assert "ack" in kinds
    assert len(seen.asked(text="and now?")) == 2


def test_a_failure_is_shown_and_can_be_tried_again(seen):
    """A 429 has its plain line; the same question is asked once more, in its place."""
    offline.fault("429")
    ((question, html),) = seen.asked(text="hello")
    offline.clear_faults()
    ((again, better),) = seen.asked("retry", turn="t1")

    assert "Failed." in html
    assert "429" in html or "rate" in html.lower()
    assert (question, again) == ("hello", "hello")
    assert "Failed." not in better
    assert len(seen.chat.messages) == 2


def test_of_a_question_that_nothing_came_of_the_next_one_takes_the_place(seen):
    """As in the history, which a provider must take."""
    offline.fault("429")
    seen.asked(text="the first")
    offline.clear_faults()

    assert [question for question, _ in seen.asked(text="the next")] == ["the next"]


def test_what_a_missing_key_says_is_said_to_the_page(sent, outputs, live, monkeypatch):
    """The question goes back to where it was typed, with the line that helps."""
    seen = Seen(Chat("openrouter:x/y"))
    monkeypatch.delenv("OPENROUTER_API_KEY", raising=False)
    seen.say("ask", text="hello")
    told = seen.wait("asked")

    assert "OPENROUTER_API_KEY" in told["why"]
    assert seen.shown() == []


# -- tools ----------------------------------------------------------------------------


@pytest.mark.parametrize(("allow", "said"), [(True, "It rains"), (False, "Not run")])
def test_consent_is_given_in_the_panel(sent, outputs, live, allow, said):
    """The card has two buttons; the word of the one that is pressed counts."""
    seen = Seen(Chat("openai-chat:gpt-5", tools=[tool(get_weather, confirm=True)]))
    seen.say("ask", text="What is the weather in Paris?")
    with Line.bell:
        assert Line.bell.wait_for(lambda: "Allow 0.0" in str(Line.sent), timeout=20)
    seen.hear({"turn": "t1", "of": {"kind": "consent", "call": "0.0", "allow": allow}})
    seen.wait("saved")

    assert said in seen.shown()[0][1]


def test_what_was_meant_for_a_cleared_conversation_is_not_heard(sent, outputs, live):
    """A message comes twice to a busy kernel: Stop and consent are the old turn's."""
    ran = []

    def weather(city: str) -> str:
        """Tell the weather of a city."""
        ran.append(city)
        return "rain"

    seen = Seen(Chat("openai-chat:gpt-5", tools=[tool(weather, confirm=True)]))
    keys = []
    for _ in range(2):
        before = len(Line.sent)
        seen.say("ask", text="What is the weather in Paris?")
        with Line.bell:
            asks = lambda: "Allow 0.0" in str(Line.sent[before:])  # noqa: B023, E731
            assert Line.bell.wait_for(asks, timeout=20)
        keys.append(seen.panel._page.whole()["running"])
        if len(keys) == 1:
            seen.hear({"turn": keys[0], "of": {"kind": "stop"}})
            seen.wait("saved")
            seen.chat.clear()
    late = {"turn": keys[0], "of": {"kind": "consent", "call": "0.0", "allow": True}}
    for message in (late, {**late, "of": {"kind": "stop"}}):
        seen.hear(message)
    reply = seen.chat._playback.exchange.reply
    outcome = reply.outcome
    seen.hear({"turn": keys[1], "of": {"kind": "stop"}})
    seen.wait("saved", 3)

    assert (outcome, ran, len(set(keys))) == ("running", [], 2)


# -- what a cell asks -----------------------------------------------------------------


def test_what_a_cell_asks_is_in_the_panel(seen):
    """It is followed, and it is there in the end; the cell has its own view."""
    seen.chat("from a cell", view="static")
    seen.asked(text="from the page")

    assert [question for question, _ in seen.shown()] == [
        "from a cell",
        "from the page",
    ]
    assert len(seen.messages("saved")) == 2


def test_a_panel_that_is_made_later_has_it_all(sent, outputs, live):
    """What was asked before, and an answer that is under way, which it follows."""
    chat = Chat("openai-chat:gpt-5")
    chat("before", view="none")
    offline.fault("stall", after=2)
    answer = chat.start("under way", view="none")
    seen = Seen(chat)
    running = seen.panel._page.whole()["running"]
    seen.hear({"turn": "t2", "of": {"kind": "stop"}})
    seen.wait("saved")

    assert running == "t2"
    assert answer.result().outcome == "stopped"
    assert [question for question, _ in seen.shown()] == ["before", "under way"]


def test_what_is_taken_out_of_the_messages_is_out_of_the_panel(seen):
    """The messages decide."""
    seen.asked(text="the first")
    seen.asked(text="the second")
    del seen.chat.messages[:2]

    assert [q for q, _ in seen.asked(text="the third")] == ["the second", "the third"]


def test_a_chat_that_is_cleared_has_an_empty_panel(seen):
    """And nothing that could be asked again."""
    seen.asked(text="hello")
    seen.chat.clear()
    told = seen.messages("turns")[-1]

    assert told["order"] == []
    assert seen.shown() == []
    with pytest.raises(UsageError, match="no question yet"):
        seen.chat.retry(view="none")


def test_there_is_one_panel(seen):
    """A second cell shows the same; there is no second model."""
    seen.panel._ipython_display_()

    assert seen.chat.panel() is seen.panel
    assert [each for each, _ in Line.sent].count("comm_open") == 2  # and its layout


@pytest.mark.parametrize("model", MODELS)
def test_a_conversation_that_is_loaded_reads_as_the_one_that_was_saved(model, tmp_path):
    """Questions, answers, calls and their results; only how it came is not known."""
    chat = Chat(model, tools=[get_weather])
    chat("What is the weather in Paris?", view="none")
    chat("hello", view="none")
    loaded = Chat.load(chat.save(tmp_path / "chat.json"))

    assert loaded.to_markdown() == chat.to_markdown()
    assert "It rains in Paris." in loaded.to_markdown()


# -- what is saved --------------------------------------------------------------------


def test_headless_there_is_one_static_display(outputs, monkeypatch):
    """The conversation so far, twice the same, and nothing of a widget."""
    monkeypatch.setenv("NBSTREAM_VIEW", "static")
    chat = Chat("openai-chat:gpt-5")
    chat.panel()._ipython_display_()
    chat("hello", view="none")
    chat.panel()._ipython_display_()
    chat.panel()._ipython_display_()
    empty, full, again = (each["data"] for each in outputs)

    assert set(full) == STATIC
    assert full == again
    assert "nothing has been said yet" in empty["text/plain"]
    assert full["text/plain"].startswith("You: hello\n\n")


def test_beside_the_widget_stands_the_conversation(seen, outputs):
    """Where no widgets are, a line says so, and the end of each turn is shown."""
    seen.asked(text="hello")
    before, after = outputs

    assert set(before["data"]) == {WIDGET, *STATIC}
    assert "needs a notebook that shows widgets" in before["data"]["text/plain"]
    assert after["transient"] == before["transient"]
    assert "You: hello" in after["data"]["text/plain"]


def test_a_page_that_keeps_the_file_clean_is_left_in_peace(seen, outputs):
    """An update would draw the widget anew under the reader's hands."""
    seen.hear({"kind": "keeps"})
    seen.asked(text="hello")

    assert len(outputs) == 1


def test_without_anywidget_there_is_the_conversation(outputs, live, monkeypatch):
    """And a line that says what the panel needs."""
    monkeypatch.setitem(sys.modules, "nbstream.chat.panel_widget", None)
    Chat("openai-chat:gpt-5").panel()._ipython_display_()
    (output,) = outputs

    assert set(output["data"]) == STATIC
    assert "needs a notebook that shows widgets" in output["data"]["text/plain"]


def test_a_terminal_gets_text(capsys, monkeypatch):
    """What could drive the terminal is made visible."""
    monkeypatch.setenv("NBSTREAM_VIEW", "terminal")
    chat = Chat("openai-chat:gpt-5")
    chat("hello \x1b[2J", view="none")
    chat.panel()._ipython_display_()
    said = capsys.readouterr().out

    assert "You: hello" in said
    assert "\x1b" not in said


def test_markdown_is_safe_and_a_fence_ends_with_its_question():
    """Raw HTML, images and unsafe links of either side do nothing in a cell."""
    chat = Chat("openai-chat:gpt-5")
    chat("<img src=x> <script>\n![](http://example.com/x)\n```js", view="none")
    chat("second", view="none")
    markdown = chat.to_markdown()

    assert chat.panel().to_markdown() == markdown
    assert "> x &lt;script>\n> [" in markdown
    assert "> ```js\n\n" in markdown
    assert markdown.count("> **You**") == 2


# -- what is taken from a page --------------------------------------------------------

NOT_OURS = {
    "no dict": "ask",
    "no kind": {"text": "x"},
    "another kind": {"kind": "eval", "text": "x"},
    "a kind that is no text": {"kind": ["ask"], "id": "1", "text": "x"},
    "no id": {"kind": "ask", "text": "x"},
    "a text that is none": {"kind": "ask", "id": "1", "text": {"a": 1}},
    "too long": {"kind": "ask", "id": "1", "text": "x" * (LONGEST + 1)},
    "an id without end": {"kind": "ask", "id": "1" * 65, "text": "x"},
    "a turn that is none": {"turn": 3, "of": {"kind": "stop"}},
    "a view's other words": {"turn": "t1", "of": {"kind": "seen"}},
}


@pytest.mark.parametrize("content", NOT_OURS.values(), ids=NOT_OURS)
def test_nothing_else_is_taken(content):
    """Types, sizes and kinds are looked at before anything is done."""
    assert checked(content) is None


def test_half_a_character_is_replaced():
    """A page may cut a text in the middle of an emoji; no message could hold it."""
    asked = checked({"kind": "ask", "id": "\ud83d", "text": "a\ude00b"})

    assert asked == {"kind": "ask", "id": "\ufffd", "text": "a\ufffdb"}


def test_what_is_taken_holds_what_it_must_and_no_more():
    """All kinds that there are, and what else a message holds is left out."""
    asked = {"kind": "ask", "id": "1", "text": "x", "model": "other", "allow": 1}

    assert checked(asked) == {"kind": "ask", "id": "1", "text": "x"}
    of_turns = {"ask", "edit", "retry", "stop", "consent", "resync"}
    assert set(KINDS) == {*of_turns, "keeps", "here"}


def test_an_empty_question_is_refused(seen):
    """The page sends none; another does."""
    seen.say("ask", text="")
    told = seen.wait("asked")

    assert "there is no question" in told["why"]


def test_the_script_is_one_module(seen):
    """The live view's own code is in it, and it has one export."""
    code = seen.panel._page.model._esm

    assert code.count("export default") == 1
    assert code.rstrip().endswith("export default chatPanel;")


# -- the conversation itself ----------------------------------------------------------


def test_a_turn_that_could_not_begin_leaves_the_chat_usable():
    """A wrong argument is an error, and not a question that is answered for ever."""
    chat = Chat("openai-chat:gpt-5")
    with pytest.raises(NbstreamError):
        chat("hello", view="nonsense")
    with pytest.raises(NbstreamError):
        chat.start("hello", timeout=-1)
    reply = chat("hello", view="none")

    assert reply.outcome == "complete"
    assert len(chat.messages) == 2


def test_a_retry_with_nothing_in_it_takes_nothing_back():
    """The history stays as it was."""
    chat = Chat("openai-chat:gpt-5")
    chat("hello", view="none")
    with pytest.raises(UsageError, match="there is no question"):
        chat.retry("", view="none")

    assert len(chat.messages) == 2


def test_a_retry_in_other_words_keeps_the_images(tmp_path):
    """What was sent along is sent again."""
    image = tmp_path / "dot.png"
    image.write_bytes(b"\x89PNG\r\n\x1a\n")
    chat = Chat("openai-chat:gpt-5")
    chat("What is this?", images=[image], view="none")
    chat.retry("And this?", view="none")

    assert "And this?" in str(chat.messages[0])
    assert "image" in str(chat.messages[0])


def test_a_failure_in_a_cell_is_raised_as_ever(seen):
    """The panel beside it changes nothing of that."""
    offline.fault("500")
    with pytest.raises(ProviderFailure):
        seen.chat("hello", view="none")
    offline.clear_faults()

    assert "Failed." in seen.shown()[0][1]


def test_a_page_that_is_new_finds_everything_and_asks_not_all_the_time(seen):
    """The state holds the model's own name, from the first message on."""
    states = [data["state"] for kind, data in Line.sent if kind == "comm_open"]
    (opened,) = [state for state in states if "snapshot" in state]
    seen.hear({"kind": "resync", "turn": ""})
    seen.wait("whole")
    seen.hear({"kind": "resync", "turn": ""})

    assert opened["snapshot"]["model_id"] == seen.panel._page.model.model_id
    assert len(seen.messages("whole")) == 1
