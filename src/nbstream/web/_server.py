"""``open``: an app in a notebook, served by a thread, shown below the cell."""

from __future__ import annotations

import asyncio
import atexit
import os
import socket
import sys
import threading
from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import uvicorn

from nbstream.errors import UsageError
from nbstream.screens import view_of
from nbstream.web._application import App

if TYPE_CHECKING:
    from nbstream.web._frame import FrameModel

#: How long a server may take to be ready, and to end, in seconds.
READY_S = 10.0
END_S = 3.0
#: Whose pages show the frame in Colab.
COLAB = ("https://colab.research.google.com", "https://*.googleusercontent.com")
_SAID = "A page is shown here while the kernel that serves it runs. Run the cell again."
#: What of a page is saved: it is the same each time.
SAVED = {"text/plain": _SAID, "text/html": f"<p><em>{_SAID}</em></p>"}


class Server:
    """An app that is being served on 127.0.0.1, on a port that the system gave.

    Attributes:
        url: Its address on this machine.
        height: How high its page is shown below a cell, in pixels.
    """

    def __init__(self, app: Any, *, height: int = 480) -> None:
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self._port = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}/"
        self.height = height
        self._id = uuid4().hex
        self._frame: FrameModel | None = None
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=1,
            lifespan="on",
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._run, name="nbstream-web", daemon=True
        )
        self._thread.start()
        ready = threading.Event()
        waited_s = 0.0
        while not self._server.started and self._thread.is_alive():
            ready.wait(0.002)
            waited_s += 0.002
            if waited_s > READY_S:
                break
        if not self._server.started:
            self.stop()
            raise UsageError("the server did not start; its log above says why")
        atexit.register(self.stop)

    def _run(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._socket]))

    def stop(self) -> None:
        """End all its streams and the server; a second call changes nothing."""
        self._server.should_exit = True
        if threading.current_thread() is not self._thread:
            self._thread.join(END_S)
        self._socket.close()
        atexit.unregister(self.stop)

    @property
    def address(self) -> str:
        """Where the reader's browser finds it: on a Hub, through the Hub's proxy.

        That needs jupyter-server-proxy there.
        """
        prefix = os.environ.get("JUPYTERHUB_SERVICE_PREFIX")
        return f"{prefix}proxy/{self._port}/" if prefix else self.url

    def _ipython_display_(self) -> None:
        """Show the page below the cell; what is saved says so, and has no address."""
        view = view_of(None)
        if view == "terminal":
            sys.stdout.write(f"{self!r}\n")
            return
        from IPython.display import display

        metadata = {"nbstream": {"panel": self._id}}
        if view in {"static", "none"}:
            display(SAVED, raw=True)
        elif view == "live" and (frame := self._framed(metadata)) is not None:
            display({**frame.mime(), **SAVED}, raw=True, metadata=metadata)
        else:
            display({"text/plain": repr(self), "text/html": self._html()}, raw=True)

    def _framed(self, metadata: Mapping[str, object]) -> FrameModel | None:
        """Make the widget, once; None: there is no anywidget."""
        if self._frame is None:
            try:
                from nbstream.web._frame import FrameModel
            except ImportError:
                return None
            saved = {"data": SAVED, "metadata": metadata}
            self._frame = FrameModel(self._id, self.address, self.height, saved)
        return self._frame

    def _html(self) -> str:
        return (
            f'<iframe src="{escape(self.address)}" height="{self.height}" '
            'style="box-sizing: border-box; width: 100%; border: 1px solid #8884" '
            'title="nbstream chat"></iframe>'
        )

    def __repr__(self) -> str:
        ended = "" if self._thread.is_alive() else ", ended"
        return f"<nbstream.web server at {self.url}{ended}>"


def open(app: Any, *, height: int = 480) -> Server:  # noqa: A001 - the public name
    """Serve an app from this process, and show its page below the cell.

    A thread serves it on 127.0.0.1, also while the kernel is busy; it ends with the
    kernel, or by ``.stop()``.

    Args:
        app: What ``nbstream.web.app`` gives, or any ASGI app.
        height: How high the page is shown, in pixels.

    Raises:
        UsageError: it does not start.
    """
    colab = sys.modules.get("google.colab")
    proxied = colab is not None or "JUPYTERHUB_SERVICE_PREFIX" in os.environ
    if proxied and isinstance(app, App):
        # A proxy, which asks who one is, passes its own name on. The reader's browser
        # is elsewhere: no name could lead it to this machine's loopback address.
        app.hosts = ("*",)
        app.origins += COLAB if colab is not None else ()
    server = Server(app, height=height)
    if colab is not None:
        colab.output.serve_kernel_port_as_iframe(server._port, height=height)
    return server
