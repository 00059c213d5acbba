"""See a comm's message on its way to a busy kernel, and leave it as it is.

All that is used of ipykernel beyond its documented interface is here: each name is
looked for, and where it is missing or not what it was, the next way takes over. Without
this module the Stop button of a cell that blocks would be heard on ipykernel 7.0 to 7.3
under JupyterLab 4.4 or newer only; elsewhere the page would interrupt the kernel, as ■
does, and what is queued behind the cell would not run.
"""

from __future__ import annotations

import contextlib
import inspect
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextvars import copy_context
from importlib import import_module
from queue import Empty
from typing import Any, TypeAlias

from nbstream._workers import THREADS

#: Look once for messages; False: that cannot be done with this kernel.
Look: TypeAlias = Callable[[], bool]
#: What is told of a message: the content of a custom message of our comm.
Take: TypeAlias = Callable[[object], None]

#: What is used, and the versions of ipykernel in which it was seen.
PRIVATE: Mapping[str, str] = {
    "comm._reply_subshell_for": "7.4.0: asked on the shell channel's thread where a "
    "message goes; we answer as the message says itself",
    "kernel.shell_channel_thread": "7.0.0 to 7.4.0: where messages come in while a "
    "cell blocks; with .io_loop",
    "kernel.shell_channel_thread_main": "7.0.0 to 7.4.0: (frames) hands a message on",
    "kernel.shell_stream.on_recv": "7.0.0 to 7.4.0: who is given each message",
    "kernel.msg_queue": "6.17.1 to 7.0.1: (number, handler, (frames,)) of what waits",
    "kernel.shell_stream.flush": "6.17.1 to 6.31.0: reads what has come into the "
    "queue; from 7.0.0 on the stream is another thread's, and is not for us to read",
    "marimo._runtime.context.get_context": "marimo 0.25: .execution_context.output, "
    "what a cell has put out; ._kernel.enqueue_control_request, in whose closure is "
    "set_ui_element_queue: a copy of what pages say while a cell blocks",
    "kernel._allow_stdin": "6.17.1 to 7.4.0: whether the last cell may ask for input",
}
#: What is raised where a kernel is not as the table says.
_OTHERWISE = (AttributeError, LookupError, TypeError, ValueError)


def hook(comm: Any, take: Take) -> Callable[[], None]:
    """Look at each message as ipykernel 7.4 routes it; return what undoes that.

    The route is the one in the message's own header. By itself 7.4 sends messages to
    the shell that wrote to this comm last, which is the one that is busy.
    """
    if not hasattr(comm, "_reply_subshell_for"):
        return lambda: None

    def route(data: object, default: object) -> object:
        _tell(data, take)
        return default

    comm._reply_subshell_for = route

    def undo() -> None:
        vars(comm).pop("_reply_subshell_for", None)

    return undo


#: Whose messages are looked for: the comms of the streams that are shown now.
_watched: dict[str, Take] = {}
_tapping = threading.Lock()


def watch(comm: Any, take: Take) -> Callable[[], None]:
    """Look for a comm's messages as they come in; return what undoes that.

    An ipykernel 7 is tapped for it. That is for 7.0 to 7.3 with a front end that knows
    no subshells: there all messages go to the main thread, which is the one that is
    busy. 7.4 has the hook; for 6 the pump must look.
    """
    kernel = _kernel()
    here = kernel is not None or marimo_here() is not None
    if not here or hasattr(comm, "_reply_subshell_for"):
        return lambda: None
    comm_id: str = comm.comm_id
    main: Any = getattr(kernel, "shell_channel_thread_main", None)
    receive: Any = getattr(getattr(kernel, "shell_stream", None), "on_recv", None)
    can_tap = _can_tap(kernel)
    thread: Any = getattr(kernel, "shell_channel_thread", None)
    context = copy_context()  # 7.0 asks it for the cell, whenever a message is sent

    def take_here(content: object) -> None:
        context.copy().run(take, content)

    async def look_and_hand_on(frames: Any) -> None:
        for _, data, each in list(_known(kernel.session, frames)):
            _tell(data, each)
        await main(frames)

    def undo() -> None:
        with _tapping:
            if _watched.pop(comm_id, None) and can_tap and not _watched:
                thread.io_loop.add_callback(receive, main, copy=False)

    with _tapping:
        _watched[comm_id] = take_here
        if can_tap:
            thread.io_loop.add_callback(receive, look_and_hand_on, copy=False)
    return undo


def hear(channel: str, take: Take) -> Callable[[], None]:
    """Hear a page in which the kernel itself runs; return what undoes that.

    JupyterLite (0.8) keeps a comm's message back until the cell has ended. What is said
    on a ``BroadcastChannel`` comes to the worker whenever its stack sleeps.
    """
    if not channel:
        return lambda: None
    line = import_module("js").BroadcastChannel.new(channel)
    heard = import_module("pyodide.ffi").create_proxy(
        lambda event: take(event.data.to_py())
    )
    line.onmessage = heard

    def undo() -> None:
        line.close()
        heard.destroy()

    return undo


