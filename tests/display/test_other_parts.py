"""What is neither text nor a call: told in every screen, in its place, and safe."""

from __future__ import annotations

import base64
import html
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbstream.markdown.html import LONGEST_SHORTENED, shorten
from nbstream.providers import anthropic, openai_responses
from nbstream.reply import Reply
from nbstream.screens.bundle import PLACE, bundle
from nbstream.screens.other_parts import LARGEST_IMAGE, media_of, told
from nbstream.screens.output import TerminalScreen
from nbstream.screens.sections import MOST_OPEN, Facts, Sections
from nbstream.types import (
    Citation,
    End,
    Finish,
    OtherPart,
    PartDone,
    TextDelta,
    ToolCallDelta,
    is_visible,
)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


PNG = b64(b"\x89PNG\r\n\x1a\n" + b"\0" * 40)
PNG_ADDRESS = f"data:image/png;base64,{PNG}"
GIF = b64(b"GIF89a" + b"x" * 900)
WAVE = b64(b"RIFF0000WAVE" + b"1" * 2000)
ZEROS = b64(b"\0" * 3000)
STOP = (Finish(reason="stop", raw_reason="stop"), End())

#: The kinds of five APIs, as they are when they are whole, and what is said of each in
#: plain text.
KINDS = {
    "web_search_call": (
        {
            "type": "web_search_call",
            "id": "w",
            "status": "completed",
            "action": {
                "type": "search",
                "query": "population of Paris",
                "queries": ["population of Paris", "Paris inhabitants"],
                "sources": [{"type": "url", "url": "https://x"}],
            },
        },
        "[Searched the web: population of Paris; Paris inhabitants]",
    ),
    "open": (
        {
            "type": "web_search_call",
            "id": "w",
            "status": "completed",
            "action": {"type": "open_page", "url": "https://paris.fr/a_b"},
        },
        "[Read a page: https://paris.fr/a_b]",
    ),
    "find": (
        {
            "type": "web_search_call",
            "id": "w",
            "status": "completed",
            "action": {
                "type": "find_in_page",
                "url": "https://paris.fr",
                "pattern": "habitants",
            },
        },
        "[Searched a page: https://paris.fr; habitants]",
    ),
    "search failed": (
        {
            "type": "web_search_call",
            "id": "w",
            "status": "failed",
            "action": {"type": "search", "query": "q"},
        },
        "[Searching the web: q. Failed]",
    ),
    "file_search": (
        {
            "type": "file_search_call",
            "id": "f",
            "status": "completed",
            "queries": ["deep research"],
            "results": [
                {
                    "file_id": "file-1",
                    "filename": "a.pdf",
                    "score": 0.9,
                    "text": "long",
                },
                {"filename": "b.pdf", "text": "x"},
            ],
        },
        "[Searched the files: deep research (found: a.pdf; b.pdf)]",
    ),
    "code": (
        {
            "type": "code_interpreter_call",
            "id": "c",
            "code": "print(6*7)\nplot()",
            "container_id": "cn",
            "status": "completed",
            "outputs": [
                {"type": "logs", "logs": "42\n"},
                {"type": "image", "url": PNG_ADDRESS},
            ],
        },
        "[Ran code]\nprint(6*7)\nplot()\n42",
    ),
    "image": (
        {
            "type": "image_generation_call",
            "id": "i",
            "status": "completed",
            "result": PNG,
            "revised_prompt": "A red <cat> on a mat",
            "size": "1024x1024",
            "quality": "high",
            "output_format": "png",
            "background": "opaque",
        },
        "[Made an image]",
    ),
    "image failed": (
        {
            "type": "image_generation_call",
            "id": "i",
            "status": "failed",
            "result": None,
            "error": {
                "code": "moderation_blocked",
                "message": "Your request was rejected",
                "type": "image_generation_user_error",
            },
        },
        "[Making an image. Failed: Your request was rejected]",
    ),
    "image gif": (
        {
            "type": "image_generation_call",
            "id": "i",
            "status": "completed",
            "result": GIF,
            "output_format": "gif",
        },
        "[Made an image: data, 1 kB]",
    ),
    "mcp_call": (
        {
            "type": "mcp_call",
            "id": "m",
            "name": "ask",
            "arguments": '{"q": "x"}',
            "server_label": "deepwiki",
            "output": "It is a wiki.",
            "status": "completed",
        },
        '[Called: ask({"q": "x"}) (on deepwiki)]\nIt is a wiki.',
    ),
    "mcp_call err": (
        {
            "type": "mcp_call",
            "id": "m",
            "name": "ask",
            "arguments": "{}",
            "server_label": "deepwiki",
            "error": {"type": "http_error", "code": 404, "message": "not found"},
            "status": "failed",
        },
        "[Calling: ask() (on deepwiki). Failed: not found]",
    ),
    "mcp_list": (
        {
            "type": "mcp_list_tools",
            "id": "m",
            "server_label": "deepwiki",
            "tools": [
                {
                    "name": "ask",
                    "input_schema": {
                        "type": "object",
                        "properties": {"name": {"title": "N"}},
                    },
                    "description": "d",
                },
                {"name": "read"},
            ],
        },
        "[Listed the tools: ask; read (on deepwiki)]",
    ),
    "approval": (
        {
            "type": "mcp_approval_request",
            "id": "a",
            "name": "delete_all",
            "arguments": "{}",
            "server_label": "db",
        },
        "[Asks for approval: delete_all() (on db)]",
    ),
    "approval args": (
        {
            "type": "mcp_approval_request",
            "id": "a",
            "name": "drop",
            "arguments": '{"table": "users"}',
            "server_label": "db",
        },
        '[Asks for approval: drop({"table": "users"}) (on db)]',
    ),
    "local_shell": (
        {
            "type": "local_shell_call",
            "id": "l",
            "call_id": "c",
            "status": "completed",
            "action": {
                "type": "exec",
                "command": ["ls", "-la", "a b"],
                "env": {"A": "1"},
                "working_directory": "/tmp",
            },
        },
        "[Asks you to run a command]\nls -la 'a b'",
    ),
    "shell": (
        {
            "type": "shell_call",
            "id": "s",
            "call_id": "c",
            "status": "completed",
            "action": {"commands": ["ls", "pwd"], "timeout_ms": 1},
            "environment": {"type": "local"},
        },
        "[Asks you to run a command]\nls\npwd",
    ),
    "shell hosted": (
        {
            "type": "shell_call",
            "id": "s",
            "call_id": "c",
            "status": "completed",
            "action": {"commands": ["ls"]},
            "environment": {"type": "container_reference", "container_id": "x"},
        },
        "[Ran a command]\nls",
    ),
    "shell out": (
        {
            "type": "shell_call_output",
            "id": "s",
            "call_id": "c",
            "status": "completed",
            "output": [
                {
                    "stdout": "a\n",
                    "stderr": "",
                    "outcome": {"type": "exit", "exit_code": 2},
                }
            ],
        },
        "[Output. Failed: exit code 2]\na",
    ),
    "computer": (
        {
            "type": "computer_call",
            "id": "k",
            "call_id": "c",
            "status": "completed",
            "pending_safety_checks": [
                {
                    "id": "x",
                    "code": "malicious",
                    "message": "This page wants your password",
                }
            ],
            "action": {"type": "click", "x": 10, "y": 20, "button": "left"},
        },
        "[Asks you to use the computer: click(x=10, y=20, button=left); "
        "safety check: This page wants your password]",
    ),
    "computer actions": (
        {
            "type": "computer_call",
            "id": "k",
            "call_id": "c",
            "status": "completed",
            "pending_safety_checks": [],
            "actions": [{"type": "type", "text": "hi"}, {"type": "screenshot"}],
        },
        "[Asks you to use the computer: type(text=hi); screenshot()]",
    ),
    "patch": (
        {
            "type": "apply_patch_call",
            "id": "p",
            "call_id": "c",
            "status": "completed",
            "operation": {"type": "update_file", "path": "a.py", "diff": "@@\n-a\n+b"},
        },
        "[Asks you to change a file: a.py]\n@@\n-a\n+b",
    ),
    "tool_search": (
        {
            "type": "tool_search_call",
            "id": "t",
            "arguments": {"query": "weather"},
            "execution": "server",
            "status": "completed",
            "call_id": None,
        },
        "[Searched the tools: weather]",
    ),
    "tool_search_out": (
        {
            "type": "tool_search_output",
            "id": "t",
            "execution": "server",
            "status": "completed",
            "tools": [{"type": "function", "name": "get_weather", "parameters": {}}],
        },
        "[Found: get_weather]",
    ),
    "program": (
        {
            "type": "program",
            "id": "p",
            "call_id": "c",
            "code": "const a = 1",
            "fingerprint": "f",
        },
        "[Ran code]\nconst a = 1",
    ),
    "program_output": (
        {
            "type": "program_output",
            "id": "p",
            "call_id": "c",
            "result": "1",
            "status": "completed",
        },
        "[Output]\n1",
    ),
    "compaction": (
        {"type": "compaction", "id": "c", "encrypted_content": "gAAA"},
        "[Shortened the conversation]",
    ),
    "x": (
        {
            "type": "custom_tool_call",
            "id": "c",
            "call_id": "x",
            "name": "x_keyword_search",
            "input": '{"query":"a"}',
            "status": "completed",
        },
        '[Called: x_keyword_search({"query":"a"})]',
    ),
    "server_tool_use": (
        {
            "type": "server_tool_use",
            "id": "s",
            "name": "web_search",
            "input": {"query": "a *b* $x$"},
        },
        "[Searched the web: a *b* $x$]",
    ),
    "web_fetch": (
        {
            "type": "server_tool_use",
            "id": "s",
            "name": "web_fetch",
            "input": {"url": "https://a.b/c"},
        },
        "[Read a page: https://a.b/c]",
    ),
    "ws result": (
        {
            "type": "web_search_tool_result",
            "tool_use_id": "s",
            "content": [
                {
                    "type": "web_search_result",
                    "title": "Page 0",
                    "url": "https://p",
                    "encrypted_content": "zz",
                    "page_age": None,
                },
                {
                    "type": "web_search_result",
                    "title": "Page 1",
                    "url": "https://p",
                    "encrypted_content": "zz",
                    "page_age": None,
                },
                {
                    "type": "web_search_result",
                    "title": "Page 2",
                    "url": "https://p",
                    "encrypted_content": "zz",
                    "page_age": None,
                },
                {
                    "type": "web_search_result",
                    "title": "Page 3",
                    "url": "https://p",
                    "encrypted_content": "zz",
                    "page_age": None,
                },
                {
                    "type": "web_search_result",
                    "title": "Page 4",
                    "url": "https://p",
                    "encrypted_content": "zz",
                    "page_age": None,
                },
                {
                    "type": "web_search_result",
                    "title": "Page 5",
                    "url": "https://p",
                    "encrypted_content": "zz",
                    "page_age": None,
                },
                {
                    "type": "web_search_result",
                    "title": "Page 6",
                    "url": "https://p",
                    "encrypted_content": "zz",
                    "page_age": None,
                },
                {
                    "type": "web_search_result",
                    "title": "Page 7",
                    "url": "https://p",
                    "encrypted_content": "zz",
                    "page_age": None,
                },
            ],
        },
        "[Found: Page 0; Page 1; Page 2; Page 3; Page 4 and 3 more]",
    ),
    "ws error": (
        {
            "type": "web_search_tool_result",
            "tool_use_id": "s",
            "content": {
                "type": "web_search_tool_result_error",
                "error_code": "max_uses_exceeded",
            },
        },
        "[Result of web search. Failed: max_uses_exceeded]",
    ),
    "wf result": (
        {
            "type": "web_fetch_tool_result",
            "tool_use_id": "s",
            "content": {
                "type": "web_fetch_result",
                "url": "https://a.b/c",
                "content": {
                    "type": "document",
                    "title": "The C",
                    "source": {
                        "type": "text",
                        "media_type": "text/plain",
                        "data": "long text",
                    },
                },
                "retrieved_at": "2026",
            },
        },
        "[Result of web fetch: https://a.b/c (found: The C)]",
    ),
    "code exec": (
        {
            "type": "server_tool_use",
            "id": "s",
            "name": "code_execution",
            "input": {"code": "print(1)"},
        },
        "[Ran code]\nprint(1)",
    ),
    "bash": (
        {
            "type": "server_tool_use",
            "id": "s",
            "name": "bash_code_execution",
            "input": {"command": "ls -la"},
        },
        "[Ran a command]\nls -la",
    ),
    "editor": (
        {
            "type": "server_tool_use",
            "id": "s",
            "name": "text_editor_code_execution",
            "input": {"command": "create", "path": "/tmp/a.py", "file_text": "x = 1"},
        },
        "[Edited a file: /tmp/a.py; create]\nx = 1",
    ),
    "code result": (
        {
            "type": "code_execution_tool_result",
            "tool_use_id": "s",
            "content": {
                "type": "code_execution_result",
                "stdout": "1\n",
                "stderr": "",
                "return_code": 0,
                "content": [{"type": "code_execution_output", "file_id": "file_1"}],
            },
        },
        "[Output: file_1]\n1",
    ),
    "bash result": (
        {
            "type": "bash_code_execution_tool_result",
            "tool_use_id": "s",
            "content": {
                "type": "bash_code_execution_result",
                "stdout": "",
                "stderr": "no such file",
                "return_code": 1,
                "content": [],
            },
        },
        "[Output. Failed: exit code 1]\nno such file",
    ),
    "code err": (
        {
            "type": "code_execution_tool_result",
            "tool_use_id": "s",
            "content": {
                "type": "code_execution_tool_result_error",
                "error_code": "unavailable",
            },
        },
        "[Result of code execution. Failed: unavailable]",
    ),
    "ed result": (
        {
            "type": "text_editor_code_execution_tool_result",
            "tool_use_id": "s",
            "content": {
                "type": "text_editor_code_execution_create_result",
                "is_file_update": False,
            },
        },
        "[Result of text editor code execution]",
    ),
    "ts use": (
        {
            "type": "server_tool_use",
            "id": "s",
            "name": "tool_search_tool_regex",
            "input": {"query": "wea.*"},
        },
        "[Searched the tools: wea.*]",
    ),
    "ts result": (
        {
            "type": "tool_search_tool_result",
            "tool_use_id": "s",
            "content": {
                "type": "tool_search_tool_search_result",
                "tool_references": [
                    {"type": "tool_reference", "tool_name": "get_weather"}
                ],
            },
        },
        "[Found: get_weather]",
    ),
    "mcp_tool_use": (
        {
            "type": "mcp_tool_use",
            "id": "m",
            "name": "echo",
            "server_name": "srv",
            "input": {"a": 1},
        },
        '[Called: echo({"a": 1}) (on srv)]',
    ),
    "mcp_tool_result": (
        {
            "type": "mcp_tool_result",
            "tool_use_id": "m",
            "is_error": False,
            "content": [{"type": "text", "text": "hello"}],
        },
        "[Result]\nhello",
    ),
    "mcp_tool_result err": (
        {
            "type": "mcp_tool_result",
            "tool_use_id": "m",
            "is_error": True,
            "content": [{"type": "text", "text": "boom"}],
        },
        "[Result. Failed]\nboom",
    ),
    "fallback": (
        {
            "type": "fallback",
            "from": {"model": "claude-a"},
            "to": {"model": "claude-b"},
            "trigger": {"type": "refusal"},
        },
        "[Another model goes on: claude-b]",
    ),
    "upload": (
        {"type": "container_upload", "file_id": "file_7"},
        "[Made a file: file_7]",
    ),
    "redacted": (
        {"type": "redacted_thinking", "data": "EmwK"},
        "[Reasoning, encrypted]",
    ),
    "advisor": (
        {"type": "server_tool_use", "id": "s", "name": "advisor", "input": {}},
        "[Asked an advisor]",
    ),
    "advisor result": (
        {
            "type": "advisor_tool_result",
            "tool_use_id": "s",
            "content": {"type": "advisor_result", "text": "Do it."},
        },
        "[Result of advisor]\nDo it.",
    ),
    "unknown server": (
        {
            "type": "server_tool_use",
            "id": "s",
            "name": "moon_phase",
            "input": {"day": "today"},
        },
        '[Called: moon_phase({"day": "today"})]',
    ),
    "mcp_tool_listing": (
        {"type": "mcp_tool_listing", "server_name": "s", "tools": [{"name": "a"}]},
        "[Listed the tools: a (on s)]",
    ),
    "executableCode": (
        {"executableCode": {"language": "PYTHON", "code": "print(2)"}},
        "[Ran code]\nprint(2)",
    ),
    "codeExecutionResult": (
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "2\n"}},
        "[Output]\n2",
    ),
    "codeExecutionResult f": (
        {"codeExecutionResult": {"outcome": "OUTCOME_FAILED", "output": "NameError"}},
        "[Output. Failed]\nNameError",
    ),
    "codeExecutionResult e": (
        {"codeExecutionResult": {"outcome": "OUTCOME_OK"}},
        "[Result of code execution]",
    ),
    "inlineData": (
        {"inlineData": {"mimeType": "image/png", "data": PNG}},
        "[Image: image/png, 1 kB]",
    ),
    "inlineData audio": (
        {"inlineData": {"mimeType": "audio/wav", "data": WAVE}},
        "[Sound: audio/wav, 3 kB]",
    ),
    "inlineData lie": (
        {
            "inlineData": {
                "mimeType": "image/png",
                "data": "PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+",
            }
        },
        "[Image: image/png, 1 kB, not shown]",
    ),
    "inlineData thought": (
        {"inlineData": {"mimeType": "image/png", "data": PNG}, "thought": True},
        "[Image: image/png, 1 kB (a draft)]",
    ),
    "fileData": (
        {"fileData": {"mimeType": "image/png", "fileUri": "gs://a/b"}},
        "[Image: gs://a/b; image/png]",
    ),
    "toolCall": (
        {
            "toolCall": {
                "toolType": "GOOGLE_SEARCH_WEB",
                "args": {"queries": ["a", "b"]},
                "id": "1",
            }
        },
        "[Searched Google: a; b]",
    ),
    "toolResponse": (
        {
            "toolResponse": {
                "toolType": "GOOGLE_SEARCH_WEB",
                "response": {"search_suggestions": "<b>"},
                "id": "1",
            }
        },
        "[Result of google search web]",
    ),
    "audioTranscription": (
        {"audioTranscription": {"text": "Hello there"}},
        "[Audio transcription]\nHello there",
    ),
    "google_search_call": (
        {"type": "google_search_call", "id": "1", "arguments": {"queries": ["x"]}},
        "[Searched Google: x]",
    ),
    "google_search_result": (
        {
            "type": "google_search_result",
            "call_id": "1",
            "result": [{"search_suggestions": "<div>"}],
            "signature": "s",
        },
        "[Result of google search]",
    ),
    "code_execution_call": (
        {
            "type": "code_execution_call",
            "id": "1",
            "arguments": {"code": "1+1", "language": "PYTHON"},
        },
        "[Ran code]\n1+1",
    ),
    "code_execution_result": (
        {"type": "code_execution_result", "call_id": "1", "result": "2"},
        "[Output]\n2",
    ),
    "code_execution_result img": (
        {
            "type": "code_execution_result",
            "call_id": "1",
            "result": [
                {"type": "text", "text": "2"},
                {"type": "image", "data": PNG, "mime_type": "image/png"},
            ],
        },
        "[Output]\n2",
    ),
    "url_context_call": (
        {
            "type": "url_context_call",
            "id": "1",
            "arguments": {"urls": ["https://a", "https://b"]},
        },
        "[Read a page: https://a; https://b]",
    ),
    "url_context_result": (
        {
            "type": "url_context_result",
            "call_id": "1",
            "result": [{"url": "https://a", "status": "error"}],
        },
        "[Result of url context: https://a. Failed]",
    ),
    "maps result": (
        {
            "type": "google_maps_result",
            "call_id": "1",
            "result": [{"places": [{"name": "Louvre", "url": "https://m"}]}],
        },
        "[Found: Louvre]",
    ),
    "mcp_server_tool_call": (
        {
            "type": "mcp_server_tool_call",
            "id": "1",
            "name": "f",
            "server_name": "s",
            "arguments": {"a": 1},
        },
        '[Called: f({"a": 1}) (on s)]',
    ),
    "mcp_server_tool_result": (
        {
            "type": "mcp_server_tool_result",
            "call_id": "1",
            "name": "f",
            "server_name": "s",
            "result": "ok",
        },
        "[Result: f (on s)]\nok",
    ),
    "processing_call": ({"type": "processing_call", "id": "1"}, "[Processing]"),
    "i image": (
        {"type": "image", "data": PNG, "mime_type": "image/png"},
        "[Image: image/png, 1 kB]",
    ),
    "i image uri": (
        {"type": "image", "uri": "https://evil/x.png", "mime_type": "image/png"},
        "[Image: https://evil/x.png; image/png]",
    ),
    "i audio": (
        {"type": "audio", "data": ZEROS, "mime_type": "audio/wav"},
        "[Sound: audio/wav, 3 kB]",
    ),
    "i document": (
        {"type": "document", "uri": "https://x/y.pdf", "mime_type": "application/pdf"},
        "[Document: https://x/y.pdf; application/pdf]",
    ),
    "image_url": (
        {"type": "image_url", "image_url": {"url": PNG_ADDRESS}},
        "[Image: image/png, 1 kB]",
    ),
    "image_url a": (
        {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
        "[Image: https://x/y.png]",
    ),
    "reasoning.encrypted": (
        {"type": "reasoning.encrypted", "data": "abc", "id": "r"},
        "[Reasoning, encrypted]",
    ),
    "executed search": (
        {
            "type": "search",
            "index": 0,
            "arguments": '{"query": "x"}',
            "output": "Title: …",
            "search_results": {
                "results": [{"title": "A", "url": "u", "content": "c", "score": 1}]
            },
        },
        "[Searched the web: x (found: A)]",
    ),
    "executed python": (
        {
            "type": "python",
            "index": 0,
            "arguments": '{"code": "1+1"}',
            "output": "2",
            "code_results": [{"text": "2", "png": PNG}],
        },
        "[Ran code]\n1+1\n2",
    ),
    "hologram": ({"type": "hologram_call", "beam": 1}, "[Hologram]"),
    "tool_file": (
        {
            "type": "tool_file",
            "tool": "image_generation",
            "file_id": "f1",
            "file_name": "image",
            "file_type": "png",
        },
        "[File: image; f1]",
    ),
}


