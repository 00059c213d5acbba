"""What is asked of a model, and how an answer goes back; no SDK is involved yet."""

from __future__ import annotations

import base64
import inspect
import mimetypes
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Protocol

from nbstream._failures import FirstBytes
from nbstream.errors import ProtocolError, UsageError
from nbstream.reply import Reply, ToolCall
from nbstream.reply.reply import answerable


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSpec:
    """A tool as a model is told of it; ``parameters`` is a JSON Schema."""

    name: str
    description: str
    parameters: Mapping[str, Any]

    def declaration(self, schema_name: str) -> dict[str, Any]:
        """Return it as the APIs want it, which differ in what they call the schema."""
        schema = {schema_name: dict(self.parameters)}
        return {"name": self.name, "description": self.description, **schema}


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
        tools: Ours, and those of the service's own as they are sent.
        options: More arguments of the SDK's call, passed through as they are.
        extra: What was said of the answers so far besides, see ``Reply.extra``.
    """

    provider: str
    model: str
    api: str
    messages: tuple[Any, ...]
    system: str | None = None
    tools: tuple[ToolSpec | Mapping[str, Any], ...] = ()
    max_tokens: int | None = None
    reasoning_effort: str | None = None
    schema: Schema | None = None
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)  # headers
    extra: Mapping[str, object] = field(default_factory=dict)

    def offered(self, declared: Callable[[ToolSpec], Any]) -> list[Any] | None:
        """Return all tools as an API takes them; ``declared`` makes one of ours so."""
        return [
            declared(each) if isinstance(each, ToolSpec) else each
            for each in self.tools
        ] or None

    def arguments(self, **ours: Any) -> dict[str, Any]:
        """Return our arguments that have a value, and the options, which win."""
        return merged(given(**ours), self.options)


class File(Protocol):
    """What is sent along: a ``Path``, or anything that can be read like one."""

    @property
    def name(self) -> str:
        """Its name, whose ending tells the type."""

    def read_bytes(self) -> bytes:
        """Return its content."""

    def read_text(self, encoding: str, errors: str) -> str:
        """Return its content as text."""


class Form(Protocol):
    """How an API wants what a user says and what a call gave.

    Attributes:
        api: The wire API, such as ``"openai.chat"``.
    """

    @property
    def api(self) -> str:
        """The wire API."""

    def user_message(
        self, text: str, images: Sequence[File] = (), files: Sequence[File] = ()
    ) -> Any:
        """Return a question, with images and files, as the API takes it."""

    def tool_result_message(
        self, call_id: str, name: str, result: str, is_error: bool
    ) -> Any:
        """Return what a tool gave, as the API takes it."""


class Provider(Form, Protocol):
    """One way to ask. All but ``client`` and ``open`` work without the SDK.

    Attributes:
        package: The module that must be importable, such as ``"google.genai"``.
        keys: Environment variables that may hold the key; none: it needs no key.
        base_url: The usual address, or None for the SDK's own.
    """

    @property
    def package(self) -> str:
        """The module it needs."""

    @property
    def keys(self) -> tuple[str, ...]:
        """Where its key may be."""

    @property
    def base_url(self) -> str | None:
        """Its usual address."""

    def arguments(self, request: Request) -> dict[str, Any]:
        """Return the keyword arguments of the SDK's call."""

    def client(self, base_url: str | None, api_key: str | None) -> Any:
        """Make the SDK's async client; None leaves it to the SDK."""

    def open(self, request: Request, client: Any) -> AsyncIterator[object]:
        """Send the request; yield what the SDK yields; close stream and client."""


# What every provider's request needs.


def given(**options: Any) -> dict[str, Any]:
    """Return the options that have a value."""
    return {name: value for name, value in options.items() if value is not None}


