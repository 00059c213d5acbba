"""One solution to each exercise of the lessons; look when you have tried.

Each has the name of its stub in the lesson. The tests run the lessons with them.
"""

import codecs
import json

import openai

__all__ = [
    "assemble_any",
    "closed_until",
    "ending",
    "frames",
    "is_complete",
    "keep",
    "kind_of",
    "paints",
    "sse_lines",
    "text_of",
    "texts",
    "texts_of",
    "verdict",
    "wait_before",
    "way",
    "whole_items",
]

# -- 00_first_stream ----------------------------------------------------------------


def text_of(events):
    """Join the text in a raw stream of Anthropic's Messages API."""
    text = ""
    for event in events:
        if event.type == "content_block_delta" and event.delta.type == "text_delta":
            text += event.delta.text
    return text


def ending(reply):
    """Tell a stopped answer, one cut by the token limit, and a whole one apart."""
    if reply.outcome == "stopped":
        return "stopped"
    if reply.finish_reason == "length":
        return "cut"
    return "whole"


# -- 04_stop_and_fail ---------------------------------------------------------------


def keep(make):
    """Add up a Responses stream; tell whether its terminal marker came."""
    text, whole = "", False
    try:
        for event in make():
            if event.type == "response.output_text.delta":
                text += event.delta
            whole = whole or event.type == "response.completed"
    except openai.APIError:
        pass
    return text, whole


def wait_before(failure, attempt):
    """Say how many seconds to wait before a retry, or None: there is no point."""
    if not failure.retryable or failure.reply.text:
        return None
    if failure.retry_after_s is not None:
        return failure.retry_after_s
    return min(0.5 * 2 ** (attempt - 1), 8.0)


# -- 05_showing_it ------------------------------------------------------------------


def paints(arrivals, gap):
    """Say when to paint: at once, then after each gap, and at the end."""
    painted = []
    for at in arrivals:
        if not painted or at >= painted[-1] + gap:
            painted.append(at)
    if painted and painted[-1] != arrivals[-1]:
        painted.append(arrivals[-1])
    return painted


def closed_until(text):
    """Return where the last empty line ends that is in no code fence."""
    at = text.rfind("\n\n")
    while at >= 0 and text[:at].count("```") % 2:
        at = text.rfind("\n\n", 0, at)
    return at + 2 if at >= 0 else 0


# -- 06_when_not_to_stream ----------------------------------------------------------


def whole_items(text):
    """Return the objects of a growing JSON list that are whole."""
    items, at = [], text.find("{")
    while at >= 0:
        try:
            item, at = json.JSONDecoder().raw_decode(text, at)
        except json.JSONDecodeError:
            break
        items.append(item)
        at = text.find("{", at)
    return items


def way(reader, check_first, documents):
    """Choose between a stream, a call, many calls and a batch."""
    if documents >= 1000:
        return "batch"
    if documents > 1:
        return "many calls"
    return "stream" if reader and not check_first else "call"


# -- 01_sse_on_the_wire -------------------------------------------------------------


def sse_lines(pieces):
    """Return the complete lines of pieces of bytes, however these were cut."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    rest, found = "", []
    for piece in pieces:
        *lines, rest = (rest + decoder.decode(piece)).split("\n")
        found += [line.removesuffix("\r") for line in lines]
    return found


def kind_of(content_type, body):
    """Tell a stream, an error in JSON and anything else apart."""
    if content_type.partition(";")[0].strip() == "text/event-stream":
        return "stream"
    try:
        told = json.loads(body)
    except ValueError:
        return "other"
    return "error" if isinstance(told, dict) and "error" in told else "other"


# -- 02_from_deltas_to_reply --------------------------------------------------------


def texts_of(chunks):
    """Add up the text of each choice of a Chat stream."""
    texts = {}
    for chunk in chunks:
        for choice in chunk["choices"]:
            piece = choice["delta"].get("content") or ""
            texts[choice["index"]] = texts.get(choice["index"], "") + piece
    return texts


def is_complete(api, events):
    """Tell whether the API's terminal marker came."""
    markers = {
        "openai.responses": {"response.completed", "response.incomplete"},
        "anthropic.messages": {"message_stop"},
    }
    return any(event.type in markers[api] for event in events)


# -- 03_tool_call_fragments ---------------------------------------------------------


def assemble_any(pieces):
    """Assemble calls by their index, or where there is none by the id that begins."""
    calls, newest = {}, None
    for piece in pieces:
        key = piece.get("index")
        if key is None:
            key = ("new", len(calls)) if piece.get("id") else newest
        newest = key
        call = calls.setdefault(key, {"id": "", "name": "", "arguments": ""})
        call["id"] = piece.get("id") or call["id"]
        call["name"] = piece.get("name") or call["name"]
        call["arguments"] += piece.get("arguments") or ""
    return list(calls.values())


def verdict(arguments, finish_reason):
    """Say whether a call may be run, is to be asked for again, or is wrong."""
    try:
        if isinstance(json.loads(arguments), dict):
            return "run"
    except ValueError:
        if finish_reason in ("length", None):
            return "ask again"
    return "tell the model"


# -- 07_behind_a_page ---------------------------------------------------------------


async def frames(stream):
    """Send texts as server-sent events, and close the stream whatever happens."""
    try:
        async for text in stream:
            yield f"data: {json.dumps({'text': text})}\n\n".encode()
    except Exception:  # noqa: BLE001 - whatever it is, the reader gets our words
        yield b'data: {"error": "The service failed."}\n\n'
    finally:
        await stream.close()


def texts(pieces):
    """Read an answer's texts as they come; it is whole only if it says so."""
    rest, whole = b"", False
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            field, _, value = line.partition(b":")
            if field != b"data" or value.strip() == b"[DONE]":
                continue
            chunk = json.loads(value)
            whole = whole or chunk["type"] == "finish"
            if chunk["type"] == "text-delta":
                yield chunk["delta"]
    if not whole:
        raise ConnectionError("the answer broke off")