def reply_of(*events, form="markdown"):
    reply = Reply("openai.responses")
    reply._form = form
    reply._extend(events)
    return reply


def ended(*events, **how):
    reply = reply_of(*events)
    reply._end(**how)
    return reply


def other(data, index=0):
    """Return the events of a part that comes whole."""
    kind = data.get("type") or next(name for name in data if name != "thought")
    part = OtherPart(type=kind, data=data, index=index)
    return part, PartDone(index=index, data={})


def live(reply):
    """Return what the live view shows of a reply, in the order of the page."""
    sections = Sections()
    sections.changes(reply)
    found = sections.snapshot()
    return "\n".join("".join(found[key]["html"]) for key in sorted(found))


def words(made):
    """Return the text of some HTML, its blanks made one."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", made)).split())


def printed(*events):
    """Return what a terminal shows where it looks after each event."""
    out, reply = io.StringIO(), reply_of()
    screen = TerminalScreen(out)
    screen.open(reply)
    for event in events:
        reply._apply(event)
        screen.update(reply)
    reply._end()
    screen.close(reply)
    return out.getvalue()


@pytest.mark.parametrize(("data", "plain"), KINDS.values(), ids=KINDS.keys())
def test_each_kind_is_told(data, plain):
    """It has its words in each form, and the base64 of an image in none but HTML."""
    reply = ended(*other(data), *STOP)
    made = bundle(reply)

    assert made["text/plain"] == plain
    assert printed(*other(data), *STOP) == f"{plain}\n"
    assert words(live(reply)) == words(made["text/html"])
    assert ("<img" in made["text/html"]) or words(made["text/html"])
    assert made["text/markdown"].strip()
    assert PNG not in made["text/markdown"]
    assert PNG not in made["text/plain"]
    assert "http" not in "".join(re.findall(r"<[^>]*>", made["text/html"]))


# -- in its place ----------------------------------------------------------------------

SEARCH = {"type": "server_tool_use", "name": "web_search", "input": {"query": "a"}}
SEALED = {"type": "reasoning.encrypted", "data": "x"}


def text(words, index=None):
    return TextDelta(text=words, index=index)


PLACES = {
    "between two texts": (
        (text("I look.", 0), *other(SEARCH, 1), text("## Result\n\nA.", 2)),
        '<p dir="auto">I look.</p>\n\n<p><em>Searched the web: a</em></p>\n'
        '<h2 class="tocSkip" dir="auto">Result</h2>\n<p dir="auto">A.</p>\n',
        "I look.\n\n*Searched the web: a*\n\n## Result\n\nA.",
        "I look.\n\n[Searched the web: a]\n\n## Result\n\nA.",
    ),
    "a source in the middle of a sentence parts nothing": (
        (text("It is ", 0), Citation(data={"url": "b"}, index=1), text("a.", 1)),
        '<p dir="auto">It is a.</p>\n',
        "It is a.",
        "It is a.",
    ),
    "line breaks of the texts are counted": (
        (text("I look.\n", 0), *other(SEARCH, 1), text("\n\n", 2), text("A.", 3)),
        '<p dir="auto">I look.</p>\n\n<p><em>Searched the web: a</em></p>\n'
        '<p dir="auto">A.</p>\n',
        "I look.\n\n\n*Searched the web: a*\n\n\n\nA.",
        "I look.\n\n[Searched the web: a]\n\nA.",
    ),
    "a fence left open ends there": (
        (text("```\nx", 0), *other(SEARCH, 1), text("A.", 2)),
        "<pre><code>x</code></pre>\n\n<p><em>Searched the web: a</em></p>\n"
        '<p dir="auto">A.</p>\n',
        "```\nx\n```\n\n*Searched the web: a*\n\nA.",
        "```\nx\n\n[Searched the web: a]\n\nA.",
    ),
    "encrypted reasoning parts no word, and is told once": (
        (
            text("Hel"),
            OtherPart(type="reasoning.encrypted", data=SEALED),
            text("lo."),
            OtherPart(type="reasoning.encrypted", data=SEALED),
        ),
        '<p dir="auto">Hello.</p>\n\n<p><em>Reasoning, encrypted</em></p>',
        "Hello.\n\n*Reasoning, encrypted*",
        "Hello.\n\n[Reasoning, encrypted]",
    ),
    "the sound of words parts none of them": (
        (
            text("Pa"),
            OtherPart(type="audio", data={"id": "a"}, index=-1),
            text("ris."),
            OtherPart(type="audio", data={"expires_at": 1}, index=-1),
        ),
        '<p dir="auto">Paris.</p>\n\n<p><em>Sound</em></p>',
        "Paris.\n\n*Sound*",
        "Paris.\n\n[Sound]",
    ),
    "nothing but a search": (
        other(SEARCH),
        "<p><em>Searched the web: a</em></p>",
        "*Searched the web: a*",
        "[Searched the web: a]",
    ),
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())
def test_it_stands_where_it_came(place):
    """In order, with a paragraph before and behind it, live and in what is saved."""
    events, made_html, markdown, plain = place
    reply = ended(*events, *STOP)
    made = bundle(reply)

    assert made["text/html"] == f"{PLACE}{made_html}</div>"
    assert made["text/markdown"] == markdown
    assert made["text/plain"] == plain
    assert printed(*events, *STOP) == f"{plain}\n"
    assert words(live(reply)) == words(made_html)


@given(st.lists(st.integers(1, 40), max_size=12))
def test_a_terminal_prints_what_is_saved_however_it_is_cut(cuts):
    """Whatever pieces the text comes in, and whenever it is looked at."""
    said = "I look it up.\n\n\nFor you, at once."
    pieces, at = [], 0
    for size in [*cuts, len(said)]:
        pieces += [text(said[at : at + size], 0)] if said[at : at + size] else []
        at += size
    more = [text(each.text, 2) for each in pieces]
    events = [*pieces, *other(SEARCH, 1), *more, *STOP]

    assert printed(*events) == f"{bundle(ended(*events))['text/plain']}\n"


def test_the_text_itself_stays_as_it_came():
    """What is shown has two paragraphs; the reply's text is a plain join."""
    reply = ended(text("One.", 0), *other(SEARCH, 1), text("Two.", 2), *STOP)

    assert reply.text == "One.Two."


