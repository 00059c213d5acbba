"""Let a model call plain Python functions: their schema, the calls, what came of it."""

from __future__ import annotations

from nbstream.tools.calling import Consent, run_calls
from nbstream.tools.records import ToolRun, ToolState
from nbstream.tools.tool import Tool, tool, tools_of

__all__ = ["Consent", "Tool", "ToolRun", "ToolState", "run_calls", "tool", "tools_of"]
