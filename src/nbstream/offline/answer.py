"""Turn a scenario and a request into an answer: filled in, cut and counted."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator

from nbstream.offline.arguments import best_tools, make_arguments, value_for
from nbstream.offline.match import TAG, choose
from nbstream.offline.script import Scenario, ScriptPart, load
from nbstream.offline.talk import Answer, AnswerPart, Ask, Choice, Counts, Json
from nbstream.offline.tokens import cut

__all__ = ["answer"]

_HOLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_ACTIVE = re.compile(r"[\"\\`*_<>\[\]~$&|#]|https?:|www\.")
_LONGEST_QUOTE = 400


def answer(ask: Ask, request: Json) -> Answer:
    """Answer a request: the same request always gets the same answer."""
    scenario = choose(ask, load())
    key = {name: value for name, value in request.items() if name != "stream"}
    name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:24]
    choices = tuple(_choice(scenario, ask, name, at) for at in range(ask.choices))
    usage = _count(scenario, ask, choices)
    return Answer(
        id=name, model=ask.model, scenario=scenario.name, choices=choices, usage=usage
    )


def _choice(scenario: Scenario, ask: Ask, name: str, at: int) -> Choice:
    calls = [part for part in scenario.parts if part.kind == "tool_call"]
    finish = scenario.finish
    if calls and not ask.tools:
        parts = [AnswerPart(kind="text", tokens=cut(_fill(scenario.otherwise, ask)))]
        finish = "stop"
    else:
        parts = [_said(part, ask) for part in scenario.parts if part not in calls]
        parts += _called(calls, ask, name)
    whole = tuple(_merged(parts))
    if ask.choices > 1:
        label = f"Answer {at + 1} of {ask.choices}. "
        whole = tuple(_labelled(part, label) for part in whole)
    kept = whole if ask.max_tokens is None else tuple(_within(whole, ask.max_tokens))
    return Choice(parts=kept, finish=finish if kept == whole else "length")


def _labelled(part: AnswerPart, label: str) -> AnswerPart:
    if part.kind != "text":
        return part
    return AnswerPart(kind="text", tokens=cut(label) + part.tokens)


def _said(part: ScriptPart, ask: Ask) -> AnswerPart:
    return AnswerPart(kind=part.kind, tokens=cut(_fill(part.text, ask) * part.repeat))


def _called(calls: list[ScriptPart], ask: Ask, name: str) -> Iterator[AnswerPart]:
    if not calls:
        return
    hint = " ".join(call.tool for call in calls)
    # A later round goes on with the next tool, and with the next of the names.
    tools = best_tools(ask.tools, ask.prompt, hint, ask.rounds + len(calls))
    prompt = TAG.sub("", ask.prompt)
    turns = enumerate(zip(calls, tools[ask.rounds :], strict=True), ask.rounds)
    for turn, (call, tool) in turns:
        arguments = make_arguments(tool, call.arguments, prompt, turn)
        tokens = cut(json.dumps(arguments, ensure_ascii=False))
        yield AnswerPart(
            kind="tool_call",
            tokens=tokens,
            id=f"{name[:20]}{turn}",
            name=tool.name,
            arguments=arguments,
        )


def _merged(parts: Iterable[AnswerPart]) -> list[AnswerPart]:
    """Put texts that follow one another together: no wire has two in a row."""
    merged: list[AnswerPart] = []
    for part in parts:
        if merged and part.kind == merged[-1].kind == "text":
            tokens = merged[-1].tokens + part.tokens
            merged[-1] = AnswerPart(kind="text", tokens=tokens)
        else:
            merged.append(part)
    return merged


def _within(parts: Iterable[AnswerPart], max_tokens: int) -> Iterator[AnswerPart]:
    """Keep so many tokens, as a real length limit does: even inside a tool call."""
    left = max_tokens
    for part in parts:
        tokens = part.tokens[:left]
        left -= len(tokens)
        if tokens == part.tokens:
            yield part
        elif tokens:
            yield AnswerPart(
                kind=part.kind, tokens=tokens, id=part.id, name=part.name, whole=False
            )


def _count(scenario: Scenario, ask: Ask, choices: tuple[Choice, ...]) -> Counts:
    parts = [part for choice in choices for part in choice.parts]
    thought = sum(len(part.tokens) for part in parts if part.kind == "reasoning")
    given = scenario.usage
    return Counts(
        input=given.get("input_tokens", ask.input_tokens),
        output=given.get("output_tokens", sum(len(part.tokens) for part in parts)),
        reasoning=given.get("reasoning_tokens", thought),
        cached=given.get("cached_tokens", 0),
    )


def _fill(script: str, ask: Ask) -> str:
    """Fill the holes, such as ``{{prompt}}``; ``scenarios/README.md`` lists them."""

    def value(hole: re.Match[str]) -> str:
        match hole.group(1):
            case "prompt":
                return _quote(TAG.sub("", ask.prompt))
            case "tool_result":
                return "; ".join(_quote(result) for result in ask.tool_results)
            case "model":
                return _quote(ask.model)
            case "earlier":
                said = [_quote(TAG.sub("", prompt)) for prompt in ask.earlier]
                return "; ".join(said) or "nothing"
            case "round":
                return str(ask.rounds + 1)
            case "json":
                prompt = TAG.sub("", ask.prompt)
                made = value_for(ask.schema or {}, prompt, {}, several=3)
                return json.dumps(made, ensure_ascii=False)
            case _:
                return hole.group()

    return _HOLE.sub(value, script)


def _quote(words: str) -> str:
    """Quote words so that they are only words: no Markdown, no HTML, no link."""
    words = " ".join(words.split())
    if len(words) > _LONGEST_QUOTE:
        words = words[:_LONGEST_QUOTE].rsplit(" ", 1)[0] + " …"
    if not _ACTIVE.search(words):
        return f'"{words}"'
    longest = max((len(run) for run in re.findall("`+", words)), default=0)
    fence = "`" * (longest + 1)
    space = " " if "`" in words else ""
    return f"{fence}{space}{words}{space}{fence}"