def test_json_that_was_asked_for_is_one():
    """A search in the middle of it parts nothing."""
    reply = reply_of(
        text('{"a": ', 0), *other(SEARCH, 1), text("1}", 2), *STOP, form="json"
    )
    reply._end()

    plain = '{\n  "a": 1\n}\n\n[Searched the web: a]'
    assert bundle(reply)["text/plain"] == plain
    assert words(live(reply)) == words(bundle(reply)["text/html"])


# -- while it comes --------------------------------------------------------------------


def test_the_line_changes_in_place():
    """While the provider works it says so; the words fill in; then it is done."""
    opened = {"type": "server_tool_use", "name": "web_search", "input": {}}
    reply, sections, seen = reply_of(), Sections(), []
    for event in (
        OtherPart(type="server_tool_use", data=opened, index=0),
        ToolCallDelta(index=0, arguments='{"query": "Par'),
        ToolCallDelta(index=0, arguments='is"}'),
        PartDone(index=0, data={}),
        TextDelta(text="A.", index=1),
    ):
        reply._apply(event)
        changed = sections.changes(reply)
        seen.append(
            (*changed, words("".join(sections.snapshot()["0.2.other"]["html"])))
        )

    assert seen == [
        ("0.2.other", "Searching the web …"),
        ("0.2.other", "Searching the web: Par …"),
        ("0.2.other", "Searching the web: Paris …"),
        ("0.2.other", "Searched the web: Paris"),
        ("0.2.x1.text", "Searched the web: Paris"),
    ]


