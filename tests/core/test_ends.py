"""When an answer is whole, and when it is not: by the API's own words, at any cut."""

import itertools
import json

import anthropic
import httpx2
import openai
import pytest
from google import genai
from hypothesis import given, settings
from hypothesis import strategies as st

from nbstream._reader import Reader
from nbstream.errors import UsageError, failure_of
from nbstream.providers import openai_chat
from nbstream.reply import Reply
from nbstream.requests import provider
from nbstream.requests.request import CUT, as_messages
from nbstream.types import Failure


def chunk(*choices, **more):
    return {
        "id": "c1",
        "object": "chat.completion.chunk",
        "model": "m",
        "choices": list(choices),
        **more,
    }


def says(finish_reason=None, index=0, **delta):
    return {"index": index, "delta": delta, "finish_reason": finish_reason}


def calls(index, id_, arguments="{}"):
    function = {"name": "now", "arguments": arguments}
    return [{"index": index, "id": id_, "type": "function", "function": function}]


def part(finish=None, **part):
    ended = {} if finish is None else {"finishReason": finish}
    content = {"role": "model", "parts": [part] if part else []}
    return {"candidates": [{"index": 0, "content": content, **ended}]}


def message(kind, **more):
    return {"type": kind, **more}


def written(index, text):
    """A block of Anthropic's that has its text from the beginning."""
    block = {"type": "text", "text": text}
    return message("content_block_start", index=index, content_block=block)


def response(kind, **more):
    return {"type": f"response.{kind}", **more}


