"""One family of failures for all providers, made of what a reply and its SDK tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbstream.errors import ProviderFailure
from nbstream._failures import told
from nbstream._failures import facts_of, failure_event
from nbstream.failures.kinds import ADVICE, is_retryable, kind_of

if TYPE_CHECKING:
    from nbstream.reply import Reply

__all__ = ["failure_event", "failure_of"]

CONFLICT = 409


def failure_of(reply: Reply) -> ProviderFailure:
    """Return the failure of a reply that failed, to be raised from its exception.

    Its message is one line: what went wrong, how much is kept, what to do.
    """
    facts = facts_of(reply.error, reply.exception)
    kind = kind_of(facts)
    retryable = is_retryable(kind, facts)
    advice = ADVICE[kind]
    if retryable and facts.retry_after_s:
        advice = f"Try again in {facts.retry_after_s:.3g} s."
    elif facts.status == CONFLICT:
        advice = "Try again."
    return kind(
        _line(reply, advice),
        reply,
        status=facts.status,
        retryable=retryable,
        retry_after_s=facts.retry_after_s,
    )


def _line(reply: Reply, advice: str) -> str:
    line = told(reply.error)
    if reply.text:
        line += f" ({len(reply.text):,} characters of the answer are kept)"
    if not advice:
        return line
    return f"{line}{'' if line.endswith(('.', '!', '?', '…')) else '.'} {advice}"