CUT = {
    "a search": ("web_search_call", {"action": {"query": "a"}}, "Searching the web: a"),
    "an approval": ("mcp_approval_request", {"name": "f"}, "Asks for approval: f()"),
    "code": ("code_interpreter_call", {"code": ""}, "Running code"),
}


@pytest.mark.parametrize(("kind", "data", "line"), CUT.values(), ids=CUT.keys())
def test_what_was_cut_says_so(kind, data, line):
    """A stream that ended before the part did leaves it unfinished."""
    reply = ended(OtherPart(type=kind, data=data, index=0), stopped=True)

    assert bundle(reply)["text/plain"].startswith(f"[{line} (unfinished)]")


def test_code_is_seen_as_it_is_written():
    """The code interpreter's fragments are code, not JSON."""
    part = OtherPart(type="code_interpreter_call", data={"code": ""}, index=0)
    reply = reply_of(part, ToolCallDelta(index=0, arguments="print("))

    assert words(live(reply)) == "Running code … print("


def partial(image, index=0):
    event = {"type": "response.image_generation_call.partial_image"}
    return {**event, "output_index": index, "partial_image_b64": image}


def item(kind, **more):
    data = {"type": "image_generation_call", "id": "i", **more}
    return {"type": f"response.output_item.{kind}", "output_index": 0, "item": data}


