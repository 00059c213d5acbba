"""Conversations: each question goes with all that was said; histories are valid."""

from __future__ import annotations

import json
import threading
import warnings

import pytest

import nbstream
from nbstream import Chat, UsageError
from nbstream.chat.forms import read_messages, write_messages
from nbstream.errors import ProviderFailure
from nbstream.requests import provider

MODELS = ("openai:m", "openai-chat:m", "anthropic:m", "google:m")
MEMORY = "What did I ask? [scenario: memory]"
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6360f8cf000000030001005f0a2db40000000049454e44ae426082"
)


def get_weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"18 degrees in {city}"


@pytest.fixture(autouse=True)
def offline(nbstream_offline):
    """Every question is answered by the server on this machine."""
    yield nbstream_offline
    nbstream.offline.clear_faults()


@pytest.mark.parametrize("model", MODELS)
def test_it_knows_what_was_said(model):
    """The second answer names the first question; the history is the provider's own."""
    chat = Chat(model, system="Be brief.")
    chat("Why is the sky blue?", view="none")
    reply = chat(MEMORY, view="none")

    assert '"Why is the sky blue?"' in reply.text
    assert chat.reply is reply
    assert len(chat.messages) == 4
    assert repr(chat) == f"Chat({model!r}, 4 messages)"


@pytest.mark.parametrize("model", MODELS)
def test_with_tools_all_rounds_are_in_the_history(model, offline):
    """And the server, which refuses an invalid one, takes it."""
    chat = Chat(model, tools=[get_weather])
    chat("compare two cities", view="none")
    reply = chat(MEMORY, view="none")

    assert reply.outcome == "complete"
    assert offline.log[-1].status == 200
    calls = [
        call
        for said in read_messages(provider_of(model).api, chat.messages)
        for call in said.calls
    ]
    assert [call.name for call in calls] == ["get_weather", "get_weather"]


def provider_of(model):
    return provider(model.partition(":")[0])


def test_the_history_can_be_changed():
    """The list is the one that is sent."""
    chat = Chat("anthropic:m")
    chat.messages.append({"role": "user", "content": "I am Ada."})
    chat.messages.append({"role": "assistant", "content": "Hello."})
    chat.messages += [{"role": "user", "content": "I am Bob, too."}]
    reply = chat(MEMORY, view="none")
    chat.messages = chat.messages[:1]

    assert '"I am Ada."; "I am Bob, too."' in reply.text
    assert chat.messages == [{"role": "user", "content": "I am Ada."}]


# -- turns that do not end well --------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_a_cut_turn_keeps_what_came(model):
    """Marked as broken off; the next turn works."""
    chat = Chat(model)
    nbstream.offline.fault("cut", after=5)
    with pytest.raises(ProviderFailure):
        chat("Why is the sky blue?", view="none")
    nbstream.offline.clear_faults()
    said = read_messages(provider_of(model).api, chat.messages)

    assert [each.who for each in said] == ["user", "model"]
    assert said[1].text.endswith("[The answer broke off here.]")
    assert '"Why is the sky blue?"' in chat(MEMORY, view="none").text


@pytest.mark.parametrize("model", MODELS)
def test_a_question_that_nothing_came_of_is_taken_back(model):
    """It can be asked again as if nothing had been."""
    chat = Chat(model)
    nbstream.offline.fault("400")
    with pytest.raises(ProviderFailure):
        chat("Why is the sky blue?", view="none")
    nbstream.offline.clear_faults()

    assert chat.messages == []
    assert '"Why is the sky blue?"' in chat.retry(view="none").text


