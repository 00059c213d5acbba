"""What tests of a provider's payloads share: how a table is run, a reply is made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import pytest

from nbstream.reply import Reply
from nbstream.types import Event

__all__ = ["by_name", "replied"]


def by_name(table: Mapping[str, tuple[object, object]]) -> pytest.MarkDecorator:
    """Run a test with each payload of a table, and what is expected of it."""
    values, ids = list(table.values()), list(table)
    return pytest.mark.parametrize(("payload", "expected"), values, ids=ids)


def replied(
    api: str,
    normalize: Callable[[object], Iterable[Event]],
    payloads: Sequence[object],
    *,
    stopped: bool = False,
) -> Reply:
    """Return the ended reply that these payloads make."""
    reply = Reply(api)
    for payload in payloads:
        reply._extend(normalize(payload))
    reply._end(stopped=stopped)
    return reply