def test_partial_images_replace_one_another():
    """One picture stands there, the newest; the last one is the image."""
    other_png = b64(b"\x89PNG\r\n\x1a\n" + b"\1" * 40)
    reply, sections, seen = reply_of(), Sections(), []
    for payload in (
        item("added", status="in_progress"),
        partial(other_png),
        partial(PNG),
        item("done", status="completed", result=other_png),
    ):
        reply._extend(openai_responses.normalize(payload))
        sections.changes(reply)
        (found,) = sections.snapshot().values()
        made = "".join(found["html"])
        seen.append((words(made), re.findall(r'src="[^,]*,([^"]*)"', made)))

    assert seen == [
        ("Making an image …", []),
        ("Making an image …", [other_png]),
        ("Making an image …", [PNG]),
        ("Made an image", [other_png]),
    ]
    assert len(reply.parts) == 1
    assert "partial_image" not in reply.parts[0].data


def test_a_partial_image_of_nothing_known_begins_a_part():
    """A page that is read on in the middle has it all the same."""
    reply = ended(*openai_responses.normalize(partial(PNG)))

    assert len(told(reply.parts[0], "cut").images) == 1


def test_what_more_is_said_of_a_part_is_one_part():
    """A compaction's summary comes behind its block: lists grow, the rest is set."""
    block = {"type": "compaction", "content": None}
    start = {"type": "content_block_start", "index": 0, "content_block": block}
    more = {"type": "compaction_delta", "content": "We spoke."}
    delta = {"type": "content_block_delta", "index": 0, "delta": more}
    reply = reply_of(*anthropic.normalize(start), *anthropic.normalize(delta))
    first = OtherPart(type="a_call", data={"found": [1]}, index=1)
    then = OtherPart(type="a_call", data={"found": [2], "b": 3}, index=1, goes_on=True)
    reply._extend((first, then))

    assert [part.data for part in reply.parts] == [
        {"type": "compaction", "content": "We spoke."},
        {"found": [1, 2], "b": 3},
    ]


