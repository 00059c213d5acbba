"""What each fault of the offline server does to a stream of each API."""

from __future__ import annotations

from dataclasses import dataclass, replace

from harness.sdks import APIS
from nbstream._timeout import Timeout

__all__ = [
    "CASES",
    "CHAT",
    "FAULTS",
    "GEMINI",
    "INTERACTIONS",
    "PROMPT",
    "SOME",
    "TIMEOUTS",
    "Ends",
    "ends_of",
    "kept",
]

PROMPT = "Tell me about the weather"
GEMINI, INTERACTIONS = "google.generate_content", "google.interactions"
CHAT, RESPONSES, CLAUDE = "openai.chat", "openai.responses", "anthropic.messages"


@dataclass(frozen=True)
class Ends:
    """How a reply ends: ``kept`` is none, some (see ``SOME``) or all."""

    outcome: str
    kept: str
    kind: str = ""
    says: str = ""


WHOLE = Ends("complete", "all")
EMPTY = Ends("truncated", "none")
SHORT = Ends("truncated", "some")
#: What follows an end takes it back, and here no other end follows that.
WENT_ON = Ends("truncated", "more")
LOST = Ends("failed", "some", "ConnectionFailure", "peer closed connection")
NO_JSON = Ends("failed", "some", "ProtocolFailure", "JSON")
PAGE = Ends("failed", "none", "ProtocolFailure", "Check base_url")
LATE = Ends("failed", "none", "TimeoutFailure", "no token within 0.15 s")


def http(kind: str, says: str) -> Ends:
    return Ends("failed", "none", kind, says)


#: fault -> its options, how it ends, and how on the APIs where it ends otherwise.
FAULTS: dict[str, tuple[dict[str, object], Ends, dict[str, Ends]]] = {
    "cut_before_headers": (
        {},
        http("ConnectionFailure", "Server disconnected without sending a response"),
        {},
    ),
    "cut_before_first": ({}, replace(LOST, kept="none"), {}),
    "cut": ({}, LOST, {}),
    "cut_mid_event": ({}, LOST, {}),
    "cut_mid_character": ({}, LOST, {}),
    "end_early": ({}, SHORT, {}),
    "end_mid_event": ({}, SHORT, {GEMINI: NO_JSON, INTERACTIONS: NO_JSON}),
    "stall": (
        {},
        Ends("failed", "some", "TimeoutFailure", "silent for 0.3 s"),
        {},
    ),
    "no_answer": ({}, LATE, {}),
    "slow_headers": ({"delay_s": 0.05}, WHOLE, {}),
    "error_in_band": (
        {},
        Ends("failed", "some", "ServiceFailure", "Overloaded"),
        {
            CHAT: Ends("failed", "some", "OverloadedFailure", "Overloaded"),
            CLAUDE: Ends("failed", "some", "OverloadedFailure", "Overloaded"),
            GEMINI: Ends("failed", "some", "OverloadedFailure", "Overloaded"),
            INTERACTIONS: Ends("failed", "some", "OverloadedFailure", "Overloaded"),
        },
    ),
    "bad_json": (
        {},
        Ends("failed", "some", "ProtocolFailure", "JSONDecodeError"),
        {GEMINI: NO_JSON, INTERACTIONS: replace(NO_JSON, kept="all but one")},
    ),
    "unknown_events": ({}, WHOLE, {}),
    "comments": ({}, WHOLE, {GEMINI: replace(NO_JSON, kept="none")}),
    "no_done": ({}, WHOLE, {}),
    "done_early": ({}, SHORT, {CLAUDE: WHOLE, GEMINI: NO_JSON}),
    "html": ({}, PAGE, {}),
    "json_error": (
        {},
        PAGE,
        {GEMINI: http("OverloadedFailure", "The service is overloaded")},
    ),
    "gzip": ({}, WHOLE, {}),
    "crlf": ({}, WHOLE, {}),
    "split": ({"size": 7}, WHOLE, {}),
    "giant_event": ({"size": 100_000}, Ends("complete", "giant"), {}),
    "tiny_events": ({"count": 300}, Ends("complete", "tiny"), {}),
    "ended_twice": ({}, WHOLE, {}),
    # Chat has its counts at the very end, and Gemini an end in every such event.
    "after_end": (
        {},
        WENT_ON,
        {CHAT: Ends("complete", "more"), GEMINI: Ends("complete", "more")},
    ),
    "400": ({}, http("RequestFailure", "cannot be answered. Change the request."), {}),
    "401": ({}, http("AuthenticationFailure", "Check the API key"), {}),
    "403": ({}, http("AuthenticationFailure", "no access to this model"), {}),
    "404": ({}, http("RequestFailure", "does not exist"), {}),
    "408": ({}, http("TimeoutFailure", "took too long"), {}),
    "409": ({}, http("RequestFailure", "conflicts with another one. Try again."), {}),
    "429": (
        {"retry_after_s": 7},
        http("RateLimitFailure", "Too many requests. Try again in 7 s."),
        {},
    ),
    "500": ({}, http("ServiceFailure", "The server had an error"), {}),
    "502": ({}, http("ServiceFailure", "Bad gateway"), {}),
    "503": ({}, http("OverloadedFailure", "overloaded; try again later"), {}),
    "504": ({}, http("TimeoutFailure", "waited too long"), {}),
    "529": ({}, http("OverloadedFailure", "Overloaded. Try again later."), {}),
}
#: How many characters the events have that hold the first 8 tokens or more.
SOME = {CHAT: 29, RESPONSES: 29, CLAUDE: 47, GEMINI: 64, INTERACTIONS: 64}
TIMEOUTS = {"stall": Timeout(between=0.3), "no_answer": 0.15}
CASES = [(fault, api) for fault in FAULTS for api in APIS]


def ends_of(fault: str, api: str) -> Ends:
    """Return how a stream of this API ends with this fault."""
    _, ends, other = FAULTS[fault]
    return other.get(api, ends)


def kept(ends: Ends, api: str, full: str) -> str | tuple[str, str]:
    """Return what is kept of the full text; of a giant event, its beginnings."""
    some = full[: SOME[api]]
    match ends.kept:
        case "none":
            return ""
        case "some":
            return some
        case "all":
            return full
        case "all but one":
            return some + full[len(some) + 1 :]
        case "giant":
            return some, "x" * 100_000
        case "tiny":
            return some + "x" * 300 + full[len(some) :]
        case _:
            return f"{full} And more."
