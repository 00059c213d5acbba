"""Find the socket a thread waits on, and wake the thread up.

``close()`` does not wake a thread that is blocked in ``recv``; ``shutdown`` does.
The socket is the one in the innermost frame of that thread: the one it waits on now,
never one that another thread uses.
"""

from __future__ import annotations

import contextlib
import ctypes
import socket
import sys
import threading
from dataclasses import dataclass
from types import FrameType
from typing import Protocol, runtime_checkable

from nbstream.streams.session import Interrupted
from nbstream.streams.shapes import response_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Where the functions of one module that wait for the network keep the socket."""

    functions: frozenset[str]
    attribute: str  # of `self`; a local variable is looked at as well
    seen: str


_BACKEND = frozenset(
    ("read", "write", "_perform_io", "connect_tcp", "connect_unix_socket", "start_tls")
)
_TLS = ("read", "write", "recv", "recv_into", "send", "sendall", "do_handshake")
_FILE = ("readinto", "write", "create_connection")
#: Private names by module. Where one is missing `of_stream` takes over.
WAITS: dict[str, Wait] = {
    "httpcore2._backends.sync": Wait(
        functions=_BACKEND, attribute="_sock", seen="httpcore2 2.16.2"
    ),
    "httpcore._backends.sync": Wait(
        functions=_BACKEND, attribute="_sock", seen="httpcore 1.0.9"
    ),
    "socket": Wait(
        functions=frozenset(_FILE), attribute="_sock", seen="SocketIO of CPython 3.11"
    ),
    "ssl": Wait(functions=frozenset(_TLS), attribute="", seen="CPython 3.11"),
}
#: Other code of these may hold sockets that are not its thread's own (a pool that
#: looks at idle connections, the wake-up socket of a loop).
NOT_ELSEWHERE_IN = ("asyncio", "httpcore", "httpcore2", "urllib3", "socket", "ssl")


@runtime_checkable
class CanShutDown(Protocol):
    """A socket, or asyncio's ``TransportSocket``."""

    def shutdown(self, how: int, /) -> None:
        """Stop both directions; a reader wakes with an end of file."""


def waited_on(thread_id: int) -> socket.socket | None:
    """Return the socket in the innermost frame of a thread."""
    frame = _innermost(thread_id)
    if frame is None:
        return None
    names = frame.f_locals
    module = str(frame.f_globals.get("__name__", ""))
    wait = WAITS.get(module)
    if wait is not None and frame.f_code.co_name in wait.functions:
        held = getattr(names.get("self"), wait.attribute, None)
        if isinstance(held, socket.socket):
            return held
    elif module.split(".")[0] in NOT_ELSEWHERE_IN:
        return None
    return next((v for v in names.values() if isinstance(v, socket.socket)), None)


def importing(thread_id: int) -> bool:
    """Tell whether a thread is inside an import, which must not be broken off."""
    frame = _innermost(thread_id)
    while frame is not None:
        if frame.f_globals.get("__name__") == "importlib._bootstrap":
            return True
        frame = frame.f_back
    return False


def of_stream(stream: object) -> CanShutDown | None:
    """Return the socket of a stream's open response, by public names only."""
    response = response_of(stream)
    if response is None or getattr(response, "is_closed", True):
        return None  # its connection may serve another request by now
    extensions = getattr(response, "extensions", None)
    if not isinstance(extensions, dict):
        return None
    extra_info = getattr(extensions.get("network_stream"), "get_extra_info", None)
    found = extra_info("socket") if callable(extra_info) else None
    return found if isinstance(found, CanShutDown) else None


def shut_down(found: CanShutDown) -> None:
    """Shut a socket down; one that is already down or closed is fine."""
    with contextlib.suppress(OSError):
        if isinstance(found, socket.socket):
            # Not `SSLSocket.shutdown`: it drops the TLS state under the reader.
            socket.socket.shutdown(found, socket.SHUT_RDWR)
        else:
            found.shutdown(socket.SHUT_RDWR)


def throw(thread_id: int) -> bool:
    """Raise `Interrupted` in a thread as soon as it runs Python code again.

    Not under a tracer on Python 3.11: until the exception is raised there, no traced
    thread could call a Python function (it would start the function for ever).
    """
    if _SET_ASYNC_EXC is None or _traced_311():
        return False
    _SET_ASYNC_EXC(ctypes.c_ulong(thread_id), ctypes.py_object(Interrupted))
    return True


def throw_and_shut_down(thread_id: int, found: socket.socket) -> None:
    """Raise `Interrupted` in a thread, and wake it from this socket to have it raised.

    Nothing but C code may run between the two: see `throw`.
    """
    ident, raised = ctypes.c_ulong(thread_id), ctypes.py_object(Interrupted)
    set_async_exc, shutdown = _SET_ASYNC_EXC, socket.socket.shutdown
    try:
        if set_async_exc is not None:
            set_async_exc(ident, raised)
        shutdown(found, socket.SHUT_RDWR)
    except OSError:  # it is down or closed already
        pass


#: Documented C API; not on every Python (PyPy has none).
_SET_ASYNC_EXC = getattr(ctypes.pythonapi, "PyThreadState_SetAsyncExc", None)


def _traced_311() -> bool:
    tracer = sys.gettrace() or threading.gettrace()
    return tracer is not None and sys.version_info < (3, 12)


def _innermost(thread_id: int) -> FrameType | None:
    current_frames = getattr(sys, "_current_frames", None)
    if current_frames is None:
        return None
    frame = current_frames().get(thread_id)
    return frame if isinstance(frame, FrameType) else None