def test_a_part_alone_is_something_to_see():
    """The screen does not wait for the first word, and says what goes on."""
    reply = reply_of(OtherPart(type="web_search_call", data={}, index=0))

    assert is_visible(OtherPart(type="web_search_call", data={}))
    assert Facts().new(reply, 1.0)["phase"] == "working"


# -- images, and other things that no one has seen before ------------------------------

JPEG = b"\xff\xd8\xff\xe0" + b"\0" * 20
WEBP = b"RIFF\x10\0\0\0WEBPVP8 " + b"\0" * 20
SVG = b"<svg onload='alert(1)'/>" + b" " * 500
IMAGES = {
    "PNG": (PNG, "image/png"),
    "JPEG": (b64(JPEG), "image/jpeg"),
    "WebP": (b64(WEBP), "image/webp"),
    "for addresses": (base64.urlsafe_b64encode(JPEG).decode(), "image/jpeg"),
    "in lines": ("\n".join(re.findall(".{1,16}", PNG)), "image/png"),
    "without its end": (b64(JPEG).rstrip("="), "image/jpeg"),
    "an address": (PNG_ADDRESS, "image/png"),
    "an address that lies": (f"data:image/svg+xml;base64,{PNG}", "image/png"),
    "SVG": (f"data:image/svg+xml;base64,{b64(SVG)}", None),
    "SVG said to be PNG": (f"data:image/png;base64,{b64(SVG)}", None),
    "SVG as it is": ("data:image/svg+xml,<svg onload='alert(1)'/>", None),
    "a way out of the attribute": (f'{PNG[:40]}" onerror="alert(1)', None),
    "GIF": (GIF, None),
    "an address of the network": ("https://evil.example/a.png", None),
    "the largest": (b64(JPEG.ljust(LARGEST_IMAGE, b"\0")), "image/jpeg"),
    "a larger one": (b64(JPEG.ljust(LARGEST_IMAGE + 1, b"\0")), None),
}


