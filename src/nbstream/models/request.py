"""What is asked of a model, before any SDK is involved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Request", "Schema", "ToolSpec"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSpec:
    """A tool as a model is told of it; ``parameters`` is a JSON Schema."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """The JSON Schema that the answer has to have, under a name."""

    name: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request. ``max_tokens`` is in tokens; None leaves it to the provider.

    Attributes:
        provider: The name before the colon, such as ``"openai-chat"``.
        model: The model's own name.
        api: The wire API, such as ``"openai.chat"``.
        messages: The conversation, in the provider's own form.
        options: More arguments of the SDK's call, passed through as they are.
    """

    provider: str
    model: str
    api: str
    messages: tuple[Any, ...]
    system: str | None = None
    tools: tuple[ToolSpec, ...] = ()
    max_tokens: int | None = None
    reasoning_effort: str | None = None
    schema: Schema | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