def merged(ours: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Add the caller's options: theirs win, and two mappings become one."""
    made = dict(ours)
    for name, value in more.items():
        was = made.get(name)
        both = isinstance(was, Mapping) and isinstance(value, Mapping)
        made[name] = merged(was, value) if both and was is not None else value
    return made


def encoded(path: File) -> tuple[str, str]:
    """Return a file's media type and its content in base64.

    Raises:
        UsageError: it cannot be read, or its name does not tell its type.
    """
    kind, _ = mimetypes.guess_type(path.name)
    if kind is None:
        msg = f"{path.name!r} has no known file ending; expected one such as .png, .pdf"
        raise UsageError(msg)
    try:
        return kind, base64.b64encode(path.read_bytes()).decode()
    except OSError as error:
        msg = f"{str(path)!r} cannot be read ({error.strerror}); give a file's path"
        raise UsageError(msg) from None


def data_url(path: File) -> str:
    """Return a file as a ``data:`` address."""
    kind, data = encoded(path)
    return f"data:{kind};base64,{data}"


#: What an SDK raises that was given something else than it reads.
MISREAD = (AttributeError, LookupError, TypeError, ValueError)


class Asked:
    """What our own providers have in common: how a call is opened, read and closed."""

    def create(self, client: Any) -> Callable[..., Any]:
        """Return the SDK's call."""
        raise NotImplementedError

    def arguments(self, request: Request) -> dict[str, Any]:
        """Return its keyword arguments."""
        raise NotImplementedError

    async def sent(self, request: Request, client: Any, first: FirstBytes) -> Any:
        """Send a request; return its stream, whose response is heard."""
        create = self.create(client)
        stream = await create(**known(create, self.arguments(request)))
        first.hear(getattr(stream, "response", None))
        return stream

    def user_message(
        self, text: str, images: Sequence[File] = (), files: Sequence[File] = ()
    ) -> dict[str, Any]:
        """Return a user message: a text, or parts where something is sent along."""
        if not (images or files):
            return {"role": "user", "content": text}
        parts = self.parts(text, images, files)  # a blank text is refused by some
        content = [each for each in parts if each.get("text", "-").strip()]
        return {"role": "user", "content": content}

    def parts(
        self, text: str, images: Sequence[File], files: Sequence[File]
    ) -> list[dict[str, Any]]:
        """Return a question as parts."""
        raise NotImplementedError

    def is_void(self, item: object) -> bool:
        """Tell whether the first item of a stream says nothing; None: there is none."""
        return item is None

    async def open(self, request: Request, client: Any) -> AsyncIterator[object]:
        """Send it; yield what the SDK yields; close the stream and the client.

        Raises:
            ProtocolError: a page, an error or something else answered, with status 200.
        """
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(client)
            first = stack.enter_context(FirstBytes())
            try:
                stream = await self.sent(request, client, first)
                stack.push_async_callback(_close, stream)
                items = aiter(stream)
                item = await anext(items, None)
            except MISREAD as error:
                if problem := first.problem():
                    raise ProtocolError(problem) from error
                raise
            if self.is_void(item) and (problem := first.problem()):
                raise ProtocolError(problem)
            if item is not None:
                yield item
            async for item in items:
                yield item


async def _close(stream: Any) -> None:
    """Close a stream of an SDK, or what a tracer has put around it."""
    close = getattr(stream, "aclose", None) or getattr(stream, "close", None)
    if close is not None and inspect.isawaitable(closing := close()):
        await closing


def known(call: Callable[..., Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Move what an SDK's call does not know into ``extra_body``.

    So the service sees it and says what is wrong with it, and an option newer than
    the SDK works. What a wrapper around it knows cannot be seen: it gets everything.
    """
    names = inspect.signature(call).parameters
    if any(each.kind is each.VAR_KEYWORD for each in names.values()):
        return dict(arguments)
    fits = {name: value for name, value in arguments.items() if name in names}
    extra = {name: value for name, value in arguments.items() if name not in names}
    return merged(fits, {"extra_body": extra}) if extra else fits


def messages_of(messages: tuple[Any, ...]) -> list[Any]:
    """Flatten: a reply may be sent back as a list of items."""
    found: list[Any] = []
    for message in messages:
        found.extend(message if isinstance(message, list) else [message])
    return found


def joined(
    messages: tuple[Any, ...], key: str, is_result: Callable[[Any], bool]
) -> list[Any]:
    """Flatten; put the results of parallel calls into one message, for some APIs."""

    def answers(message: Any) -> bool:
        held = message.get(key) if isinstance(message, dict) else None
        return isinstance(held, list) and len(held) > 0 and all(map(is_result, held))

    found: list[Any] = []
    for message in messages_of(messages):
        if found and answers(message) and answers(found[-1]):
            found[-1] = {**message, key: [*found[-1][key], *message[key]]}
        else:
            found.append(message)
    return found


# What of an answer goes back to the model in the next request, and is valid there.

STOPPED = "[The answer was stopped here.]"
CUT = "[The answer broke off here.]"
NO_ANSWER = "[There was no answer.]"
LEFT_OUT = "[A tool call was cut off here and left out.]"
NOT_RUN = "This call was not run."
#: What a call's result is where the function had not ended.
UNENDED = "The call was stopped before it ended; there is no result."


def as_messages(reply: Reply, own: Provider) -> list[Any]:
    """Return one answer and its calls' results as messages of the provider's API.

    Partial text is kept, and says that it is partial. Every call that is sent back is
    followed by a result, also one that was never run, because the APIs refuse a
    history in which a call is left open. Empty if nothing came.
    """
    if not reply.api or not reply.parts:
        return []
    whole = answerable(reply)
    found = messages_of((whole.to_message(_note(reply)),))
    if all(map(_is_empty, found)):
        found = messages_of((whole.to_message(NO_ANSWER),))
    return [*found, *_results(whole, own)]


def _note(reply: Reply) -> str:
    gap = "\n\n" if reply.text else ""
    if reply.outcome == "stopped" and not reply.whole:
        return gap + STOPPED
    if reply.outcome in {"truncated", "failed"}:
        return gap + CUT
    if any(call.state == "unfinished" for call in reply.tool_calls):
        return gap + LEFT_OUT
    return ""


def _results(reply: Reply, own: Provider) -> Iterator[Any]:
    for call in reply.tool_calls:
        if call.state == "valid":
            result, is_error = _result(call)
            yield own.tool_result_message(call.id, call.name, result, is_error)


def _result(call: ToolCall) -> tuple[str, bool]:
    run = call.run
    if run is None:
        return NOT_RUN, True
    if run.state == "stopped":
        return run.result or UNENDED, True
    return run.result, run.state != "done"


def _is_empty(message: Any) -> bool:
    """Tell whether a message holds nothing, which the APIs refuse."""
    if not isinstance(message, dict):
        raise UsageError(f"{message!r} is no message: expected a dict")
    content = message.get("content", message.get("parts"))
    has_more = any(message.get(name) for name in ("tool_calls", "function_call"))
    return "type" not in message and not content and not has_more