COUNTS = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
DONE = "[DONE]"
CODE = {"executableCode": {"language": "PYTHON", "code": "1 + 1"}}
RESULT = {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "2"}}
OPENED = {
    "type": "message_start",
    "message": {"id": "m1", "model": "m", "usage": {"input_tokens": 1}},
}
#: what it shows: (api, events, after how many of them it is whole and not before)
WHOLE = {
    "a finish": (
        "openai.chat",
        [chunk(says(role="assistant")), chunk(says(content="Hi")), chunk(says("stop"))],
        {3},
    ),
    "what says nothing takes no end back": (
        "openai.chat",
        [
            chunk(says(content="Hi")),
            chunk(says("stop")),
            chunk(says(content="")),
            chunk(says(role="assistant", content=None, reasoning_content="")),
            chunk(says(annotations=[{"type": "url_citation"}])),
            chunk(says(content=""), usage=COUNTS),
            chunk(usage=COUNTS),
            DONE,
        ],
        {2, 3, 4, 5, 6, 7, 8},
    ),
    "no finish: the counts by themselves": (
        "openai.chat",
        [chunk(says(tool_calls=calls(0, "t1"))), chunk(usage=COUNTS), DONE],
        {2, 3},
    ),
    "no finish: sound, until it is said how long it is kept": (
        "openai.chat",
        [
            chunk(says(role="assistant", audio={"id": "a1", "transcript": "Par"})),
            chunk(says(audio={"id": "a1", "data": "AAAA"})),
            chunk(says(audio={"id": "a1", "transcript": "is."})),
            chunk(says(audio={"id": "a1", "expires_at": 1})),
            chunk(usage=COUNTS),
        ],
        {4, 5},
    ),
    "no finish: counts and [DONE] (Novita, LiteLLM)": (
        "openai.chat",
        [
            chunk(says(content="Hi")),
            chunk(says(content=""), usage=COUNTS),
            DONE,
        ],
        {3},
    ),
    "no finish: [DONE] alone": (
        "openai.chat",
        [chunk(says(content="Hi")), DONE],
        set(),
    ),
    "counts with the first words, and a cut that a gateway closes": (
        "openai.chat",
        [
            chunk(says(content="Hi"), usage=COUNTS),
            chunk(says(content=" there")),
            DONE,
        ],
        set(),
    ),
    "counts with every chunk (Databricks, Perplexity, Kimi)": (
        "openai.chat",
        [
            chunk(says(content="Hi"), usage=COUNTS),
            chunk(says(content=" there"), usage=COUNTS),
            chunk(says("stop", content=""), usage=COUNTS),
        ],
        {3},
    ),
    "[DONE] and nothing else": ("openai.chat", [DONE], set()),
    "counts and nothing else": ("openai.chat", [chunk(usage=COUNTS), DONE], set()),
    "it finishes with the last thought (Baseten)": (
        "openai.chat",
        [
            chunk(says(reasoning_content="Say it.")),
            chunk(says("stop", reasoning_content="")),
            chunk(says(content="Hello")),
            chunk(says(content=" you")),
            chunk(usage=COUNTS),
            DONE,
        ],
        {2, 5, 6},
    ),
    "it finishes with the first of two calls (Together)": (
        "openai.chat",
        [
            chunk(says("tool_calls", tool_calls=calls(0, "t1"))),
            chunk(says(tool_calls=calls(1, "t2", '{"a'))),
            chunk(says(tool_calls=[{"index": 1, "function": {"arguments": '":1}'}}])),
            chunk(says("tool_calls")),
        ],
        {1, 4},
    ),
    "each of two choices ends for itself": (
        "openai.chat",
        [
            chunk(says(content="a", index=0), says(content="b", index=1)),
            chunk(says("stop", index=1)),
            chunk(says("stop", index=0)),
            chunk(says(content="c", index=1)),
            chunk(says("length", index=1)),
        ],
        {3, 5},
    ),
    "the second choice has no finish (LiteLLM)": (
        "openai.chat",
        [
            chunk(says(content="a", index=0), says(content="b", index=1)),
            chunk(says("stop", index=0)),
            chunk(says(content="", index=1), usage=COUNTS),
            DONE,
        ],
        {4},
    ),
    "code is run after a finish (Gemini)": (
        "google.generate_content",
        [
            part("STOP", **CODE),
            part(**RESULT),
            part(text="It is 2."),
            part("STOP", text=""),
            {"usageMetadata": {"totalTokenCount": 3}, "modelVersion": "m"},
        ],
        {1, 4, 5},
    ),
    "a proof after the finish (Gemini)": (
        "google.generate_content",
        [part("STOP", text="Hi"), part(text="", thoughtSignature="c2ln")],
        {1, 2},
    ),
    "Anthropic, and a second message in one stream": (
        "anthropic.messages",
        [
            OPENED,
            written(0, "Par"),
            message("content_block_stop", index=0),
            message("message_delta", delta={"stop_reason": "end_turn"}),
            message("message_stop"),
            message("ping"),
            OPENED,
            written(1, "Paris."),
            message("message_stop"),
        ],
        {5, 6, 7, 9},
    ),
    "Responses": (
        "openai.responses",
        [
            response("created", response={"id": "r1", "model": "m"}),
            response("output_text.delta", output_index=0, delta="Hi"),
            response("output_text.done", output_index=0, text="Hi"),
            response("completed", response={"id": "r1", "status": "completed"}),
        ],
        {4},
    ),
    "Anthropic, and more behind the end": (
        "anthropic.messages",
        [
            OPENED,
            written(0, "Par"),
            message("message_stop"),
            message(
                "content_block_delta",
                index=0,
                delta={"type": "text_delta", "text": "is."},
            ),
        ],
        {3},
    ),
    "Responses, and more behind the end": (
        "openai.responses",
        [
            response("output_text.delta", output_index=0, delta="Par"),
            response("completed", response={"id": "r1", "status": "completed"}),
            response("output_text.done", output_index=0, text="Par"),
            response("output_text.delta", output_index=0, delta="is."),
        ],
        {2, 3},
    ),
    "Interactions": (
        "google.interactions",
        [
            {"event_type": "step.start", "index": 0, "step": {"type": "model_output"}},
            {
                "event_type": "step.delta",
                "index": 0,
                "delta": {"type": "text", "text": "Hi"},
            },
            {
                "event_type": "interaction.completed",
                "interaction": {"status": "completed"},
            },
        ],
        {3},
    ),
}


