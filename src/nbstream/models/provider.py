"""What a provider has to offer, so that it can be asked by its name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, Protocol

from nbstream.models.parts import File
from nbstream.models.request import Request

__all__ = ["Provider"]


class Provider(Protocol):
    """One way to ask. All but ``client`` and ``open`` work without the SDK.

    Attributes:
        api: The wire API, such as ``"openai.chat"``.
        package: The module that must be importable, such as ``"google.genai"``.
        keys: Environment variables that may hold the key; none: it needs no key.
        base_url: The usual address, or None for the SDK's own.
    """

    @property
    def api(self) -> str:
        """The wire API."""
        ...

    @property
    def package(self) -> str:
        """The module it needs."""
        ...

    @property
    def keys(self) -> tuple[str, ...]:
        """Where its key may be."""
        ...

    @property
    def base_url(self) -> str | None:
        """Its usual address."""
        ...

    def arguments(self, request: Request) -> dict[str, Any]:
        """Return the keyword arguments of the SDK's call."""
        ...

    def client(self, base_url: str | None, api_key: str | None) -> Any:
        """Make the SDK's async client; None leaves it to the SDK."""
        ...

    def open(self, request: Request, client: Any) -> AsyncIterator[object]:
        """Send the request; yield what the SDK yields; close stream and client."""
        ...

    def user_message(
        self, text: str, images: Sequence[File] = (), files: Sequence[File] = ()
    ) -> Any:
        """Return a question, with images and files, as the API takes it."""
        ...

    def tool_result_message(
        self, call_id: str, name: str, result: str, is_error: bool
    ) -> Any:
        """Return what a tool gave, as the API takes it."""
        ...
