"""Ask a model by its name, and see the answer as it is written."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from nbstream.errors import UsageError
from nbstream.literal import warn_of_literal
from nbstream.reply import Reply
from nbstream.requests import opened, parse_model, provider
from nbstream.requests.request import Request, ToolSpec
from nbstream.retry import MAX_WAIT_S, Retries, retries_of
from nbstream.showing import shown, started
from nbstream.timeout import Timeout
from nbstream.turn import MAX_ROUNDS, Turn

if TYPE_CHECKING:
    from nbstream.live import Live
    from nbstream.structured import Shape
    from nbstream.tools import Tool

__all__ = ["ask", "known_tools", "request_of", "turn_of"]


@overload
def ask(
    prompt: str | Sequence[Any],
    model: str,
    *,
    system: str | None = None,
    tools: Iterable[Tool | Callable[..., object]] = (),
    max_tokens: int | None = None,
    reasoning_effort: str | None = None,
    schema: Any = None,
    base_url: str | None = None,
    api_key: str | None = None,
    view: str | None = None,
    timeout: float | Timeout | None = None,
    retries: int = 0,
    max_wait_s: float = MAX_WAIT_S,
    max_rounds: int = MAX_ROUNDS,
    wait: Literal[True] = True,
    keep_wire: bool = False,
    **options: Any,
) -> Reply: ...
@overload
def ask(
    prompt: str | Sequence[Any], model: str, *, wait: Literal[False], **options: Any
) -> Live: ...
def ask(
    prompt: str | Sequence[Any],
    model: str,
    *,
    system: str | None = None,
    tools: Iterable[Tool | Callable[..., object]] = (),
    max_tokens: int | None = None,
    reasoning_effort: str | None = None,
    schema: Any = None,
    base_url: str | None = None,
    api_key: str | None = None,
    view: str | None = None,
    timeout: float | Timeout | None = None,
    retries: int = 0,
    max_wait_s: float = MAX_WAIT_S,
    max_rounds: int = MAX_ROUNDS,
    wait: bool = True,
    keep_wire: bool = False,
    **options: Any,
) -> Reply | Live:
    """Ask a model, show its answer as it is written, and return the reply.

    If it calls tools, they are run, their results are sent back, and it is asked again
    until it calls none: the reply is the last answer, and ``reply.rounds`` has all.

    With ``schema`` the answer is JSON, checked at the end: ``reply.parsed``. With
    ``wait=False`` it is shown in the background, as by ``nbstream.start``.

    Args:
        prompt: A question, or messages in the provider's own form.
        model: ``"provider:model"``, such as ``"anthropic:claude-haiku-5-5"``.
        system: Instructions for the model.
        tools: Functions that the model may call, each with types for its arguments.
        max_tokens: The limit of the answer, in tokens. None: the provider's.
        reasoning_effort: How much to think, in the provider's words: ``"low"``.
        schema: What the answer has to be: a pydantic model, a dataclass, a
            ``TypedDict``, a type such as ``list[Model]``, or a JSON Schema.
        base_url: Another server that speaks the same API.
        api_key: A key, from ``getpass`` and never written out. None: the environment's.
        view: As of ``nbstream.show``; so are ``timeout``, ``retries``, ``max_wait_s``.
        timeout: The longest silence, in seconds, or a ``Timeout``.
        retries: How often to call again what failed before its first event.
        max_wait_s: The longest wait before such a retry, in seconds.
        max_rounds: How often calls are run and their results sent back; 0: never, the
            calls are in the reply.
        wait: False: return at once, a ``Live``.
        keep_wire: Keep the bytes that come, for ``reply.anatomy()``; each round of
            ``reply.rounds`` has its own.
        options: More arguments of the SDK's call, sent as they are.

    Raises:
        ProviderFailure: the service failed; ``.reply`` holds what had arrived.
        SchemaFailure: the answer does not fit the schema; ``.reply`` has its text.
        Stopped: interrupt was pressed (a ``KeyboardInterrupt``); so is ``.reply``.
        UsageError: no such provider, or its key or package is missing.
    """
    warn_of_literal(api_key, options)
    known, shape = known_tools(tools), _shape(schema)
    request = request_of(
        prompt,
        model,
        system=system,
        tools=tuple(known.values()),
        max_tokens=max_tokens,
        reasoning_effort=reasoning_effort,
        schema=shape and shape.schema,
        options=options,
    )
    turn = turn_of(
        request,
        known,
        base_url=base_url,
        api_key=api_key,
        max_rounds=max_rounds,
        retries=retries_of(retries, max_wait_s),
    )
    if shape is not None:
        turn.reply.form, turn.reply.expected = "json", shape
    play: Callable[..., Reply | Live] = shown if wait else started
    return play(
        turn,
        turn.reply,
        view=view,
        timeout=timeout,
        consents=turn.consents,
        keep_wire=keep_wire,
    )


def turn_of(
    request: Request,
    tools: Mapping[str, Tool],
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    max_rounds: int = MAX_ROUNDS,
    retries: Retries,
    reply: Reply | None = None,
) -> Turn:
    """Return the turn that answers a request, in this reply; nothing is sent yet.

    Raises:
        UsageError: a key or a package is missing, or ``max_rounds`` is no number.
    """
    if type(max_rounds) is not int or max_rounds < 0:
        msg = f"max_rounds={max_rounds!r}: expected a number from 0 upwards"
        raise UsageError(msg)
    opened(request, base_url=base_url, api_key=api_key)  # what is missing, is said now

    def send(each: Request) -> AsyncIterator[object]:
        return opened(each, base_url=base_url, api_key=api_key)()

    return Turn(
        request=request,
        reply=Reply() if reply is None else reply,
        send=send,
        tools=tools if max_rounds else {},
        max_rounds=max_rounds,
        retries=retries,
    )


def request_of(
    prompt: str | Sequence[Any],
    model: str,
    *,
    tools: Iterable[Tool | Callable[..., object]] = (),
    images: Sequence[Path] = (),
    files: Sequence[Path] = (),
    **more: Any,
) -> Request:
    """Return the request that ``ask`` sends; nothing is opened.

    Raises:
        UsageError: there is no question, no such provider, or a tool is none.
    """
    name, own = parse_model(model)
    asked = provider(name)
    if not prompt:
        msg = f"there is no question: got {prompt!r}, expected text or messages"
        raise UsageError(msg)
    messages = (
        (asked.user_message(prompt, images, files),)
        if isinstance(prompt, str)
        else tuple(prompt)
    )
    specs = tuple(
        ToolSpec(name=name, description=each.description, parameters=each.parameters)
        for name, each in known_tools(tools).items()
    )
    return Request(
        provider=name, model=own, api=asked.api, messages=messages, tools=specs, **more
    )


def known_tools(given: Iterable[Tool | Callable[..., object]]) -> Mapping[str, Tool]:
    """Return the tools by their names; without any, nothing is imported for them.

    Raises:
        UsageError: one of them cannot be a tool, or two have the same name.
    """
    if isinstance(given, Sequence) and not given:
        return {}
    from nbstream.tools import tools_of

    return tools_of(given)


def _shape(schema: Any) -> Shape | None:
    if schema is None:
        return None
    from nbstream.structured import shape_of

    return shape_of(schema)