def sse(*events):
    said = [each if isinstance(each, str) else json.dumps(each) for each in events]
    return "".join(f"data: {each}\n\n" for each in said).encode()


def cut_off(api, wire, **how):
    """The reply of bytes after which nothing came, for some reason."""
    reply = Reply(api)
    Reader(reply).push(wire)
    reply._end(**how)
    return reply


CUTS = {
    "the stream ended": ({}, "truncated"),
    "stopped": ({"stopped": True}, "stopped"),
    "the connection was lost": ({"exception": ConnectionError("lost")}, "failed"),
}


@pytest.mark.parametrize(("how", "otherwise"), CUTS.values(), ids=CUTS)
@pytest.mark.parametrize(("api", "events", "whole"), WHOLE.values(), ids=WHOLE)
def test_it_is_complete_after_its_last_end_only(api, events, whole, how, otherwise):
    """Cut after any event, it is complete where the API has said so last, or not."""
    found = {
        count: cut_off(api, sse(*events[:count]), **how).outcome
        for count in range(len(events) + 1)
    }

    assert found == {
        count: "complete" if count in whole else otherwise for count in found
    }


@pytest.mark.parametrize(("api", "events", "whole"), WHOLE.values(), ids=WHOLE)
def test_byte_by_byte_it_ends_the_same(api, events, whole):
    """However it arrives."""
    wire = sse(*events)
    reply = Reply(api)
    reader = Reader(reply)
    for at in range(len(wire)):
        reader.push(wire[at : at + 1])
    reply._end()
    expected = Reply.from_sse(wire, api)

    assert (reply.outcome, reply.text) == (expected.outcome, expected.text)
    assert reply.finish_reason == expected.finish_reason
    assert (reply.outcome == "complete") == (len(events) in whole)


def test_a_finish_that_was_taken_back_says_nothing():
    """Why it stopped is not known of an answer that went on."""
    _, events, _ = WHOLE["it finishes with the last thought (Baseten)"]
    half = cut_off("openai.chat", sse(*events[:3]))
    whole = cut_off("openai.chat", sse(*events))

    assert (half.finish_reason, half.raw_finish_reason) == (None, None)
    assert (whole.finish_reason, whole.raw_finish_reason) == ("stop", "stop")


def test_a_call_that_nobody_finishes_is_whole_by_the_counts():
    """It can be run, and goes back, though nobody says why the answer ended."""
    api, events, _ = WHOLE["no finish: the counts by themselves"]
    reply = Reply.from_sse(sse(*events), api)

    assert [call.state for call in reply.tool_calls] == ["valid"]
    assert (reply.finish_reason, reply.raw_finish_reason) == (None, None)
    assert [each["id"] for each in reply.to_message()["tool_calls"]] == ["t1"]


# -- what a word for the end says ------------------------------------------------------

#: a finish reason of some server -> ours
WORDS = {
    "stop": (
        "STOP eos eos_token end_turn stop_sequence STOP_SEQUENCE COMPLETE done normal "
        "stop_token eos_found endoftext end_of_text stop_str FinishReason.STOP finished"
    ),
    "length": (
        "length MAX_TOKENS max_tokens max_output_tokens model_length token_limit "
        "time_limit model_context_window_exceeded maxPredictedTokensReached "
        "ERROR_LIMIT contextLengthReached REASON_MAX_LEN budget_exceeded "
        "max_new_tokens truncated a_limit_of_next_year"
    ),
    "tool_calls": "tool_calls TOOL_CALL function_call tool_use toolCalls toolUse",
    "content_filter": (
        "content_filter content_filtered SAFETY sensitive refusal ERROR_TOXIC "
        "guardrail_intervened RECITATION PROHIBITED_CONTENT"
    ),
    "error": (
        "error ERROR insufficient_system_resource network_error abort cancelled "
        "timeout MALFORMED_FUNCTION_CALL UNEXPECTED_TOOL_CALL malformed_tool_use "
        "failed rate_limit_exceeded"
    ),
    "other": "elephant finish_reason_unspecified",
}


