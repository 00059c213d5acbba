"""Ask a model by its name, and see the answer as it is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbstream.errors import UsageError
from nbstream.literal import warn_of_literal
from nbstream.models import Request, ToolSpec, opened, parse_model, provider
from nbstream.reply import Reply
from nbstream.retry import MAX_WAIT_S
from nbstream.showing import show
from nbstream.timeout import Timeout

if TYPE_CHECKING:
    from nbstream.tools import Tool

__all__ = ["ask", "request_of"]


def ask(
    prompt: str | Sequence[Any],
    model: str,
    *,
    system: str | None = None,
    tools: Iterable[Tool | Callable[..., object]] = (),
    max_tokens: int | None = None,
    reasoning_effort: str | None = None,
    base_url: str | None = None,
    api_key: str | None = None,
    view: str | None = None,
    timeout: float | Timeout | None = None,
    retries: int = 0,
    max_wait_s: float = MAX_WAIT_S,
    **options: Any,
) -> Reply:
    """Ask a model, show its answer as it is written, and return the reply.

    Args:
        prompt: A question, or messages in the provider's own form.
        model: ``"provider:model"``, such as ``"anthropic:claude-haiku-5-5"``.
        system: Instructions for the model.
        tools: Functions that the model may call; its calls are in the reply.
        max_tokens: The limit of the answer, in tokens. None: the provider's.
        reasoning_effort: How much to think, in the provider's words: ``"low"``.
        base_url: Another server that speaks the same API.
        api_key: A key, from ``getpass`` and never written out. None: the environment's.
        view: As of ``nbstream.show``; so are ``timeout``, ``retries``, ``max_wait_s``.
        timeout: The longest silence, in seconds, or a ``Timeout``.
        retries: How often to call again what failed before its first event.
        max_wait_s: The longest wait before such a retry, in seconds.
        options: More arguments of the SDK's call, sent as they are.

    Raises:
        ProviderFailure: the service failed; ``.reply`` holds what had arrived.
        Stopped: interrupt was pressed (a ``KeyboardInterrupt``); so is ``.reply``.
        UsageError: no such provider, or its key or package is missing.
    """
    warn_of_literal(api_key)
    request = request_of(
        prompt,
        model,
        system=system,
        tools=tools,
        max_tokens=max_tokens,
        reasoning_effort=reasoning_effort,
        options=options,
    )
    call = opened(request, base_url=base_url, api_key=api_key)
    return show(
        call, view=view, timeout=timeout, retries=retries, max_wait_s=max_wait_s
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
    specs = _specs(tools)
    return Request(
        provider=name, model=own, api=asked.api, messages=messages, tools=specs, **more
    )


def _specs(tools: Iterable[Tool | Callable[..., object]]) -> tuple[ToolSpec, ...]:
    if isinstance(tools, Sequence) and not tools:
        return ()
    from nbstream.tools import tools_of

    return tuple(
        ToolSpec(
            name=name, description=tool.description, parameters=dict(tool.parameters)
        )
        for name, tool in tools_of(tools).items()
    )