@pytest.mark.parametrize("model", MODELS)
def test_stopped_while_a_tool_runs(model, offline):
    """The call gets a result that says so, and the next turn works."""
    runs, leave = threading.Event(), threading.Event()

    def slow(city: str) -> str:
        """Take long."""
        runs.set()
        leave.wait(20)
        return city

    chat = Chat(model, tools=[slow])
    live = chat.start("the weather in Paris", view="none")
    assert runs.wait(20)
    with pytest.raises(UsageError, match="still being answered"):
        chat("And in Rome?", view="none")
    live.stop()
    assert live.result(20).outcome == "stopped"
    leave.set()
    *_, result = read_messages(provider_of(model).api, chat.messages)

    assert (result.who, "was stopped" in result.text) == ("tool", True)
    assert chat(MEMORY, view="none").outcome == "complete"
    assert offline.log[-1].status == 200


def test_a_history_in_which_a_question_runs():
    """The question is in it, the answer not yet."""
    leave = threading.Event()

    def slow(city: str) -> str:
        """Take long."""
        leave.wait(20)
        return city

    chat = Chat("anthropic:m", tools=[slow])
    live = chat.start("the weather in Paris", view="none")

    assert chat.messages == [{"role": "user", "content": "the weather in Paris"}]
    leave.set()
    live.result(20)
    assert len(chat.messages) == 4


# -- again -----------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_the_last_question_can_be_asked_again(model):
    """The answer before, with its calls, is taken out first."""
    chat = Chat(model, tools=[get_weather])
    chat("Why is the sky blue?", view="none")
    first = chat("compare two cities", view="none").text
    longer = len(chat.messages)

    assert chat.retry(view="none").text == first
    assert len(chat.messages) == longer
    assert "Why is grass" in chat.retry("Why is grass green?", view="none").text
    said = read_messages(provider_of(model).api, chat.messages)
    asked = [each.text for each in said if each.who == "user"]
    assert asked == ["Why is the sky blue?", "Why is grass green?"]


def test_there_may_be_nothing_to_ask_again():
    """The message says so."""
    with pytest.raises(UsageError, match="no question yet"):
        Chat("openai:m").retry()


# -- saved and loaded ------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_what_is_saved_is_what_is_loaded(model, tmp_path):
    """All but the key and the functions."""
    chat = Chat(model, system="Be brief.", max_tokens=99, tools=[get_weather], seed=3)
    chat("compare two cities", view="none")
    path = chat.save(tmp_path / "talk.json")
    again = Chat.load(path, tools=[get_weather])

    assert again.messages == chat.messages
    for name in ("model", "system", "max_tokens", "max_rounds", "options"):
        assert getattr(again, name) == getattr(chat, name)


def test_no_key_is_saved(tmp_path):
    """Neither as an argument, nor as an option, at any depth."""
    headers = {"Authorization": "Bearer abcdefgh12345678", "X-Trace": "1"}
    chat = Chat("openai:m", api_key="sk-abcdefgh12345678", extra_headers=headers)
    path = chat.save(tmp_path / "talk.json")

    assert "abcdefgh" not in path.read_text()
    assert Chat.load(path).options == {"extra_headers": {"X-Trace": "1"}}


BAD = {
    "no JSON": ("{", "is no JSON"),
    "a list": ("[]", "holds no conversation"),
    "another file": ('{"messages": []}', "holds no conversation"),
    "of tomorrow": ('{"nbstream.chat": 99, "model": "a:b", "messages": []}', "form 1"),
    "no messages": ('{"nbstream.chat": 1, "model": "openai:b"}', "holds no"),
}


@pytest.mark.parametrize("case", BAD, ids=BAD)
def test_a_file_that_is_none_of_ours(case, tmp_path):
    """The message names the file and what was expected."""
    text, said = BAD[case]
    path = tmp_path / "talk.json"
    path.write_text(text)

    with pytest.raises(UsageError, match=said):
        Chat.load(path)


def test_no_such_file(tmp_path):
    """Loading and saving say which."""
    with pytest.raises(UsageError, match="cannot be read"):
        Chat.load(tmp_path / "none.json")
    with pytest.raises(UsageError, match="cannot be written"):
        Chat("openai:m").save(tmp_path / "none" / "talk.json")


