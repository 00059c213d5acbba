"""Who can be asked, and how each is asked in its own words."""

from __future__ import annotations

from nbstream.models.names import GROUP, PROVIDERS, parse_model, provider, providers
from nbstream.models.opening import missing, opened
from nbstream.models.provider import Provider
from nbstream.models.request import Request, Schema, ToolSpec

__all__ = [
    "GROUP",
    "PROVIDERS",
    "Provider",
    "Request",
    "Schema",
    "ToolSpec",
    "missing",
    "opened",
    "parse_model",
    "provider",
    "providers",
]