@pytest.mark.parametrize(
    ("word", "ours"),
    [(word, ours) for ours, words in WORDS.items() for word in words.split()],
)
def test_a_word_for_the_end(word, ours):
    """All are read alike, in small letters and large; unknown limits are limits."""
    reply = Reply.from_sse(sse(chunk(says(word, content="Half"))), "openai.chat")

    assert (reply.finish_reason, reply.raw_finish_reason) == (ours, word)
    assert reply.outcome == ("failed" if ours == "error" else "complete")


#: api -> an end of a word that no table has: (the events, our word)
UNKNOWN = {
    "anthropic.messages": [
        message("message_delta", delta={"stop_reason": "new_token_limit"}),
        message("message_stop"),
    ],
    "google.generate_content": [part("NEW_TOKEN_LIMIT")],
    "openai.responses": [
        response(
            "incomplete",
            response={
                "status": "incomplete",
                "incomplete_details": {"reason": "new_token_limit"},
            },
        )
    ],
    "google.interactions": [
        {
            "event_type": "interaction.completed",
            "interaction": {"status": "token_limit"},
        }
    ],
}


@pytest.mark.parametrize(("api", "events"), UNKNOWN.items(), ids=UNKNOWN)
def test_an_unknown_limit_is_told_as_a_cut(api, events):
    """Whatever the API."""
    assert Reply.from_sse(sse(*events), api).finish_reason == "length"


def test_a_call_cut_by_the_model_s_own_limit_is_unfinished():
    """OpenRouter says `tool_calls` of it, and the model's word beside."""
    end = {**says("tool_calls"), "native_finish_reason": "max_output_tokens"}
    wire = sse(chunk(says(tool_calls=calls(0, "t1", '{"a": "b'))), chunk(end))
    reply = Reply.from_sse(wire, "openai.chat")

    assert reply.finish_reason == "length"
    assert [call.state for call in reply.tool_calls] == ["unfinished"]


# -- a provider that failed ------------------------------------------------------------

#: what it shows: (api, the end, the error)
FAILED = {
    "Gemini": (
        "google.generate_content",
        {
            "candidates": [
                {
                    "finishReason": "MALFORMED_FUNCTION_CALL",
                    "finishMessage": "Malformed function call: print(now(",
                }
            ]
        },
        Failure(
            type="MALFORMED_FUNCTION_CALL",
            message="Malformed function call: print(now(",
        ),
    ),
    "DeepSeek": (
        "openai.chat",
        chunk(says("insufficient_system_resource")),
        Failure(type="insufficient_system_resource", message=""),
    ),
    "in a choice that goes on": (
        "openai.chat",
        chunk({**says(content="a"), "error": {"code": 429, "message": "Slow down"}}),
        Failure(type="429", message="Slow down"),
    ),
    "a bare word": (
        "openai.chat",
        chunk(says("error")),
        Failure(type="error", message=""),
    ),
    "OpenRouter": (
        "openai.chat",
        chunk({**says("error"), "error": {"code": 502, "message": "Upstream"}}),
        Failure(type="502", message="Upstream"),
    ),
    "Interactions": (
        "google.interactions",
        {
            "event_type": "interaction.completed",
            "interaction": {
                "status": "failed",
                "error": {"code": "internal", "message": "Boom"},
            },
        },
        Failure(type="internal", message="Boom"),
    ),
}