UNSAVED = {
    "no JSON": (object(), "JSON cannot say"),
    "a key": ({"role": "user", "content": "sk-abcdefgh12345678"}, "looks like a key"),
}


@pytest.mark.parametrize("case", UNSAVED, ids=UNSAVED)
def test_what_cannot_be_saved(case, tmp_path):
    """The file that was there stays."""
    message, said = UNSAVED[case]
    path = tmp_path / "talk.json"
    Chat("openai:m").save(path)
    before = path.read_bytes()

    with pytest.raises(UsageError, match=said):
        Chat("openai:m", messages=[message]).save(path)
    assert path.read_bytes() == before
    assert [*tmp_path.iterdir()] == [path]


# -- with another provider -------------------------------------------------------------


@pytest.mark.parametrize("to", MODELS)
@pytest.mark.parametrize("model", MODELS)
def test_another_provider_goes_on(model, to, offline):
    """With text, calls and results; the server takes the history."""
    chat = Chat(model, system="Be brief.", tools=[get_weather])
    chat("compare two cities", view="none")
    other = chat.to(to)
    reply = other(MEMORY, view="none")

    assert '"compare two cities"' in reply.text
    assert (other.system, other.lost, offline.log[-1].status) == ("Be brief.", (), 200)
    assert len(chat.messages) < len(other.messages)


@pytest.mark.parametrize("to", MODELS)
@pytest.mark.parametrize("model", MODELS)
def test_images_and_files_go_along(model, to, tmp_path):
    """Their bytes are the same."""
    image, notes = tmp_path / "dot.png", tmp_path / "notes.pdf"
    image.write_bytes(PIXEL)
    notes.write_bytes(b"%PDF-1.4 and so on")
    chat = Chat(model)
    chat("What is this?", images=[image], files=[str(notes)], view="none")
    other = chat.to(to)
    said = read_messages(provider_of(to).api, other.messages)[0]

    assert [each.data for each in said.images] == [PIXEL]
    assert [each.data for each in said.files] == [b"%PDF-1.4 and so on"]
    assert said.text == "What is this?"


LOST = {
    "anthropic:m": (
        [
            {"role": "user", "content": "Hm?"},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "Hm", "signature": "x"},
                    {"type": "text", "text": "So.", "citations": [{}]},
                    {"type": "server_tool_use", "id": "s", "name": "web_search"},
                ],
            },
        ],
        ("reasoning", "citations", "server_tool_use"),
    ),
    "openai:m": (
        [
            {
                "role": "user",
                "content": [{"type": "input_image", "image_url": "http://x"}],
            },
            {"type": "reasoning", "id": "r", "summary": []},
            {"type": "reasoning", "id": "s", "summary": []},
            {"role": "assistant", "content": "So."},
        ],
        ("a file at an address (http://x)", "reasoning (2 times)"),
    ),
    "openai-chat:m": (
        [
            {"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]},
            {"role": "assistant", "content": "So.", "reasoning_details": [{}]},
        ],
        ("input_audio", "reasoning"),
    ),
    "google:m": (
        [
            {"role": "user", "parts": [{"fileData": {"fileUri": "gs://x"}}]},
            {
                "role": "model",
                "parts": [{"text": "Hm", "thought": True}, {"text": "So."}],
            },
        ],
        ("fileData", "reasoning"),
    ),
}


@pytest.mark.parametrize("model", LOST)
def test_what_only_one_provider_can_read_is_named(model):
    """In ``lost``, and in a warning; the rest goes on."""
    messages, lost = LOST[model]
    to = "google:m" if model != "google:m" else "anthropic:m"
    with pytest.warns(UserWarning, match="cannot be told all of it; left out: "):
        other = Chat(model, messages=messages).to(to)

    assert other.lost == lost
    assert read_messages(provider_of(to).api, other.messages)[-1].text == "So."