@pytest.mark.parametrize(("said", "kind"), IMAGES.values(), ids=IMAGES.keys())
def test_only_images_are_shown(said, kind):
    """PNG, JPEG and WebP by their bytes, of 5 MB at most; of others there is a line."""
    data = {"type": "image", "data": said, "mime_type": "image/png"}
    made = bundle(ended(*other(data), *STOP))
    (*images,) = re.findall(r"<img [^>]*>", made["text/html"])

    if kind is None:
        assert images == []
        assert words(made["text/html"]).startswith("Image: ")
        assert len(made["text/html"]) < 500
        assert "<svg" not in made["text/html"]
    else:
        (image,) = images
        address = rf"data:{kind};base64,[A-Za-z0-9+/]+=*"
        assert re.fullmatch(rf'<img src="{address}" alt="Image by the model">', image)
    assert len(made["text/markdown"]) < 500


def test_what_is_no_image_is_a_text():
    """Words are not taken for bytes."""
    assert media_of("RIFF") is None
    assert media_of("data: [DONE]") is None


HOSTILE = (
    "<img src=x onerror=alert(1)> *a* [b](javascript:alert(1)) $\\href{x}{y}$\n# c"
)


@pytest.mark.parametrize("kind", ["mcp_call", "web_search_call", "hologram", "<b>"])
def test_what_a_provider_says_is_text(kind):
    """No markup of its own comes through, in any field, nor a formula."""
    fields = ("name", "query", "title", "code", "output", "error", "server_label")
    fields += ("language", "revised_prompt", "mime_type", "arguments", "status")
    data = {"type": kind, **dict.fromkeys(fields, HOSTILE), "image": PNG_ADDRESS}
    reply = ended(*other(data), *STOP)
    made = bundle(reply)

    for shown in (made["text/html"], live(reply)):
        tags = set(re.findall(r"<(\w+)", shown))
        assert tags <= {"p", "em", "pre", "code", "span", "img", "div"}
        assert re.findall(r"<img (?!src=\"data:image/png;base64,)", shown) == []
        assert "$" not in re.sub(r"(?s)<(span|code)\b.*?</\1>|<img[^>]*>", "", shown)
    line, _, _ = made["text/markdown"].partition("\n")
    assert re.search(r"(?<!\\)[<$\[*](?=.)", line[1:-1]) is None