@pytest.mark.parametrize(("api", "end", "error"), FAILED.values(), ids=FAILED)
def test_a_failure_in_a_finish_reason_is_a_failure(api, end, error):
    """Its words are kept, and the same request may be sent again."""
    reply = Reply.from_sse(sse(end), api)

    assert (reply.outcome, reply.error) == ("failed", error)
    assert failure_of(reply).retryable


#: what it shows: (a chunk, the error)
UNUSUAL = {
    "vLLM": (
        {"object": "error", "message": "Boom", "type": "InternalServerError"},
        Failure(type="InternalServerError", message="Boom"),
    ),
    "FastAPI": (
        {"detail": "Internal Server Error"},
        Failure(type="error", message="Internal Server Error"),
    ),
    "SiliconFlow": (
        {"code": 50505, "message": "Overloaded.", "data": None},
        Failure(type="50505", message="Overloaded."),
    ),
    "MiniMax": (
        {"id": "c1", "base_resp": {"status_code": 1002, "status_msg": "Too fast."}},
        Failure(type="1002", message="Too fast."),
    ),
    "Baidu": (
        {"id": "c1", "error_code": 336100, "error_msg": "Try again"},
        Failure(type="336100", message="Try again"),
    ),
    "one error in another": (
        {"error": {"error": {"type": "overloaded", "detail": "Later."}}},
        Failure(type="overloaded", message="Later."),
    ),
    "words deep inside": (
        {"error": {"code": 500, "message": {"detail": [{"msg": "Boom"}]}}},
        Failure(type="500", message="Boom"),
    ),
    "Cloudflare": (
        {"success": False, "errors": [{"code": 7003, "message": "No route."}]},
        Failure(type="error", message="No route."),
    ),
    "a gateway's words": (
        {"message": "Internal server error"},
        Failure(type="error", message="Internal server error"),
    ),
    "Bedrock": (
        {"type": "throttlingException", "message": "Too many tokens"},
        Failure(type="throttlingException", message="Too many tokens"),
    ),
    "no words": ({"success": True, "errors": [], "error_code": 7}, None),
    "the code of what is well": ({"code": 200, "message": "OK", "choices": []}, None),
}


@pytest.mark.parametrize(("chunk_", "error"), UNUSUAL.values(), ids=UNUSUAL)
def test_an_error_of_an_unusual_form_is_a_failure(chunk_, error):
    """Its words are told, and what came before it is kept."""
    data = sse(chunk(says(content="Hel")), chunk_)
    reply = Reply.from_sse(data, "openai.chat")

    assert (reply.text, reply.error) == ("Hel", error)
    assert reply.outcome == ("truncated" if error is None else "failed")


@pytest.mark.parametrize(("chunk_", "error"), UNUSUAL.values(), ids=UNUSUAL)
def test_it_may_be_the_first_that_comes(chunk_, error):
    """Nothing else tells then which API it is; what is no error is still unknown."""
    reply = Reply()
    reader = Reader(reply)
    if error is None and "choices" not in chunk_:
        with pytest.raises(UsageError, match="no provider knows"):  # at the latest now
            reader.push(chunk_) and reader.finish()
    else:
        reader.push(chunk_)
        assert (reply.api, reply.error) == ("openai.chat", error)


@pytest.mark.parametrize(
    "error", [{"error": "Boom"}, {"type": "apiError", "message": "Boom"}]
)
def test_anthropic_s_gateways_have_errors_of_their_own(error):
    """They are failures too, and what came is kept."""
    reply = Reply.from_sse(
        sse(FIRST["anthropic.messages"], error), "anthropic.messages"
    )

    assert (reply.text, reply.outcome, reply.error.message) == ("Hel", "failed", "Boom")


def test_an_error_after_a_bare_word_says_more():
    """The words for it may come in a chunk of their own."""
    error = {"error": {"type": "server_error", "message": "The GPU is on fire."}}
    reply = Reply.from_sse(sse(chunk(says("error")), error), "openai.chat")

    assert reply.error == Failure(type="server_error", message="The GPU is on fire.")