def _can_tap(kernel: Any) -> bool:
    names = ("shell_channel_thread.io_loop", "shell_channel_thread_main")
    return all(_found(kernel, name) for name in (*names, "shell_stream.on_recv"))


def _found(kernel: Any, name: str) -> bool:
    for part in name.split("."):
        kernel = getattr(kernel, part, None)
    return kernel is not None


def listens(comm: Any, look: Look | None) -> bool:
    """Tell whether what a page has said to this comm is known by now; look for it."""
    if marimo_here() is not None:
        return False
    if not THREADS or hasattr(comm, "_reply_subshell_for") or _can_tap(_kernel()):
        return True  # it is seen on its way, whatever the kernel does
    in_main = threading.current_thread() is threading.main_thread()
    return in_main and look is not None and look()


def pump() -> Look | None:
    """Return how to look at what waits for an ipykernel 6; None: this is none.

    7.0 has the same names, but its stream is another thread's: what we would read from
    it is lost, also other cells.
    """
    if marimo_here() is not None:
        return _marimo_pump()
    kernel = _kernel()
    is_7 = getattr(kernel, "shell_channel_thread", None) is not None
    stream: Any = getattr(kernel, "shell_stream", None)
    if is_7 or not hasattr(kernel, "msg_queue") or not hasattr(stream, "flush"):
        return None
    seen: set[str] = set()

    def look() -> bool:
        try:
            stream.flush()
            found = list(_waiting(kernel))
        except _OTHERWISE:
            return False
        for msg_id, data, take in found:
            if msg_id not in seen:
                seen.add(msg_id)
                _tell(data, take)
        return True

    return look


def _marimo_pump() -> Look | None:
    """Return how to look at the copies of the pages' messages; they stay there."""
    try:
        kernel = import_module("marimo._runtime.context").get_context()._kernel
        known = inspect.getclosurevars(kernel.enqueue_control_request).nonlocals
        queue = known["set_ui_element_queue"]
    except _OTHERWISE:
        return None
    seen: set[str] = set()

    def look() -> bool:
        found: list[Any] = []
        try:
            while True:
                found.append(queue.get_nowait())
        except Empty:
            for each in found:
                queue.put_nowait(each)
        except _OTHERWISE:
            return False
        for each in found:
            take = _watched.get(getattr(each, "model_id", ""))
            if take is not None and each.token not in seen:
                seen.add(each.token)
                take(getattr(each.message, "content", None))
        return True

    return look


def marimo_here() -> Any:
    """Return marimo if a notebook of its, in a page, runs this thread; else None."""
    found: Any = sys.modules.get("marimo")
    is_here = getattr(found, "running_in_notebook", None)
    return found if is_here is not None and is_here() else None


def outputs_before() -> int:
    """Return how many outputs the cell of marimo that runs now has already."""
    try:
        context = import_module("marimo._runtime.context").get_context()
        return len(context.execution_context.output)
    except _OTHERWISE:
        return 0


def may_ask(kernel: Any) -> bool:
    """Tell whether the last cell that ran may ask for input; True if nobody knows."""
    return bool(getattr(kernel, "_allow_stdin", True))


def _kernel() -> Any:
    ipython = sys.modules.get("IPython")
    return getattr(ipython and ipython.get_ipython(), "kernel", None)


def _waiting(kernel: Any) -> Iterator[tuple[str, object, Take]]:
    """Yield what waits of the comms' messages; the queue stays as it is."""
    queue = kernel.msg_queue
    items: list[Any] = []
    try:
        items.extend(queue.get_nowait() for _ in range(queue.qsize()))
    finally:
        for item in items:
            queue.put_nowait(item)
    for _, _, args in items:
        if args:
            yield from _known(kernel.session, args[0])


def _known(session: Any, frames: Any) -> Iterator[tuple[str, object, Take]]:
    """Yield the message's id, its data and who is told, if a comm's it is."""
    for comm_id, take in tuple(_watched.items()):
        message = None
        with contextlib.suppress(*_OTHERWISE, RecursionError):  # of a malformed one
            message = _ours(session, frames, comm_id)
        if message is not None:
            yield *message, take


def _ours(session: Any, frames: Any, comm_id: str) -> tuple[str, object] | None:
    """Read a message if it is the comm's.

    ``content=False`` is vital: else the message counts as delivered, and the kernel
    refuses it afterwards as a duplicate.
    """
    _, parts = session.feed_identities(frames, copy=False)
    if len(parts) < 5 or comm_id.encode() not in parts[4].bytes:
        return None
    message = session.deserialize(parts, content=False, copy=False)
    content = session.unpack(message["content"])
    if message["msg_type"] != "comm_msg" or content["comm_id"] != comm_id:
        return None
    return str(message["msg_id"]), content["data"]


def _tell(data: object, take: Take) -> None:
    if isinstance(data, dict) and data.get("method") == "custom":
        take(data.get("content"))
