"""Choose the scenario that answers a request."""

from __future__ import annotations

import re
from collections.abc import Mapping

from nbstream.offline.script import Scenario, When
from nbstream.offline.talk import Ask, RequestError

__all__ = ["TAG", "choose"]

#: ``[scenario: name]``, in the last user text or the system text, picks one.
TAG = re.compile(r"\[\s*scenario\s*:\s*([^\]\s]*)\s*\]", re.IGNORECASE)
_AFTER_TOOLS = "tool_result"
_LAST = "default"


def choose(ask: Ask, known: Mapping[str, Scenario]) -> Scenario:
    """Return the scenario named by a tag, else the first that fits, else the default.

    A tag that picks tool calls is done with once their results are there: the same
    text is sent again with them, and would call for ever.
    """
    tag = TAG.search(ask.prompt) or TAG.search(ask.system)
    if tag:
        picked = _named(tag.group(1).lower(), known)
        if picked.finish != "tool_calls" or ask.rounds < picked.rounds:
            return picked
        return known[_AFTER_TOOLS]
    fitting = (
        scenario
        for scenario in known.values()
        if any(_holds(when, ask) for when in scenario.when)
        and (scenario.rounds == 1 or ask.rounds < scenario.rounds)
    )
    return next(fitting, known[_LAST])


def _named(name: str, known: Mapping[str, Scenario]) -> Scenario:
    if name not in known:
        listed = ", ".join(sorted(known))
        message = f"The offline server has no scenario {name!r}; it has: {listed}."
        raise RequestError(400, message)
    return known[name]


def _holds(when: When, ask: Ask) -> bool:
    facts = (
        (when.tools, bool(ask.tools)),
        (when.tool_result, bool(ask.tool_results)),
        (when.reasoning, ask.reasoning),
        (when.schema, ask.schema is not None),
    )
    return (
        all(wanted is None or wanted == is_so for wanted, is_so in facts)
        and all(_says(phrase, ask.prompt) for phrase in when.all)
        and (not when.any or any(_says(phrase, ask.prompt) for phrase in when.any))
    )


def _says(phrase: str, prompt: str) -> bool:
    words = r"\s+".join(re.escape(word) for word in phrase.split())
    return re.search(rf"(?<!\w){words}(?!\w)", prompt, re.IGNORECASE) is not None
