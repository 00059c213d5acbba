"""One solution to each exercise of the lessons; look when you have tried.

Each has the name of its stub in the lesson. The tests run the lessons with them.
"""

from openai import APIError

__all__ = ["ending", "keep", "text_of", "wait_before"]

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
    except APIError:
        pass
    return text, whole


def wait_before(failure, attempt):
    """Say how many seconds to wait before a retry, or None: there is no point."""
    if not failure.retryable or failure.reply.text:
        return None
    if failure.retry_after_s is not None:
        return failure.retry_after_s
    return min(0.5 * 2 ** (attempt - 1), 8.0)