# -- errors that are no event ----------------------------------------------------------

TOLD = {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}
UNAVAILABLE = Failure(type="UNAVAILABLE", message="The model is overloaded.")
LAID_OUT = json.dumps({"error": TOLD}, indent=2)
#: what it shows: (what follows the first event, the error)
STRAYS = {
    "laid out": (LAID_OUT, UNAVAILABLE),
    "laid out, and a line end": (f"{LAID_OUT}\r\n", UNAVAILABLE),
    "on one line": (json.dumps({"error": TOLD}), UNAVAILABLE),
    "in a list": (json.dumps([{"error": TOLD}], indent=2), UNAVAILABLE),
    "then [DONE]": (f"{LAID_OUT}\n\ndata: [DONE]\n\n", UNAVAILABLE),
    "after a field that nobody knows": (f"trace: 1\n{LAID_OUT}\n", UNAVAILABLE),
    "llama-box": (f"error: {json.dumps(TOLD)}\n\n", UNAVAILABLE),
    "a sentence": (
        "error: out of memory\n\n",
        Failure(type="error", message="out of memory"),
    ),
    "an event of that name, and a sentence": (
        "event: error\ndata: out of memory\n\n",
        Failure(type="error", message="out of memory"),
    ),
    "an event of that name, and no error in it": (
        'event: error\ndata: {"message": "out of memory"}\n\n',
        Failure(type="error", message="out of memory"),
    ),
    "no data at all": ("event: ping\ndata:\n\n", None),
    "an object that is not an error": ('{"a": 1}\n', None),
    "a list of nothing": ("[]\n", None),
    "half of one": (LAID_OUT[:40], None),
    "a field that nobody knows": ("trace: {}\n", None),
}
FIRST = {
    "google.generate_content": part(text="Hel"),
    "openai.chat": chunk(says(content="Hel")),
    "anthropic.messages": {
        "type": "content_block_start",
        "index": 0,
        "content_block": {"type": "text", "text": "Hel"},
    },
}


@pytest.mark.parametrize("api", FIRST)
@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize(("more", "error"), STRAYS.values(), ids=STRAYS)
def test_an_error_that_is_no_event(api, size, more, error):
    """It is read all the same, wherever it is cut; what came before is kept."""
    wire = sse(FIRST[api]) + more.encode()
    reply = Reply(api)
    reader = Reader(reply)
    for at in range(0, len(wire), size):
        reader.push(wire[at : at + size])
    reader.finish()
    reply._end()

    assert (reply.text, reply.error) == ("Hel", error)
    assert reply.outcome == ("truncated" if error is None else "failed")


STRAY = sse(FIRST["google.generate_content"]) + LAID_OUT.encode()


@settings(deadline=None)
@given(st.lists(st.integers(0, len(STRAY)), max_size=20))
def test_cuts_do_not_matter(cuts):
    """However the network cuts an error that is no event."""
    reply = Reply("google.generate_content")
    reader = Reader(reply)
    for a, b in itertools.pairwise([0, *sorted(cuts), len(STRAY)]):
        reader.push(STRAY[a:b])
    reader.finish()

    assert reply.error == UNAVAILABLE


# -- bytes and the SDKs' objects -------------------------------------------------------


def client_of(api, body):
    """A stream of the SDK that reads these bytes."""

    def answer(_request):
        headers = {"content-type": "text/event-stream"}
        return httpx2.Response(200, headers=headers, content=body)

    http = httpx2.Client(transport=httpx2.MockTransport(answer))
    if api == "anthropic.messages":
        client = anthropic.Anthropic(
            api_key="none", base_url="http://127.0.0.1", http_client=http, max_retries=0
        )
        return client.messages.create(model="m", max_tokens=9, messages=[], stream=True)
    if api.startswith("google"):
        options = {"httpx_client": http, "retry_options": {"attempts": 1}}
        google = genai.Client(api_key="none", http_options=options)
        return google.models.generate_content_stream(model="m", contents="Hi")
    client = openai.OpenAI(
        api_key="none", base_url="http://127.0.0.1/v1", http_client=http, max_retries=0
    )
    if api == "openai.responses":
        return client.responses.create(model="m", input="Hi", stream=True)
    return client.chat.completions.create(model="m", messages=[], stream=True)