DEEP = {
    "lists": '{"query": ' + "[" * 5000,
    "objects": '{"a": ' * 5000,
}


@pytest.mark.parametrize("said", DEEP.values(), ids=DEEP.keys())
def test_what_is_too_deep_is_told_by_its_name(said):
    """Nothing that is nested fails."""
    part = OtherPart(type="server_tool_use", data={"name": "web_search"}, index=0)
    reply = ended(part, ToolCallDelta(index=0, arguments=said), *STOP)

    assert bundle(reply)["text/plain"] == "[Searched the web]"


def test_an_image_does_not_hold_up_the_page():
    """It is sent once; what follows comes as fast as before."""
    image = b64(JPEG.ljust(2_000_000, b"\0"))
    reply, sections = reply_of(*other({"type": "image", "data": image})), Sections()
    sections.changes(reply)
    cost = sections.open_chars
    reply._apply(text("A.", 1))

    assert cost == MOST_OPEN
    assert [*sections.changes(reply)] == ["0.2.x1.text"]
    assert sections.open_chars < 10


def test_what_is_very_long_is_not_shortened():
    """A character that means something to the page is still marked."""
    assert shorten('<p dir="auto">' + "\x85" * LONGEST_SHORTENED).startswith(
        '<p dir="auto">\x80\x85'
    )