def test_what_the_system_says_in_between_becomes_the_system_text():
    """Anthropic and Gemini know no such message."""
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hm?"},
        {"role": "assistant", "content": "So."},
    ]
    other = Chat("openai-chat:m", system="Be kind.", messages=messages).to("google:m")

    assert other.system == "Be kind.\n\nBe brief."
    assert len(other.messages) == 2


def test_the_same_provider_keeps_everything():
    """Only the model is another; the messages are a list of their own."""
    chat = Chat(
        "openai:m", reasoning_effort="low", api_key="k", base_url="http://x", seed=3
    )
    chat.messages.append({"role": "user", "content": "Hm?"})
    other = chat.to("openai:n", max_tokens=5)

    assert (other.options, other.base_url) == ({"seed": 3}, "http://x")
    assert (other.reasoning_effort, other.max_tokens) == ("low", 5)
    assert other.messages == chat.messages
    assert other.messages is not chat.messages


def test_the_model_may_become_another_of_the_same_provider():
    """Another provider's needs other messages, and the message says what to do."""
    chat = Chat("openai:m")
    chat.model = "openai:n"
    with pytest.raises(UsageError, match=r"use chat\.to\('google:m'\)"):
        chat.model = "google:m"

    assert chat.model == "openai:n"


def test_another_provider_is_told_no_key_and_no_address():
    """They are another's."""
    other = Chat("openai:m", api_key="k", base_url="http://x", seed=3).to("google:m")

    assert (other._api_key, other.base_url, other.options) == (None, None, {})


def test_calls_without_ids_get_some():
    """Gemini needs none, the others do; results find theirs by name and turn."""
    call = {"functionCall": {"name": "f", "args": {"a": 1}}}
    response = {"functionResponse": {"name": "f", "response": {"result": "one"}}}
    failed = {"functionResponse": {"name": "f", "response": {"error": "two"}}}
    messages = [
        {"role": "user", "parts": [{"text": "Hm?"}]},
        {"role": "model", "parts": [call, call]},
        {"role": "user", "parts": [response, failed]},
    ]
    found = write_messages(
        read_messages("google.generate_content", messages), provider("anthropic")
    )

    assert [block["id"] for block in found[1]["content"]] == ["call_0", "call_1"]
    results = [message["content"][0] for message in found[2:]]
    assert [each["tool_use_id"] for each in results] == ["call_0", "call_1"]
    assert [each.get("is_error", False) for each in results] == [False, True]


def test_a_message_that_is_none():
    """The message says which, and what was expected."""
    with pytest.raises(UsageError, match="message 0 is 'hello': expected a dict"):
        Chat("openai:m", messages=["hello"]).to("google:m")


def test_an_api_that_cannot_be_read():
    """Its name, and those that can."""
    with pytest.raises(UsageError, match=r"conversations of 'x\.y' cannot be read"):
        read_messages("x.y", [])


def test_a_damaged_image_is_lost_and_said():
    """And breaks nothing."""
    source = {"type": "base64", "media_type": "image/png", "data": "no base64!"}
    message = {"role": "user", "content": [{"type": "image", "source": source}]}

    assert read_messages("anthropic.messages", [message])[0].lost == [
        "a damaged image/png"
    ]


def test_results_of_every_form_are_text():
    """What a tool gave as JSON goes on as JSON."""
    content = [{"type": "text", "text": "18"}, {"type": "text", "text": " degrees"}]
    result = {"type": "tool_result", "tool_use_id": "c", "content": content}
    said = read_messages("anthropic.messages", [{"role": "user", "content": [result]}])
    response = {"functionResponse": {"name": "f", "response": {"result": {"a": [1]}}}}
    other = read_messages(
        "google.generate_content", [{"role": "user", "parts": [response]}]
    )

    assert (said[0].text, json.loads(other[0].text)) == ("18 degrees", {"a": [1]})


def test_no_warning_where_nothing_is_lost():
    """A warning is for what is left out."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Chat("openai:m", messages=[{"role": "user", "content": "Hm?"}]).to("google:m")