CLIENTS = ("openai.chat", "openai.responses", "anthropic.messages")
FINISHED = chunk({**says("length"), "native_finish_reason": "length"})
#: what it shows: (api, the bytes)
ALIKE = {
    "a type": (
        "openai.chat",
        sse({"error": {"type": "server_error", "code": None, "message": "Boom"}}),
    ),
    "a code": ("openai.chat", sse({"error": {"code": "tokens", "message": "Boom"}})),
    "a number": ("openai.chat", sse({"error": {"code": 502, "message": "Boom"}})),
    "a sentence": ("openai.chat", sse({"error": "Boom"})),
    "after text": (
        "openai.chat",
        sse(
            chunk(says(content="Hi")), {"error": {"type": "overloaded", "message": "x"}}
        ),
    ),
    "after a finish (OpenRouter)": (
        "openai.chat",
        sse(
            chunk(says(content="Hi")),
            FINISHED,
            {"error": {"code": 400, "message": "Token limit reached"}},
        ),
    ),
    "in a finish": ("openai.chat", sse(chunk(says("error")))),
    "Responses": (
        "openai.responses",
        sse(
            {
                "type": "error",
                "code": "server_error",
                "message": "Boom",
                "sequence_number": 1,
            }
        ),
    ),
    "Anthropic": (
        "anthropic.messages",
        b"event: error\n"
        + sse(
            {"type": "error", "error": {"type": "overloaded_error", "message": "Boom"}}
        ),
    ),
    "Anthropic: a sentence": ("anthropic.messages", b"event: error\ndata: Boom\n\n"),
    "Gemini": ("google.generate_content", STRAY),
    "Gemini: at once": ("google.generate_content", LAID_OUT.encode()),
}


@pytest.mark.parametrize(("api", "body"), ALIKE.values(), ids=ALIKE)
def test_an_error_is_told_the_same_by_the_sdk(api, body):
    """Type, words, outcome and what to do about it, from bytes and from objects."""
    wire = Reply.from_sse(body, api)
    stream = Reply.from_stream(lambda: client_of(api, body))

    assert (stream.outcome, stream.error) == (wire.outcome, wire.error)
    assert stream.outcome == "failed"
    assert stream.text == wire.text
    told = [failure_of(each) for each in (stream, wire)]
    assert type(told[0]) is type(told[1])
    assert told[0].retryable == told[1].retryable


@pytest.mark.parametrize(
    ("api", "events", "_whole"),
    [row for row in WHOLE.values() if row[0] in CLIENTS],
)
def test_it_ends_the_same_through_the_sdk(api, events, _whole):
    """But for `[DONE]`, which an SDK does not show."""
    shown = [each for each in events if each != DONE]
    named = b"".join(
        (f"event: {each['type']}\n".encode() if "type" in each else b"") + sse(each)
        for each in shown
    )
    wire = Reply.from_sse(sse(*shown), api)
    stream = Reply.from_stream(client_of(api, named))

    assert (stream.outcome, stream.text) == (wire.outcome, wire.text)
    assert stream.finish_reason == wire.finish_reason


def test_a_chat_keeps_no_failed_half_as_whole():
    """It says that it broke off."""
    wire = sse(chunk(says(content="Half")), chunk(says("network_error")))
    reply = Reply.from_sse(wire, "openai.chat")
    (kept,) = as_messages(reply, provider("openai-chat"))

    assert kept == {"role": "assistant", "content": f"Half\n\n{CUT}"}
    assert openai_chat.to_message(reply)["content"] == "Half"
