"""How each API says that it failed: by an HTTP status, and inside a stream."""

from __future__ import annotations

from collections.abc import Mapping

from nbstream.offline.talk import Frame, Json
from nbstream.offline.wire._frames import event

__all__ = ["MESSAGES", "error_body", "error_event"]

MESSAGES: Mapping[int, str] = {
    400: "The request cannot be answered.",
    401: "Incorrect API key provided.",
    403: "Your key has no access to this model.",
    404: "The model does not exist or you have no access to it.",
    408: "The request took too long to arrive.",
    409: "The request conflicts with another one.",
    429: "Too many requests.",
    500: "The server had an error while processing your request.",
    502: "Bad gateway.",
    503: "The service is overloaded; try again later.",
    504: "The gateway waited too long.",
    529: "Overloaded",
}
#: (type, code) of OpenAI's errors.
_OPENAI: Mapping[int, tuple[str, str | None]] = {
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("invalid_request_error", "model_not_available"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
}
_ANTHROPIC: Mapping[int, str] = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_GOOGLE: Mapping[int, str] = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
    529: "UNAVAILABLE",
}


def error_body(api: str, status: int, message: str = "") -> Json:
    """Return the body of an HTTP error, in the API's own form."""
    message = message or MESSAGES.get(status, "The request failed.")
    ours = status < 500  # whose fault it is
    if api.startswith("openai."):
        kind = "invalid_request_error" if ours else "server_error"
        type_, code = _OPENAI.get(status, (kind, None))
        told = {"message": message, "type": type_, "param": None, "code": code}
        return {"error": told}
    if api == "anthropic.messages":
        kind = _ANTHROPIC.get(status, "invalid_request_error" if ours else "api_error")
        told = {"type": kind, "message": message}
        return {"type": "error", "error": told, "request_id": "req_scripted"}
    word = _GOOGLE.get(status, "INVALID_ARGUMENT" if ours else "INTERNAL")
    if api == "google.interactions":
        return {"error": {"code": word.lower(), "message": message}}
    return {"error": {"code": status, "message": message, "status": word}}


def error_event(api: str, message: str = "Overloaded", number: int = 99) -> Frame:
    """Return the event by which the API says in mid-stream that it is overloaded."""
    match api:
        case "openai.chat":
            told = {"message": message, "type": "server_error", "code": "overloaded"}
            return Frame(event({"error": told}))
        case "openai.responses":
            flat = {"type": "error", "code": "server_error", "message": message}
            numbered = flat | {"param": None, "sequence_number": number}
            return Frame(event(numbered, "error"))
        case "google.interactions":
            told = {"code": "unavailable", "message": message}
            return Frame(event({"event_type": "error", "error": told}, "error"))
        case "anthropic.messages":
            return Frame(event(error_body(api, 529, message), "error"))
        case _:
            return Frame(event(error_body(api, 503, message), newline="\r\n"))
