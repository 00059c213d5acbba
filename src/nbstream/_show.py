"""``show``: a stream in a display; and ``read``, behind ``Reply.from_stream``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import (
    TYPE_CHECKING,
    ForwardRef,
    ParamSpec,
    TypeAlias,
    TypedDict,
    TypeVar,
    Unpack,
)

from nbstream._player import Player, Screen
from nbstream._retry import MAX_WAIT_S, retrying
from nbstream._stop import Stop, end_script_in_one_line, interrupts_raise
from nbstream._timeout import Timeout, timeout_of
from nbstream._windows import Limits
from nbstream.errors import UsageError
from nbstream.reply import Reply, Timing
from nbstream.screens import choose
from nbstream.screens.base import NoScreen, Together
from nbstream.streams import Source, open_source
from nbstream.streams.source import BLOCKED, Awaited, noting
from nbstream.types import Stream

if TYPE_CHECKING:
    from nbstream.tool_runs import Consents


# -- Keyword options that several functions take: named, typed and filled in once.

# A type checker knows them by ``Unpack``; ``help``, ``?`` and Tab know them by the
# signature that is made here; and the function finds all of them in ``options``.

_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")


def expand_options(
    options: type, **defaults: object
) -> Callable[[Callable[_Given, _Result]], Callable[_Given, _Result]]:
    """Let a function that takes these options show each of them, and fill them in.

    ``options`` is the ``TypedDict`` that its ``**`` is annotated with. An option that
    ``defaults`` does not name is None by default. An unknown one is refused in
    Python's own words, as if all of them stood in the ``def``. What the function takes
    by keyword beside them stands behind them in its signature.
    """
    fields = {name: _written(each) for name, each in options.__annotations__.items()}
    filled = {name: defaults.get(name) for name in fields}
    expanded = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=filled[name], annotation=each
        )
        for name, each in fields.items()
    ]

    def decorate(function: Callable[_Given, _Result]) -> Callable[_Given, _Result]:
        signature = inspect.signature(function)
        own = list(signature.parameters.values())[:-1]  # the last one is the ``**``
        first = [each for each in own if each.kind is not each.KEYWORD_ONLY]
        more = [each for each in own if each.kind is each.KEYWORD_ONLY]
        known = {*fields, *(each.name for each in own)}

        @wraps(function)
        def call(*args: _Given.args, **given: _Given.kwargs) -> _Result:
            for name in given:
                if name not in known:
                    msg = f"got an unexpected keyword argument {name!r}"
                    raise TypeError(f"{function.__qualname__}() {msg}")
            for name, default in filled.items():
                given.setdefault(name, default)
            return function(*args, **given)

        expanded_signature = signature.replace(parameters=[*first, *expanded, *more])
        vars(call)["__signature__"] = expanded_signature
        return call

    return decorate


def _written(annotation: object) -> object:
    """Return an annotation as it stands in a ``def`` of the same module: as text."""
    if isinstance(annotation, ForwardRef):
        return annotation.__forward_arg__
    return annotation


# -- What people call.

_last: Reply | None = None


def last() -> Reply | None:
    """Return the reply that ended last, also a stopped or failed one; None at first."""
    return _last


@contextmanager
def remembered(reply: Reply) -> Iterator[None]:
    """Let ``last`` find this reply, however it ends."""
    global _last
    try:
        yield
    finally:
        _last = reply


def finished(player: Player) -> Reply:
    """Return the reply of a player that is done, or raise what the caller must know.

    Raises:
        ProviderFailure: the service failed; ``.reply`` holds what arrived.
        UsageError: the stream gave something that is none.
        Stopped: the reader pressed interrupt; a ``KeyboardInterrupt``.
    """
    if player.stop.by == "interrupt":
        end_script_in_one_line()
    player.raise_for_outcome()
    return player.reply


#: Makes one more screen for the same reply, or none, whose buttons raise this flag.
Beside: TypeAlias = Callable[[Stop], Screen | None]


class ShowOptions(TypedDict, total=False):
    """How a stream is shown; ``show`` says what each of them is."""

    view: str | None
    images: bool
    timeout: float | Timeout | None
    retries: int
    max_wait_s: float
    keep_wire: bool
    resume: Reply | None


class PlayOptions(ShowOptions, total=False):
    """The same, and what only nbstream passes on to itself."""

    consents: Consents | None
    beside: Beside | None
    awaited: Awaited


takes_options = expand_options(
    ShowOptions, images=False, retries=0, max_wait_s=MAX_WAIT_S, keep_wire=False
)


@takes_options
def show(stream: Stream, **options: Unpack[ShowOptions]) -> Reply:
    """Show a stream as it is written, wait for its end, and return the reply.

    Args:
        stream: What the SDK's call gave: a stream, an un-entered ``.stream()``
            manager, a generator, an async stream, a coroutine; or a function without
            arguments that makes one of these; or any iterable of strings, dicts or
            raw server-sent-event bytes.
        view: ``"live"`` (a widget that follows, then a static output), ``"updates"``
            (one output, updated), ``"static"`` (one output at the end), ``"terminal"``
            or ``"none"``; by itself whatever fits the place. ``NBSTREAM_VIEW`` too.
        images: Whether images in the answer are loaded. They come from wherever the
            model says, so by default they are links.
        timeout: The longest silence, in seconds, also before the first token; or a
            ``Timeout`` with limits of its own. None: none, there is a Stop.
        retries: How often to call again what failed before anything was shown; for a
            function only. 0, because the SDKs retry too (see ``nbstream._retry``).
        max_wait_s: If the provider asks for a longer wait than this before a retry,
            the failure is raised instead, with ``retry_after_s``.
        keep_wire: Keep the bytes that the SDK reads, and when, in ``reply.wire``: for
            ``reply.anatomy()``, and for ``reply.timing``, which then knows the first
            byte. A function, or a call that has not been sent yet, is heard from its
            request on; a stream object from its first byte. None of it where the
            bytes are not to be had: other libraries, or a client with a transport of
            its own (but for a stream object that shows its response).
        resume: A reply that broke off, where the stream is what its ``resume_hint``
            calls for: the new reply is that one and what follows, of which no event
            counts twice. ``timing`` and ``wire`` are of what follows only.

    Raises:
        ProviderFailure: the service failed; ``.reply`` holds what had arrived. Its
            kinds, such as ``RateLimitFailure``, are in ``nbstream.errors``.
        Stopped: interrupt was pressed (a ``KeyboardInterrupt``); so is ``.reply``.
        UsageError: that cannot be shown, or its bytes cannot be kept, or it does not
            go on with ``resume``; the message says what can.
    """
    return shown(stream, begun(options), **options)


def begun(options: ShowOptions) -> Reply:
    """Return the reply that is to grow: a new one, or what is there of another."""
    before = options.get("resume")
    if before is None:
        return Reply()
    from nbstream._resumption import resumed

    return resumed(before)


def shown(stream: object, reply: Reply, **options: Unpack[PlayOptions]) -> Reply:
    """Show a stream as ``show`` does, in a reply that is there already."""
    source = opened(stream, reply, options)
    if source.needs_await:
        raise UsageError(BLOCKED)
    player = player_of(source, reply, options)
    with interrupts_raise(player.stop), remembered(player.reply):
        player.start()
        player.loop()
        player.close_screen()
    return finished(player)


def opened(stream: object, reply: Reply, options: PlayOptions) -> Source:
    """Return the source of a stream, whose times and bytes go into the reply.

    Raises:
        UsageError: that is no stream, or its bytes cannot be kept.
    """
    reply.timing = Timing()
    noted = noting(stream, reply.timing)
    retries, most_s = options.get("retries", 0), options.get("max_wait_s", MAX_WAIT_S)
    awaited = options.get("awaited", "none")
    if not options.get("keep_wire"):
        return retrying(noted, reply, retries, most_s, awaited)
    from nbstream.streams.wire import WireSource  # only who asks for it pays for it

    return WireSource(
        noted, reply, lambda heard: retrying(heard, reply, retries, most_s, awaited)
    )


def player_of(source: Source, reply: Reply, options: PlayOptions) -> Player:
    """Return what plays a source into a reply, on the screen that fits the place."""
    limits, stop = timeout_of(options.get("timeout")), Stop()
    images, consents = options.get("images", False), options.get("consents")
    screen = choose(options.get("view"), images=images, stop=stop, consents=consents)
    beside = options.get("beside")
    more = beside(stop) if beside is not None else None
    if more is not None:
        is_none = isinstance(screen, NoScreen)
        screen = more if is_none else Together([screen, more])
    return Player(source, screen, reply, stop=stop, timeout=limits)


def read(reply: Reply, stream: object, timeout: float | Limits | None = None) -> Reply:
    """Read a stream to its end into the reply, showing nothing and raising nothing."""
    limits = timeout_of(timeout)
    reply.timing = Timing()
    source = open_source(noting(stream, reply.timing))
    if source.needs_await:
        msg = "this async stream is bound to the running event loop: use nbstream.start"
        raise UsageError(msg)
    player = Player(source, NoScreen(), reply, timeout=limits)
    player.start()
    player.loop()
    player.raise_for_usage()
    return reply
